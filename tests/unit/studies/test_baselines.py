"""What a user would take instead: out-of-fold predictions without a look at the fold, time, and who is better."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from study_problems import TASKS, problem_of

from goodfit import InputError
from goodfit.data.schema import Schema
from goodfit.data.table import Column, Table
from goodfit.studies import baselines, learners
from goodfit.studies.baselines import Baseline, Rival, better_baseline, train_baselines
from goodfit.studies.fitting import Plan, splits_of
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.samples import row_losses

NAMES = {
    "binary": ["constant", "logistic regression", "histogram boosting"],
    "multiclass": ["constant", "logistic regression", "histogram boosting"],
    "regression": ["constant", "ridge regression", "histogram boosting"],
}


@pytest.fixture(scope="module", params=TASKS)
def trained(request):
    problem = problem_of(request.param, 120, copies=30).merged()
    splits = splits_of(problem, Plan())
    return problem, splits, train_baselines(problem, splits, seed=0)


# -- training ---------------------------------------------------------------------------------------------------------


def test_each_is_there_and_says_so(trained):
    problem, splits, found = trained
    assert [baseline.name for baseline in found] == NAMES[problem.task]
    assert {baseline.note for baseline in found} == {""}
    assert all(baseline.seconds >= 0 for baseline in found)
    assert {len(baseline.fitted) for baseline in found} == {len(splits)}


def test_a_row_is_predicted_by_the_one_that_held_it_out(trained):
    problem, splits, found = trained
    for baseline in found:
        assert baseline.predicted.shape == (problem.rows, max(len(problem.classes), 1))
        for learned, (_, held) in zip(baseline.fitted, splits, strict=True):
            expected = learned.predict(problem.table.take(held))
            np.testing.assert_allclose(baseline.predicted[held], expected, rtol=1e-6)


def test_new_rows_are_predicted_by_the_mean_of_all(trained):
    problem, _, found = trained
    table = problem_of(problem.task, 20, seed=9).table
    for baseline in found:
        each = [learned.predict(table) for learned in baseline.fitted]
        np.testing.assert_allclose(baseline.predict(table), np.mean(each, axis=0))


def test_the_constant_by_hand(trained):
    problem, splits, found = trained
    kept, held = splits[0]
    if problem.task == "regression":
        expected = [np.average(problem.target[kept], weights=problem.weights[kept])]
    else:
        sums = [problem.weights[kept][problem.target[kept] == code].sum() for code in range(len(problem.classes))]
        expected = np.array(sums) / np.sum(sums)
    np.testing.assert_allclose(found[0].predicted[held], np.tile(expected, (len(held), 1)))


def test_they_learn_what_there_is_to_learn(trained):
    """In the mean over the held-out rows; the truth is linear."""
    problem, _, found = trained
    every = np.arange(problem.rows)
    losses = [np.average(row_losses(problem, b.predicted, every), weights=problem.weights) for b in found]
    assert losses[1] < losses[2] < losses[0]


def test_nothing_is_learned_from_rows_held_out(trained):
    """Their targets, numbers and weights may be anything: what is fitted on the others stays the same."""
    problem, splits, found = trained
    kept, held = splits[0]
    random = np.random.default_rng(0)
    columns = []
    for column in problem.table.columns:
        values = column.values.copy()
        values[held] = random.permutation(values[held]) if column.kind == "category" else values[held] * 1e3 + 7
        columns.append(Column(column.name, column.kind, values, column.levels))
    target, weights = problem.target.copy(), problem.weights.copy()
    target[held], weights[held] = random.permutation(target[held]), 1e6
    spoilt = replace(problem, table=Table(tuple(columns), problem.rows), target=target, weights=weights)
    for one, other in zip(found, train_baselines(spoilt, splits, seed=0), strict=True):
        table = problem.table.take(kept[:20])
        np.testing.assert_allclose(other.fitted[0].predict(table), one.fitted[0].predict(table), rtol=1e-9)
        changed = np.abs(other.fitted[1].predict(table) - one.fitted[1].predict(table)).max()
        assert changed > 1e-6 * np.abs(problem.target).max()


def test_the_same_seed_predicts_the_same(trained):
    problem, splits, found = trained
    for one, other in zip(found, train_baselines(problem, splits, seed=0), strict=True):
        np.testing.assert_array_equal(one.predicted, other.predicted)


def test_of_a_single_split_only_the_rows_held_out_are_predicted():
    problem = problem_of("binary", 60).merged()
    rows = np.arange(60)
    for baseline in train_baselines(problem, [(rows[:45], rows[45:])], seed=0):
        assert np.isnan(baseline.predicted).any(1).tolist() == [True] * 45 + [False] * 15
    for baseline in train_baselines(problem, [(rows, rows[:0])], seed=0):
        assert np.isnan(baseline.predicted).all()
        assert np.isfinite(baseline.predict(problem.table)).all()


def test_a_class_that_is_in_one_fold_only_is_no_trouble():
    X = np.random.default_rng(0).normal(size=(60, 2))
    problem = read_problem(X, np.r_[["rare"], np.where(X[1:, 0] > 0, "a", "b")]).merged()
    for baseline in train_baselines(problem, splits_of(problem, Plan()), seed=0):
        np.testing.assert_allclose(baseline.predicted.sum(1), 1)


def test_which_there_are_for_other_rows():
    random = np.random.default_rng(0)
    target = np.arange(40) % 2
    texts = read_problem([f"word{t} word{i % 5} word{i}" for i, t in enumerate(target)], target, task="binary")
    small, large = (
        read_problem(random.integers(0, 255, (40, *shape)).astype(np.uint8), target, task="binary")
        for shape in ((8, 8), (65, 64))
    )
    notes = {}
    for name, problem in (("texts", texts), ("small", small), ("large", large)):
        found = train_baselines(problem, splits_of(problem, Plan()), seed=0)
        notes[name] = {baseline.name: baseline.note for baseline in found}
    assert notes["texts"] == notes["small"] == {"constant": "", "logistic regression": ""}
    assert notes["large"] == {"constant": "", "logistic regression": "more than 4,096 inputs"}


# -- time -------------------------------------------------------------------------------------------------------------


def test_after_the_deadline_only_the_constant_is_there():
    problem = problem_of("binary", 60).merged()
    found = train_baselines(problem, splits_of(problem, Plan()), seed=0, deadline=time.monotonic() - 1)
    assert [(baseline.name, baseline.note) for baseline in found] == list(
        zip(NAMES["binary"], ["", "out of time", "out of time"], strict=True)
    )
    for missing in found[1:]:
        assert missing.fitted == ()
        assert np.isnan(missing.predicted).all()
        with pytest.raises(InputError, match=rf"{missing.name} was not trained \(out of time\)"):
            missing.predict(problem.table)
    assert [rival.name for rival in better_baseline(found, np.zeros(60), problem)] == ["constant"]


@pytest.mark.parametrize(("granted", "notes"), [(15, ["", ""]), (14, ["", "out of time"]), (9, ["out of time"] * 2)])
def test_what_its_first_split_shows_to_be_too_slow_is_given_up(granted, notes, monkeypatch):
    """A clock that moves one second each time a split is fitted: five for each baseline, the constant first."""
    problem = problem_of("binary", 60).merged()
    clock = [0.0]
    monkeypatch.setattr(baselines.time, "monotonic", lambda: clock[0])

    def slow(learner):
        def learn(train: Problem, **given):
            clock[0] += 1.0
            return learner(train, **given)

        return learn

    for name in ("constant", "linear", "boosted"):
        monkeypatch.setattr(baselines, name, slow(getattr(baselines, name)))
    found = train_baselines(problem, splits_of(problem, Plan()), seed=0, deadline=granted)
    assert [baseline.note for baseline in found[1:]] == notes
    assert found[0].seconds == 5


def test_trees_whose_first_ones_are_too_slow_are_out_of_time(monkeypatch):
    """Those of the first fold alone are watched: what these took is known for the others."""
    problem, asked = problem_of("binary", 60).merged(), []

    def slow(train: Problem, *, schema: Schema, seed: int, seconds: float = math.inf):
        asked.append(seconds)
        if seconds < 15:
            raise TimeoutError
        return learners.constant(train)

    monkeypatch.setattr(baselines, "boosted", slow)
    assert not train_baselines(problem, splits_of(problem, Plan()), seed=0, deadline=time.monotonic() + 100)[2].note
    assert asked == [pytest.approx(20, abs=2), *[math.inf] * 4]
    found = train_baselines(problem, splits_of(problem, Plan()), seed=0, deadline=time.monotonic() + 60)
    assert [baseline.note for baseline in found] == ["", "", "out of time"]
    assert found[2].fitted == ()


# -- rivals -----------------------------------------------------------------------------------------------------------


def test_rivals_are_compared_row_by_row(trained):
    problem, _, found = trained
    every = np.arange(problem.rows)
    own = row_losses(problem, found[1].predicted, every)
    rivals = better_baseline(found, own, problem)
    assert [rival.name for rival in rivals] == NAMES[problem.task]
    for rival, baseline in zip(rivals, found, strict=True):
        losses = row_losses(problem, baseline.predicted, every)
        assert rival.loss.value == pytest.approx(np.average(losses, weights=problem.weights))
        assert rival.difference.value == pytest.approx(np.average(losses - own, weights=problem.weights))
        assert rival.difference.low <= rival.difference.value <= rival.difference.high
    assert rivals[0].verdict == "worse"
    assert (rivals[1].verdict, rivals[1].difference.value) == ("alike", 0.0)
    assert better_baseline(found, row_losses(problem, found[0].predicted, every), problem)[1].verdict == "better"


def numbers(rows: int, seed: int = 0) -> tuple[Problem, Baseline]:
    """A baseline whose squared errors are 1 in the mean."""
    random = np.random.default_rng(seed)
    problem = read_problem(random.normal(size=(rows, 1)), random.normal(size=rows) * 9, task="regression")
    predicted = problem.target + random.choice([-1.0, 1.0], rows) * random.gamma(4, 0.25, rows) ** 0.5
    return problem, Baseline("other", predicted[:, None], (object(),), 0.0)


def test_the_interval_and_the_verdict_by_hand():
    problem, baseline = numbers(50)
    losses = (baseline.predicted[:, 0] - problem.target) ** 2
    own = losses * np.random.default_rng(1).uniform(0.3, 1.1, 50)
    (rival,) = better_baseline([baseline], own, problem)
    low, high = stats.ttest_1samp(losses - own, 0).confidence_interval()
    assert (rival.difference.low, rival.difference.high) == (pytest.approx(low), pytest.approx(high))
    assert (rival.verdict, low > 0) == ("worse", True)


def test_a_thousandth_of_the_loss_is_no_difference():
    problem, baseline = numbers(50)
    losses = (baseline.predicted[:, 0] - problem.target) ** 2
    for factor, verdict in ((1.0005, "alike"), (1.01, "better"), (0.99, "worse")):
        assert better_baseline([baseline], losses * factor, problem)[0].verdict == verdict


def test_chance_makes_no_rival_better_more_often_than_promised():
    found = []
    for seed in range(400):
        problem, baseline = numbers(100, seed)
        own = np.random.default_rng([seed, 1]).gamma(4, 0.25, 100)
        found.append(better_baseline([baseline], own, problem)[0].verdict != "alike")
    assert stats.binom.ppf(0.001, 400, 0.05) <= np.sum(found) <= stats.binom.ppf(0.999, 400, 0.05)


def test_rows_of_a_group_count_as_one():
    problem, baseline = numbers(100)
    own = np.repeat(np.random.default_rng(1).normal(1, 1, 10), 10)
    grouped = replace(problem, groups=np.repeat(np.arange(10), 10))
    alone, together = (better_baseline([baseline], own, p)[0].difference for p in (problem, grouped))
    assert together.value == alone.value
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_rows_that_only_some_held_out():
    problem, baseline = numbers(40)
    losses = (baseline.predicted[:, 0] - problem.target) ** 2
    some = np.array([3, 5, 8, 20, 31])
    (rival,) = better_baseline([baseline], losses[some] + 1, problem, rows=some)
    assert rival.difference.to_dict() == pytest.approx({"value": -1.0, "low": -1.0, "high": -1.0})
    assert rival.loss.value == pytest.approx(losses[some].mean())
    partly = baseline.predicted.copy()
    partly[some] = np.nan
    (rival,) = better_baseline([replace(baseline, predicted=partly)], losses + 1, problem)
    assert rival.loss.value == pytest.approx(np.delete(losses, some).mean())


def test_a_row_where_the_network_diverged_is_not_left_out():
    problem, baseline = numbers(40)
    own = np.ones(40)
    own[7] = np.nan
    (rival,) = better_baseline([baseline], own, problem)
    assert isinstance(rival, Rival)
    assert math.isnan(rival.difference.value)
    assert math.isnan(rival.difference.low)
    assert math.isfinite(rival.loss.value)
    assert rival.verdict == "alike"
