"""Column dropout: whole columns of a row, and nothing else of it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit.regularizers.form import Form
from goodfit.regularizers.tables import ColumnDropout
from goodfit.rng import Purpose, Streams

COLUMNS = (0, 0, 1, 3, 3, 3, 2)
FORM = Form(shape=(len(COLUMNS),), columns=COLUMNS)
COUNT = max(COLUMNS) + 1
ROWS = torch.rand(2, 500, len(COLUMNS), generator=torch.Generator().manual_seed(0)) + 1.0


def draw(*seeds, step=0):
    return Streams.of(list(seeds)).at(Purpose.NOISE, step=step)


def gone(p, *, rows=ROWS, seeds=(0, 1), form=FORM, step=0):
    return ColumnDropout(p).inputs(rows, draw(*seeds, step=step), form) == 0


def test_all_inputs_of_a_column_go_together_and_columns_apart():
    missing = gone(0.5)
    for i, one in enumerate(COLUMNS):
        for j, other in enumerate(COLUMNS):
            assert torch.equal(missing[..., i], missing[..., j]) == (one == other)


def test_what_stays_is_as_it_was():
    dropped = ColumnDropout(0.3).inputs(ROWS, draw(0, 1), FORM)
    assert torch.equal(dropped, torch.where(gone(0.3), 0.0, ROWS))


@settings(deadline=None, max_examples=50)
@given(p=st.floats(0.0, 1.0).map(lambda p: round(p, 6)), seed=st.integers(0, 2**63))
def test_each_column_goes_as_often_as_p_says(p, seed):
    missing = gone(p, rows=torch.ones(1, 2000, COUNT), seeds=(seed,), form=Form())
    assert all(stats.binomtest(int(k), 2000, p).pvalue > 1e-9 for k in missing.sum((0, 1)))


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("as_tensor", [False, True])
def test_zero_drops_nothing_bit_for_bit_and_one_drops_all(value, as_tensor):
    p = torch.full((2,), value, dtype=torch.float64) if as_tensor else value
    rows = torch.cat([ROWS, torch.full((2, 1, len(COLUMNS)), -0.0), torch.full((2, 1, len(COLUMNS)), torch.inf)], 1)
    dropped = ColumnDropout(p).inputs(rows, draw(0, 1), FORM)
    assert torch.equal(dropped.view(torch.int32), (rows if value == 0 else torch.zeros_like(rows)).view(torch.int32))


def test_each_member_has_its_own_p_and_its_own_numbers():
    p = torch.tensor([0.0, 0.2, 0.5, 0.5], dtype=torch.float64)
    together = gone(p, rows=ROWS[:1].expand(4, -1, -1), seeds=(5, 6, 6, 7))
    assert not together[0].any()
    assert torch.equal(together[2], gone(torch.tensor([0.5]), rows=ROWS[:1], seeds=(6,))[0])
    assert (together[2] >= together[1]).all()
    assert not torch.equal(together[2], together[3])


def test_a_row_draws_the_same_however_far_the_batch_is_padded():
    padded = torch.cat([ROWS, ROWS[:, :100]], 1)
    assert torch.equal(gone(0.5, rows=padded)[:, :500], gone(0.5))


def test_each_step_draws_anew():
    assert not torch.equal(gone(0.5), gone(0.5, step=1))


def test_without_columns_each_input_is_its_own():
    missing = gone(0.5, form=Form())
    assert all(not torch.equal(missing[..., 0], missing[..., i]) for i in range(1, len(COLUMNS)))
