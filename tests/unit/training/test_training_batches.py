import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_problems import make_run

from goodfit.rng import Purpose, Streams
from goodfit.training.rows import Sample
from goodfit.training.runs import steps_an_epoch
from goodfit.training.step import batches


def sample(counts):
    """Rows 100, 101, ... of the first member, 200, ... of the second; the rest is padding."""
    index = torch.arange(max(counts))
    own = torch.tensor(counts)
    rows = torch.where(index < own[:, None], index + 100 * torch.arange(1, len(counts) + 1)[:, None], -1)
    return Sample(rows, own, len(set(counts)) == 1)


def cut(counts, steps):
    """Each member's batches, a list of its rows a step, in its own order."""
    order = Streams.of(list(range(len(counts)))).at(Purpose.ORDER).order(max(counts), torch.tensor(counts))
    found = [[] for _ in counts]
    for rows, own in batches(sample(counts), order, steps):
        for m, batch in enumerate(found):
            batch.append((rows[m] if own is None else rows[m][own[m]]).tolist())
    return found


@settings(deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=5), data=st.data())
def test_batches_partition_each_members_rows_evenly(counts, data):
    steps = data.draw(st.integers(1, min(counts)))
    for m, (own, count) in enumerate(zip(cut(counts, steps), counts, strict=True)):
        assert len(own) == steps
        assert sorted(row for batch in own for row in batch) == [100 * (m + 1) + i for i in range(count)]
        sizes = [len(batch) for batch in own]
        assert max(sizes) - min(sizes) <= 1


@settings(deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=5), data=st.data())
def test_batches_of_a_member_are_those_it_has_alone(counts, data):
    """In the order of its own permutation, wherever it stands."""
    steps = data.draw(st.integers(1, min(counts)))
    for m, own in enumerate(cut(counts, steps)):
        order = Streams.of([m]).at(Purpose.ORDER).order(counts[m])[0] + 100 * (m + 1)
        cuts = [counts[m] * t // steps for t in range(steps + 1)]
        assert own == [order[a:b].tolist() for a, b in pairwise(cuts)]


def test_rows_are_marked_only_where_some_are_padding():
    orders = torch.arange(6).expand(2, 6)
    assert all(own is None for _, own in batches(sample([6, 6]), orders, 2))
    marked = [own for _, own in batches(sample([6, 4]), orders, 2)]
    assert [own.tolist() for own in marked] == [[[True] * 3, [True, True, False]]] * 2


@given(rows=st.integers(1, 5000), batch_size=st.integers(1, 600))
def test_no_batch_is_larger_than_asked_for(rows, batch_size):
    steps = steps_an_epoch(make_run(range(rows)), batch_size)
    assert math.ceil(rows / steps) <= batch_size
    assert steps == 1 or math.ceil(rows / (steps - 1)) > batch_size


@pytest.mark.parametrize(("rows", "batch_size", "steps"), [(1, 256, 1), (256, 256, 1), (257, 256, 2), (10, 1, 10)])
def test_steps_an_epoch(rows, batch_size, steps):
    assert steps_an_epoch(make_run(range(rows)), batch_size) == steps
