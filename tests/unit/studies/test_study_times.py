"""Studies of rows with times: what they carry on, what they refuse, and that their figures hold for the future."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from study_problems import SETTINGS

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.report.tables import Labels, comparison_table
from goodfit.studies.ablation import ablate
from goodfit.studies.baselines import better_baseline, train_baselines
from goodfit.studies.comparison import Repeats, compare
from goodfit.studies.diagnosing import diagnose_problem
from goodfit.studies.fitting import Plan, fit, model_of, splits_of
from goodfit.studies.leaks import find_leaks
from goodfit.studies.problem import Problem, read_problem, read_times
from goodfit.studies.samples import repeated_folds, row_losses
from goodfit.studies.searching.choosing import _best
from goodfit.studies.subject import Subject
from goodfit.studies.testing import split_test
from goodfit.studies.trials import trial_of
from goodfit.training import Settings


def timed(rows: int = 120, *, times=None, seed: int = 0) -> Problem:
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, 3))
    order = random.permutation(rows) if times is None else times
    return read_problem(X, X[:, 0] + random.normal(size=rows) > 0, times=order)


# -- reading ----------------------------------------------------------------------------------------------------------


def test_dates_are_seconds_and_numbers_stay():
    days = [date(1970, 1, 1) + timedelta(days=i) for i in (2, 0, 1)]
    for given in (days, pl.Series(days), np.array(days, dtype="datetime64[D]")):
        np.testing.assert_array_equal(read_times(given, 3), np.array([2, 0, 1]) * 86_400.0)
    np.testing.assert_array_equal(read_times([3, 1, 2], 3), [3.0, 1.0, 2.0])


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ([1, 2], "times has 2 values; give 3, one for each row"),
        ([1, None, 3], "times has no value in row 2: give one"),
        (["a", "b", "c"], "times holds 'a' in row 1, which is no time: give dates or numbers"),
        ([True, False, True], "which is no time"),
    ],
)
def test_what_is_no_time_is_refused(times, words):
    with pytest.raises(InputError, match=words):
        read_times(times, 3)


def test_groups_and_times_together_are_refused():
    with pytest.raises(InputError, match="groups and times"):
        read_problem([[0.0], [1.0]] * 3, [0, 1] * 3, groups=range(6), times=range(6))


# -- carried on -------------------------------------------------------------------------------------------------------


def test_parts_keep_their_times_and_a_row_that_comes_back_later_is_no_copy():
    problem = read_problem([[0.0], [0.0], [0.0], [1.0]], [0, 0, 0, 1], times=[5, 5, 7, 1])
    merged = problem.merged()
    assert sorted(zip(merged.times, merged.weights, strict=True)) == [(1.0, 1.0), (5.0, 2.0), (7.0, 1.0)]
    np.testing.assert_array_equal(problem.take(np.array([3, 2])).times, [1.0, 7.0])


def test_rows_that_come_back_later_are_no_leak():
    problem = timed(200)
    again = replace(problem, table=problem.table.take(np.arange(200) % 100))
    assert find_leaks(again, seed=0).copies == 0
    assert find_leaks(replace(again, times=None), seed=0).copies == 1


# -- what a study does ------------------------------------------------------------------------------------------------


def test_a_test_needs_two_classes_before_it():
    with pytest.raises(InputError, match="all rows but the latest are of class 'False'"):
        split_test(read_problem([[float(i)] for i in range(40)], np.arange(40) >= 35, times=range(40)), 0.2, 0)


def test_an_ablation_and_baselines_are_asked_about_the_later_half_alone():
    problem = timed()
    found = ablate(problem, Recipe.parse("l2=0.01, dropout=0.1"), plan=Plan(), settings=SETTINGS)
    own = found.fit.prepared.problem
    rows = np.flatnonzero(own.times >= 60)
    trial = trial_of(found.fit.prepared, found.fit.best.results, "dose", "")
    assert len(trial.losses) == len(rows) == 60
    assert found.losses[found.fit.chosen].value == pytest.approx(trial.losses.mean())
    baselines = train_baselines(own, splits_of(own, Plan()), seed=0)
    assert all(np.flatnonzero(np.isfinite(b.predicted).all(1)).tolist() == rows.tolist() for b in baselines)
    rival = better_baseline(baselines, trial.losses, own, rows=rows)[0]
    assert rival.loss.value == pytest.approx(row_losses(own, baselines[0].predicted[rows], rows).mean())


def test_a_diagnosis_asks_about_later_blocks_once():
    found = diagnose_problem(timed(240), Subject(Recipe(), SETTINGS))
    evidence = found.evidence
    assert evidence is not None
    assert found.prepared is not None
    times = found.prepared.problem.times[evidence.rows]
    np.testing.assert_array_equal(np.sort(times), np.arange(140, 240))
    assert sum(map(len, evidence.held)) == len(evidence.rows)
    assert any(verdict.outcome != "not applicable" for verdict in found.diagnosis.verdicts)


@pytest.mark.parametrize("times", [np.zeros(120), np.arange(120) // 40, np.minimum(np.arange(120), 61)])
def test_a_diagnosis_of_too_few_times_tells_so(times):
    found = diagnose_problem(timed(times=times), Subject(Recipe(), SETTINGS)).diagnosis
    assert {verdict.outcome for verdict in found.verdicts} == {"not applicable"}
    assert "too few times; 12 or more" in str(found.verdicts[0])


def test_repeats_of_a_comparison_know_rows_up_to_moments_of_their_own():
    found = compare(timed(), [Recipe()], repeats=Repeats(12), settings=SETTINGS)
    sizes = [len(s.train) + len(s.validation) + len(s.test) for s in found.splits]
    assert min(sizes) >= 72
    assert len(set(sizes)) > 6
    for split, size in zip(found.splits, sizes, strict=True):
        assert found.prepared.problem.times[split.test].max() == size - 1
        assert found.test_share == pytest.approx(len(split.test) / (size - len(split.test)), abs=0.03)
    assert "up to a moment of its own" in comparison_table(found, Labels("compare", "", "", "", {}))["note"]


def test_a_study_that_holds_out_every_row_refuses_times():
    with pytest.raises(InputError, match="leave times away"):
        repeated_folds(timed(), 5, 2, seed=0)


def test_few_networks_of_a_model_are_those_of_the_latest_folds():
    fitted = fit(timed(), [Recipe()], plan=Plan(), settings=SETTINGS)
    results = fitted.best.results
    assert _best(results, 2, latest=True) == [3, 4]
    lowest = np.argsort([r.history.validation[r.best_epoch - 1] for r in results], kind="stable")[:2]
    assert _best(results, 2, latest=False) == sorted(lowest.tolist())


# -- the future -------------------------------------------------------------------------------------------------------


def drifting(seed: int) -> Problem:
    """A new lot every 12 rows, whose level nobody knows before."""
    random = np.random.default_rng(seed)
    lot = np.repeat(np.arange(100), 12)
    x = random.normal(size=1200)
    y = x + 2 * random.normal(size=100)[lot] + 0.5 * random.normal(size=1200)
    return read_problem(pl.DataFrame({"x": x, "lot": [f"lot {i}" for i in lot]}), y, times=lot)


def told_and_true(train: Problem, test: Problem) -> tuple[float, float]:
    """The held-out loss of a fit, and the loss of its model on later rows."""
    settings = Settings(hidden=(), batch_size=32, max_epochs=60)
    fitted = fit(train, [Recipe.parse("l2=0.001")], plan=Plan(learning_rate=0.03), settings=settings)
    told = trial_of(fitted.prepared, fitted.best.results, "dose", "").losses.mean()
    true = np.square(model_of(fitted, fitted.best).predict(test.table)[:, 0] - test.target).mean()
    return float(told), float(true)


def test_where_things_change_the_order_of_time_tells_what_comes_and_a_random_split_flatters():
    random, ordered = [], []
    for seed in range(3):
        train, test = split_test(drifting(seed), 0.2, 0)
        random.append(told_and_true(replace(train, times=None), test))
        ordered.append(told_and_true(train, test))
    told, true = np.mean(random, 0)
    assert told < 0.2 * true
    told, true = np.mean(ordered, 0)
    assert 0.7 * true < told < 1.3 * true
