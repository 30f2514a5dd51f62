"""Test rows are split off by target, seed and equality alone; scores on them come with honest intervals."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from study_problems import TASKS, contents, problem_of

from goodfit.data.table import Table
from goodfit.metrics import metrics_of
from goodfit.studies import testing
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.rating import scores_of
from goodfit.studies.testing import Predictor, score_on, split_test


def rows_of(part: Problem, whole: Problem) -> list[int]:
    """The rows of a problem that a part of it holds, told by weights that number them."""
    assert len(set(whole.weights)) == whole.rows
    return [int(np.flatnonzero(whole.weights == weight)[0]) for weight in part.weights]


def numbered(problem: Problem) -> Problem:
    return replace(problem, weights=np.arange(1.0, problem.rows + 1))


# -- the split --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_share_of_the_rows_is_split_off_and_all_others_are_kept_in_order(task):
    problem = numbered(problem_of(task, 200))
    train, test = split_test(problem, 0.2, seed=0)
    kept, held = rows_of(train, problem), rows_of(test, problem)
    assert sorted(kept + held) == list(range(200))
    assert (kept, held) == (sorted(kept), sorted(held))
    assert len(held) == 40
    for stratum, count in zip(*np.unique(problem.strata, return_counts=True), strict=True):
        assert abs((problem.strata[held] == stratum).sum() - 0.2 * count) <= 1
    assert contents(test) == contents(problem, held)


@pytest.mark.parametrize("task", TASKS)
def test_what_stands_in_a_row_decides_nothing(task):
    """Poison in the features of test rows: the split is the same, and so are all training rows."""
    problem = numbered(problem_of(task, 120))
    train, test = split_test(problem, 0.25, seed=4)
    held = rows_of(test, problem)
    columns = []
    for column in problem.table.columns:
        values = column.values.copy()
        values[held] = np.arange(len(held)) * 1e250 if column.kind == "number" else 0
        columns.append(replace(column, values=values))
    bad = replace(problem, table=Table(tuple(columns), 120))
    other, poison = split_test(bad, 0.25, seed=4)
    assert rows_of(poison, bad) == held
    assert contents(other) == contents(train)
    np.testing.assert_array_equal(other.weights, train.weights)


@pytest.mark.parametrize("task", TASKS)
def test_copies_stay_on_one_side(task):
    problem = numbered(problem_of(task, 100, copies=60))
    train, test = split_test(problem, 0.3, seed=1)
    assert not set(contents(train)) & set(contents(test))
    assert train.rows + test.rows == 160
    assert len(set(contents(test))) == 30


def test_another_seed_splits_another_way():
    problem = numbered(problem_of("binary", 200))
    splits = {tuple(rows_of(split_test(problem, 0.2, seed)[1], problem)) for seed in range(5)}
    assert len(splits) == 5
    assert split_test(problem, 0.2, 3)[1].weights.tolist() == split_test(problem, 0.2, 3)[1].weights.tolist()


def test_both_parts_raise_the_alarm_for_the_same_class():
    """62 against 63 rows: 50 of each are left to train on, where a rarer class could no longer be told."""
    problem = read_problem(np.random.default_rng(0).normal(size=(125, 3)), np.arange(125) < 63)
    train, test = split_test(problem, 0.2, seed=0)
    assert np.bincount(train.target).tolist() == [50, 50]
    assert train.positive == test.positive == problem.positive == 0
    assert train.merged().positive == 0


# -- the scores -------------------------------------------------------------------------------------------------------


def predictor_for(problem: Problem, skill: float, seed: int = 0) -> Predictor:
    """Predictions between chance and the truth."""
    random = np.random.default_rng(seed)
    if problem.task == "regression":
        noise = random.normal(0, problem.target.std(), problem.rows)
        return Predictor((problem.target + (1 - skill) * noise)[:, None])
    guess = random.dirichlet(np.ones(len(problem.classes)), problem.rows)
    return Predictor(skill * np.eye(len(problem.classes))[problem.target] + (1 - skill) * guess)


@pytest.fixture(autouse=True, scope="module")
def _few_draws():
    """Scikit-learn takes milliseconds a draw; how good intervals are is asked of all draws below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(testing, "REPLICATES", 40)
        yield


@pytest.fixture(scope="module", params=TASKS)
def tested(request):
    """A poor predictor, a better one, the first again, and one that is nearly the first."""
    problem = problem_of(request.param, 80, copies=20).merged()
    poor, better = predictor_for(problem, 0.1), predictor_for(problem, 0.3, seed=1)
    near = Predictor(0.95 * poor.predicted + 0.05 * poor.predicted.mean(0))
    predictors = [poor, better, poor, near]
    return problem, predictors, score_on(problem, predictors, seed=0)


def test_values_are_the_scores_of_all_rows_and_lie_in_their_intervals(tested):
    problem, predictors, found = tested
    for predictor, one in zip(predictors, found, strict=True):
        expected = scores_of(problem, predictor.predicted)
        assert {key: estimate.value for key, estimate in one.scores.items()} == expected
        assert list(one.scores) == [metric.key for metric in metrics_of(problem.task)]
        for estimate in one.scores.values():
            assert estimate.low <= estimate.value <= estimate.high
            assert estimate.low < estimate.high


def width(estimate) -> float:
    return estimate.high - estimate.low


def test_differences_are_from_the_first_on_the_same_draws(tested):
    problem, _, (first, better, copy, near) = tested
    for key in first.scores:
        for same in (first, copy):
            assert same.differences[key].to_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert better.differences[key].value == better.scores[key].value - first.scores[key].value
    smooth = "rmse" if problem.task == "regression" else "log_loss"
    assert 0 < width(near.differences[smooth]) < width(near.scores[smooth]) / 3
    assert better.differences[smooth].high < 0


def test_what_others_are_scored_beside_plays_no_part(tested):
    problem, predictors, found = tested
    alone = score_on(problem, predictors[1:2], seed=0)[0]
    assert alone.scores == found[1].scores
    assert score_on(problem, predictors[:1], seed=1)[0].scores != found[0].scores


def test_the_threshold_is_the_predictors_own_and_of_the_problems_alarm():
    problem = problem_of("binary", 60)
    alarm = problem.target == problem.positive
    suspicion = np.where(alarm, 0.4, 0.3)
    predicted = np.empty((60, 2))
    predicted[:, problem.positive], predicted[:, 1 - problem.positive] = suspicion, 1 - suspicion
    found = score_on(problem, [Predictor(predicted, t) for t in (0.25, 0.35, 0.45, None)], seed=0)
    assert [one.scores["balanced_accuracy"].value for one in found] == [0.5, 1.0, 0.5, 0.5]
    for key in ("accuracy", "log_loss", "roc_auc"):
        assert len({one.scores[key].value for one in found}) == 1


@pytest.mark.parametrize("share", [pytest.param(0.5, marks=pytest.mark.slow), 0.9])
def test_the_interval_holds_the_true_accuracy_about_as_often_as_it_says(monkeypatch, share):
    """300 test sets of 100 rows, each of a class by chance; one is named rightly with chance 0.9, the other 0.6."""
    monkeypatch.setattr(testing, "REPLICATES", 200)
    random, held = np.random.default_rng(0), 0
    for seed in range(300):
        problem = read_problem(np.arange(100.0)[:, None], random.random(100) < share, task="binary")
        right = random.random(100) < np.where(problem.target == 0, 0.9, 0.6)
        named = np.where(right, problem.target, 1 - problem.target)
        estimate = score_on(problem, [Predictor(np.eye(2)[named])], seed)[0].scores["accuracy"]
        held += estimate.low <= (1 - share) * 0.9 + share * 0.6 <= estimate.high
    assert stats.binomtest(held, 300, 0.94).pvalue > 1e-3
    assert 0.89 <= held / 300 <= 0.99


def test_a_score_that_the_rows_leave_undefined_has_no_interval():
    problem = problem_of("binary", 60)
    one = problem.take(np.flatnonzero(problem.target == 0))
    scores = score_on(one, [predictor_for(one, 0.5)], seed=0)[0].scores
    assert np.isnan([scores["roc_auc"].value, scores["roc_auc"].low, scores["roc_auc"].high]).all()
    assert np.isfinite(scores["log_loss"].low)
