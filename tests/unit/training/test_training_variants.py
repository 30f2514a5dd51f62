"""In each epoch a training text stands as itself or as one of its variants, all alike."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from training_problems import assert_near, make_data, make_run, make_settings

from goodfit.rng import Streams
from goodfit.training import Execution, Run, train
from goodfit.training.rows import rows_of

ROWS, COPIES = 60, 4
"""Rows of the data that are themselves, and variants of each, one after the other behind them."""
ENGINES = ("compiled", "portable")
SEEDS = range(40)


def data_of(copies=COPIES, views=1):
    """Rows with variants that are nearly the same."""
    data = make_data("binary", rows=ROWS * (1 + copies), views=views)
    near = torch.arange(ROWS).repeat_interleave(copies) if copies else torch.empty(0, dtype=torch.int64)
    inputs = torch.cat([data.inputs[:, :ROWS], data.inputs[:, near] + 0.1 * data.inputs[:, ROWS:]], 1)
    targets = torch.cat([data.targets[:, :ROWS], data.targets[:, near]], 1)
    return replace(data, inputs=inputs, targets=targets)


def run_with(rows=range(40), copies=COPIES, *, seed=0, view=0, stride=COPIES, **changes) -> Run:
    run = make_run(rows, range(40, 60), seed=seed, view=view, **changes)
    return replace(run, variants=ROWS + run.train[:, None] * stride + np.arange(copies))


def drawn(rows, seed, epoch=0):
    """The rows that an epoch learns from, of some runs' rows."""
    return rows.of_epoch(Streams.of([seed] if isinstance(seed, int) else list(seed)), epoch).train.rows


def chosen_of(numbers, own, copies=COPIES):
    """Which of its forms each row stands as: 0 for itself, then its variants; fails where it is none of these."""
    places = np.where(numbers < ROWS, 0, (numbers - ROWS) % copies + 1)
    np.testing.assert_array_equal(np.where(numbers < ROWS, numbers, (numbers - ROWS) // copies), own)
    return places


@pytest.mark.parametrize("copies", [1, 2, 3, 4, 7])
def test_a_row_is_drawn_among_itself_and_its_variants_all_alike(copies):
    data = data_of(copies)
    counts = np.zeros((ROWS, copies + 1))
    for seed in SEEDS:
        run = run_with(range(ROWS), copies, seed=seed, stride=copies)
        rows = rows_of(data, [run])
        for epoch in range(10):
            own = chosen_of(drawn(rows, seed, epoch)[0].numpy(), run.train, copies)
            np.add.at(counts, (np.arange(ROWS), own), 1)
    assert stats.chisquare(counts.sum(0)).pvalue > 1e-3
    # each row by itself too: the sum over rows of their own statistics
    expected = len(SEEDS) * 10 / (copies + 1)
    assert stats.chi2(ROWS * copies).sf((np.square(counts - expected) / expected).sum()) > 1e-3
    assert counts.min() > 0


def test_the_draws_of_rows_and_of_epochs_are_independent():
    data, run = data_of(1), run_with(range(ROWS), 1, stride=1)
    rows = rows_of(data, [run])
    own = np.array([chosen_of(drawn(rows, 0, epoch)[0].numpy(), run.train, 1) for epoch in range(400)])
    apart = np.corrcoef(own.T) - np.eye(ROWS)
    assert np.abs(apart).max() < 0.25  # 1,770 pairs of 400 tosses: 0.05 is usual, 5 times that happens to none
    later = [np.corrcoef(own[:-1, row], own[1:, row])[0, 1] for row in range(ROWS)]
    assert np.abs(later).max() < 0.25


@settings(deadline=None)
@given(
    seeds=st.lists(st.integers(0, 2**40), min_size=1, max_size=4),
    counts=st.lists(st.integers(1, 12), min_size=4, max_size=4),
    copies=st.lists(st.sampled_from([0, 1, 4]), min_size=4, max_size=4),
    epoch=st.integers(0, 10**6),
)
def test_a_draw_is_its_members_own_whatever_its_company_and_padding(seeds, counts, copies, epoch):
    """Others have more rows or fewer, and more variants, fewer or none."""
    data = data_of()
    runs = [
        run_with(range(3, 3 + count), many, seed=seed) for seed, count, many in zip(seeds, counts, copies, strict=False)
    ]
    together = drawn(rows_of(data, runs), seeds, epoch)
    for place, (run, seed) in enumerate(zip(runs, seeds, strict=True)):
        alone = drawn(rows_of(data, [run]), seed, epoch)[0]
        own = together[place, : len(run.train)]
        assert torch.equal(own, alone)
        if not run.variants.shape[1]:
            assert own.tolist() == run.train.tolist()
        chosen_of(own.numpy(), run.train)


def test_parts_of_a_population_and_those_that_go_on_draw_the_same():
    data, seeds = data_of(), [5, 6, 7, 8]
    runs = [run_with(range(20 + 5 * i), (4, 0, 2, 4)[i], seed=seed) for i, seed in enumerate(seeds)]
    rows = rows_of(data, runs)
    whole = drawn(rows, seeds)
    middle = drawn(rows.part(1, 3), seeds[1:3])
    assert torch.equal(middle, whole[1:3, : middle.shape[1]])
    kept = drawn(rows.keep(torch.tensor([0, 2])), [seeds[0], seeds[2]])
    assert torch.equal(kept, whole[[0, 2], : kept.shape[1]])


def test_without_variants_nothing_is_drawn():
    rows = rows_of(data_of(), [make_run(seed=3)])
    assert rows.of_epoch(Streams.of([3]), 0) is rows


def test_a_synthetic_row_stands_as_itself_always():
    data = data_of()
    run = replace(run_with(range(20), seed=2), added=np.arange(30, 36))
    rows = rows_of(data, [run])
    for epoch in range(20):
        found = drawn(rows, 2, epoch)[0]
        assert found[20:].tolist() == list(range(30, 36))
        chosen_of(found[:20].numpy(), run.train)


def test_variants_are_those_of_the_runs_own_view():
    data = data_of(views=3)
    total = data.inputs.shape[1]
    for view in range(3):
        run = run_with(seed=4, view=view)
        found = drawn(rows_of(data, [run]), 4)[0].numpy() - view * total
        np.testing.assert_array_equal(chosen_of(found, run.train), chosen_of(drawn_of_first_view(), run.train))


def drawn_of_first_view():
    return drawn(rows_of(data_of(views=3), [run_with(seed=4)]), 4)[0].numpy()


def test_evaluated_and_watched_rows_stay_as_they_are():
    rows = rows_of(data_of(), [run_with(seed=1)])
    later = rows.of_epoch(Streams.of([1]), 3)
    assert later.evaluated is rows.evaluated
    assert later.validation is rows.validation
    assert later.evaluated.rows[0].tolist() == list(range(40))
    assert not torch.equal(later.train.rows, rows.train.rows)


def test_losses_are_measured_on_the_texts_themselves():
    runs = [run_with(learning_rate=0.0), make_run(range(40), range(40, 60), learning_rate=0.0)]
    for engine in ENGINES:
        one, other = (
            train(data_of(), [run], make_settings(max_epochs=3), execution=Execution(threads=1, engine=engine))[0]
            for run in runs
        )
        np.testing.assert_array_equal(one.history.train, other.history.train)
        np.testing.assert_array_equal(one.history.validation, other.history.validation)


def all_kinds():
    """Runs with variants, without, with fewer, with synthetic rows, of several views, in one population."""
    return [
        run_with(seed=0),
        make_run(range(33), range(40, 60), seed=1),
        run_with(range(27), 2, seed=2, view=1),
        replace(run_with(range(20), seed=3), added=np.arange(50, 58)),
        run_with(range(40), 1, seed=4, recipe="early_stopping=1 min_delta=1e9"),
        run_with(range(12), seed=5, recipe="dropout=0.2 input=0.1, l2=0.01"),
    ]


def test_both_engines_see_the_same_rows():
    """A row more or less, or another of its variants, would change far more than the last digits."""
    data, chosen = data_of(views=2), make_settings(max_epochs=5)
    one, other = (train(data, all_kinds(), chosen, execution=Execution(threads=1, engine=engine)) for engine in ENGINES)
    assert_near(one, other, 1e-5)
    moved = replace(all_kinds()[0], variants=all_kinds()[0].variants[:, ::-1].copy())
    (changed,) = train(data, [moved], chosen, execution=Execution(threads=1, engine="compiled"))
    assert np.abs(changed.parameters - one[0].parameters).max() > 1e-3


@pytest.mark.parametrize("engine", ENGINES)
def test_an_epoch_of_variants_is_an_epoch_of_these_rows(engine):
    """One epoch of a run with variants is one of the run on the rows that were drawn."""
    data, chosen = data_of(), make_settings(max_epochs=1)
    run = run_with(seed=11)
    own = drawn(rows_of(data, [run]), 11)[0].numpy()
    assert not np.array_equal(own, run.train)
    plain = replace(run, train=own, variants=np.empty((0, 0), np.int64))
    execution = Execution(threads=1, engine=engine)
    (one,), (other,) = (train(data, [r], chosen, execution=execution) for r in (run, plain))
    np.testing.assert_array_equal(one.parameters, other.parameters)
    assert one.history.train != other.history.train


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_with_variants_alone_is_the_run_in_company(engine):
    data, chosen = data_of(views=2), make_settings(max_epochs=4)
    runs = all_kinds()
    execution = Execution(threads=1, engine=engine)
    together = train(data, runs, chosen, execution=execution)
    for run, among in zip(runs, together, strict=True):
        (alone,) = train(data, [run], chosen, execution=execution)
        assert_near([alone], [among], 0.0 if engine == "compiled" else 1e-5)
