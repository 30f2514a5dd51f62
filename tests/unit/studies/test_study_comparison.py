"""A comparison: splits, pairing, and scores that anybody could compute from the predictions."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics
from study_problems import SETTINGS, TASKS, contents, predicted_by_hand, problem_of, recipes

from goodfit.errors import InputError
from goodfit.metrics import metrics_of
from goodfit.regularizers import Recipe
from goodfit.report.tables import Labels, comparison_table
from goodfit.saving import json_text
from goodfit.studies import comparison
from goodfit.studies.comparison import Comparison, Repeats, compare
from goodfit.studies.predicting import predictions
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.rating import scores_of

SEEDS, ROWS = 4, 100
TEXTS = ("none", "l2=0.05", "dropout=0.3, early_stopping=2")


@pytest.fixture(scope="module", params=TASKS)
def compared(request) -> Comparison:
    """Three recipes on 100 rows and copies of 40 of them."""
    problem = problem_of(request.param, ROWS, copies=40)
    return compare(problem, recipes(*TEXTS), repeats=Repeats(SEEDS, seed=5), settings=SETTINGS)


@pytest.fixture(scope="module")
def binary() -> Comparison:
    problem = problem_of("binary", ROWS)
    return compare(problem, recipes("none", "l2=1"), repeats=Repeats(SEEDS), settings=SETTINGS)


# -- splits and runs --------------------------------------------------------------------------------------------------


def test_each_repeat_splits_all_rows_in_three_parts_and_keeps_the_strata_even(compared):
    problem = compared.prepared.problem
    assert problem.rows == ROWS
    assert len(compared.splits) == SEEDS
    for split in compared.splits:
        together = np.sort(np.concatenate([split.train, split.validation, split.test]))
        np.testing.assert_array_equal(together, np.arange(ROWS))
        assert (len(split.train), len(split.validation), len(split.test)) == (60, 20, 20)
        for part, share in ((split.train, 0.6), (split.validation, 0.2), (split.test, 0.2)):
            for stratum, count in zip(*np.unique(problem.strata, return_counts=True), strict=True):
                assert abs((problem.strata[part] == stratum).sum() - share * count) < 2
    assert len({tuple(split.test) for split in compared.splits}) == SEEDS
    assert compared.test_share == 20 / 80


def test_of_very_many_training_rows_some_are_scored_and_the_table_says_so(binary, monkeypatch):
    monkeypatch.setattr(comparison, "MOST_SCORED", 25)
    some = compare(problem_of("binary", ROWS), recipes("none", "l2=1"), repeats=Repeats(SEEDS), settings=SETTINGS)
    for place, (split, whole) in enumerate(zip(some.splits, binary.splits, strict=True)):
        assert split.train.tolist() == whole.train.tolist() == whole.scored.tolist()
        assert len(np.unique(split.scored)) == 25
        assert np.isin(split.scored, split.train).all()
        predicted = predictions(some.prepared, some.results[0][place], split.scored)
        expected = scores_of(some.prepared.problem, predicted, split.scored)
        assert some.scores[0]["train_log_loss"][place] == expected["log_loss"]
        assert some.scores[0]["test_log_loss"][place] == binary.scores[0]["test_log_loss"][place]
    labels = Labels("compare", "", "", "y", {}, ())
    assert "Training scores are those of 25 of 60 rows" in comparison_table(some, labels)["note"]
    assert "Training scores" not in comparison_table(binary, labels)["note"]


def test_shares_are_those_asked_for(binary):
    repeats = Repeats(2, test=0.5, validation=0.3)
    other = compare(problem_of("binary", ROWS), recipes("none"), repeats=repeats, settings=SETTINGS)
    for split in other.splits:
        assert (len(split.train), len(split.validation), len(split.test)) == (20, 30, 50)
    assert other.test_share == 1.0


def test_every_recipe_sees_the_same_splits_seeds_and_views(compared):
    assert [str(recipe) for recipe in compared.recipes] == list(TEXTS)
    seeds = [result.run.seed for result in compared.results[0]]
    assert len(set(seeds)) == SEEDS
    for recipe, own in zip(compared.recipes, compared.results, strict=True):
        assert [result.run.seed for result in own] == seeds
        assert [result.run.view for result in own] == list(range(SEEDS))
        for result, split in zip(own, compared.splits, strict=True):
            assert str(result.run.recipe) == str(recipe)
            np.testing.assert_array_equal(result.run.train, split.train)
            np.testing.assert_array_equal(result.run.validation, split.validation)


def test_no_copy_of_a_test_row_was_learned_from_or_watched(compared):
    problem = compared.prepared.problem
    for own in compared.results:
        for result, split in zip(own, compared.splits, strict=True):
            known = np.concatenate([result.run.train, result.run.validation])
            assert not set(contents(problem, known)) & set(contents(problem, split.test))


def poisoned(problem: Problem, rows: np.ndarray) -> Problem:
    """Other numbers, levels and weights in some rows."""
    columns = []
    for column in problem.table.columns:
        values = column.values.copy()
        values[rows] = 1e6 if column.kind == "number" else (values[rows] + 1) % len(column.levels)
        columns.append(replace(column, values=values))
    weights = problem.weights.copy()
    weights[rows] = 1000.0
    return replace(problem, table=replace(problem.table, columns=tuple(columns)), weights=weights)


@pytest.mark.parametrize("task", TASKS)
def test_poison_in_a_test_row_reaches_other_repeats_but_no_weight_of_its_own(monkeypatch, task):
    """Merging orders rows by their content, so it is done before, and not again: rows keep their numbers."""
    problem = problem_of(task, ROWS).merged()
    monkeypatch.setattr(Problem, "merged", lambda self: self)
    clean = compare(problem, recipes("none", "dropout=0.3"), repeats=Repeats(SEEDS), settings=SETTINGS)
    for s in range(SEEDS):
        bad = poisoned(problem, clean.splits[s].test[:1])
        other = compare(bad, recipes("none", "dropout=0.3"), repeats=Repeats(SEEDS), settings=SETTINGS)
        for own, theirs in zip(clean.results, other.results, strict=True):
            np.testing.assert_array_equal(own[s].parameters, theirs[s].parameters)
            np.testing.assert_array_equal(own[s].history.validation, theirs[s].history.validation)
            changed = [not np.array_equal(a.parameters, b.parameters) for a, b in zip(own, theirs, strict=True)]
            learned = [clean.splits[s].test[0] in split.train for split in clean.splits]
            assert changed == learned


def test_the_order_of_rows_plays_no_part(binary):
    problem = problem_of("binary", ROWS)
    shuffled = problem.take(np.random.default_rng(1).permutation(ROWS))
    other = compare(shuffled, recipes("none", "l2=1"), repeats=Repeats(SEEDS), settings=SETTINGS)
    assert other.frame().equals(binary.frame())


def test_another_seed_splits_and_starts_elsewhere(binary):
    repeats = Repeats(SEEDS, seed=1)
    other = compare(problem_of("binary", ROWS), recipes("none", "l2=1"), repeats=repeats, settings=SETTINGS)
    assert not {tuple(split.test) for split in other.splits} & {tuple(split.test) for split in binary.splits}
    assert not {r.run.seed for r in other.results[0]} & {r.run.seed for r in binary.results[0]}


# -- scores -----------------------------------------------------------------------------------------------------------


def predicted_for(compared: Comparison, recipe: int, s: int, rows: np.ndarray) -> np.ndarray:
    """Predictions by encoder, weights and numpy."""
    prepared, result = compared.prepared, compared.results[recipe][s]
    inputs = prepared.encoders[s].transform(prepared.problem.table)[rows]
    scale = (prepared.scales[s].center, prepared.scales[s].scale) if prepared.scales else (0.0, 1.0)
    return predicted_by_hand(result, inputs, prepared.problem.task, scale)


def threshold_by_hand(truth: np.ndarray, alarm: np.ndarray) -> float:
    """Between the two probabilities where balanced accuracy is highest, and highest up among equals."""
    values = np.unique(alarm)
    middles = (values[1:] + values[:-1]) / 2
    merits = [round(metrics.balanced_accuracy_score(truth, alarm >= middle), 12) for middle in middles]
    return float(middles[np.flatnonzero(merits == np.max(merits))[-1]])


def scores_by_hand(problem: Problem, predicted: np.ndarray, rows: np.ndarray, cut: float = 0.5) -> dict[str, float]:
    """Scikit-learn's scores of predictions for some rows."""
    y, w = problem.target[rows], problem.weights[rows]
    if problem.task == "regression":
        return {
            "rmse": metrics.root_mean_squared_error(y, predicted[:, 0], sample_weight=w),
            "mae": metrics.mean_absolute_error(y, predicted[:, 0], sample_weight=w),
            "r2": metrics.r2_score(y, predicted[:, 0], sample_weight=w),
        }
    labels = np.arange(len(problem.classes))
    found = {
        "accuracy": metrics.accuracy_score(y, predicted.argmax(1), sample_weight=w),
        "log_loss": metrics.log_loss(y, predicted, sample_weight=w, labels=labels),
    }
    if problem.task == "multiclass":
        aucs = [metrics.roc_auc_score(y == c, predicted[:, c], sample_weight=w) for c in labels]
        return found | {
            "balanced_accuracy": metrics.balanced_accuracy_score(y, predicted.argmax(1), sample_weight=w),
            "roc_auc": np.mean(aucs),
            "brier": np.average(((predicted - np.eye(len(labels))[y]) ** 2).sum(1), weights=w),
        }
    truth, alarm = y == problem.positive, predicted[:, problem.positive]
    return found | {
        "balanced_accuracy": metrics.balanced_accuracy_score(truth, alarm >= cut, sample_weight=w),
        "average_precision": metrics.average_precision_score(truth, alarm, sample_weight=w),
        "roc_auc": metrics.roc_auc_score(truth, alarm, sample_weight=w),
        "brier": metrics.brier_score_loss(truth, alarm, sample_weight=w),
    }


def test_scores_are_scikit_learns_for_the_rows_of_each_part(compared):
    problem = compared.prepared.problem
    assert len(set(problem.weights)) == 2
    for i, columns in enumerate(compared.scores):
        for s, split in enumerate(compared.splits):
            cut = 0.5
            if problem.task == "binary":
                watched = predicted_for(compared, i, s, split.validation)[:, problem.positive]
                cut = threshold_by_hand(problem.target[split.validation] == problem.positive, watched)
            for part, rows in (("train", split.train), ("test", split.test)):
                expected = scores_by_hand(problem, predicted_for(compared, i, s, rows), rows, cut)
                for key, value in expected.items():
                    assert columns[f"{part}_{key}"][s] == pytest.approx(value, rel=1e-9), (i, s, part, key)


def test_there_is_a_column_for_each_metric_and_part_and_the_gap_is_train_minus_test(compared):
    keys = [metric.key for metric in metrics_of(compared.prepared.problem.task)]
    for columns in (*compared.scores, compared.baseline):
        assert list(columns) == [f"{part}_{key}" for part in ("train", "test", "gap") for key in keys]
        for key in keys:
            np.testing.assert_array_equal(columns[f"gap_{key}"], columns[f"train_{key}"] - columns[f"test_{key}"])
            assert columns[f"test_{key}"].shape == (SEEDS,)


def test_the_baseline_knows_the_training_rows_target_only(compared):
    problem = compared.prepared.problem
    for s, split in enumerate(compared.splits):
        seen, weights = problem.target[split.train], problem.weights[split.train]
        if problem.task == "regression":
            constant = np.array([np.average(seen, weights=weights)])
        else:
            constant = np.array([weights[seen == code].sum() for code in range(len(problem.classes))]) / weights.sum()
        for part, rows in (("train", split.train), ("test", split.test)):
            expected = scores_by_hand(problem, np.tile(constant, (len(rows), 1)), rows)
            if problem.task == "binary":
                expected["balanced_accuracy"] = 0.5
            for key, value in expected.items():
                assert compared.baseline[f"{part}_{key}"][s] == pytest.approx(value), (s, part, key)


# -- estimates --------------------------------------------------------------------------------------------------------


def interval_by_hand(values: np.ndarray, share: float) -> tuple[float, float, float]:
    mean, half = (
        values.mean(),
        stats.t.ppf(0.975, len(values) - 1) * math.sqrt(values.var(ddof=1) * (1 / len(values) + share)),
    )
    return mean, mean - half, mean + half


def test_estimates_are_corrected_means_within_what_a_score_can_be(compared):
    bounds = {m.key: (m.least, m.most) for m in metrics_of(compared.prepared.problem.task)}
    for i, columns in enumerate(compared.scores):
        for column, values in columns.items():
            found, (mean, low, high) = compared.estimate(i, column), interval_by_hand(values, 20 / 80)
            part, key = column.split("_", 1)
            least, most = (-math.inf, math.inf) if part == "gap" else bounds[key]
            expected = (mean, max(low, least), min(high, most))
            assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)
            assert found.low <= found.value <= found.high or math.isnan(values.mean())


def test_no_interval_leaves_what_a_score_can_be(binary):
    """Nor does that of the constant prediction; a gap may lie on either side of nought."""
    columns = {"test_accuracy": [1, 1, 1, 0.8], "test_log_loss": [0.01, 0.9, 0.02, 0.01], "gap_accuracy": [0, 0, 0, 1]}
    scores = {column: np.array(values, dtype=float) for column, values in columns.items()}
    few = replace(binary, scores=(scores,), baseline=scores)
    for estimate in (lambda column: few.estimate(0, column), few.constant):
        assert (estimate("test_accuracy").value, estimate("test_accuracy").high) == (0.95, 1.0)
        assert estimate("test_accuracy").low == pytest.approx(interval_by_hand(scores["test_accuracy"], 20 / 80)[1])
        assert estimate("test_log_loss").low == 0.0
        assert estimate("test_log_loss").high > 0.9
        assert estimate("gap_accuracy").low < 0


def test_the_baselines_estimates_are_means_over_the_repeats(compared):
    for column, values in compared.baseline.items():
        found = compared.constant(column)
        assert found.value == pytest.approx(values.mean())
        assert compared.to_dict()["baseline"][column] == found.to_dict()


def test_differences_are_paired_with_the_first_recipe(compared):
    for i, columns in enumerate(compared.scores):
        for column, values in columns.items():
            found = compared.difference(i, column)
            expected = interval_by_hand(values - compared.scores[0][column], 20 / 80)
            assert (found.value, found.low, found.high) == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True)


def test_a_recipe_compared_with_itself_differs_by_nothing(compared):
    for column in compared.scores[0]:
        assert compared.difference(0, column).to_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}


@pytest.mark.parametrize("task", TASKS)
def test_a_recipe_given_twice_or_in_a_neutral_dose_differs_by_rounding(task):
    """Floats depend on the place in the company, by rounding; nothing else does."""
    texts = ("dropout=0.2", "dropout=0.2", "l2=0, dropout=0.2")
    twice = compare(problem_of(task, ROWS), recipes(*texts), repeats=Repeats(2), settings=SETTINGS)
    for i in (1, 2):
        for column, values in twice.scores[i].items():
            np.testing.assert_allclose(values, twice.scores[0][column], rtol=1e-6, atol=1e-6)


def test_the_frame_has_a_row_a_recipe_and_repeat(compared):
    frame = compared.frame()
    assert frame.columns == ["recipe", "repeat", *compared.scores[0]]
    assert frame["recipe"].to_list() == [text for text in TEXTS for _ in range(SEEDS)]
    assert frame["repeat"].to_list() == list(range(SEEDS)) * len(TEXTS)
    for i, columns in enumerate(compared.scores):
        for column, values in columns.items():
            np.testing.assert_array_equal(frame[column].to_numpy()[i * SEEDS : (i + 1) * SEEDS], values)


def test_as_a_dictionary_it_is_strict_json(compared):
    plain = compared.to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["repeats"] == SEEDS
    assert [row["recipe"] for row in plain["rows"]] == list(TEXTS)
    for i, row in enumerate(plain["rows"]):
        for column in compared.scores[i]:
            assert row["scores"][column] == compared.estimate(i, column).to_dict()
            assert row["differences"][column] == compared.difference(i, column).to_dict()


def test_a_repeat_that_diverged_makes_the_estimate_unknown_rather_than_better():
    """The learning rate is far too high for all but the recipe that keeps its weights small."""
    settings = replace(SETTINGS, optimizer="sgd", max_epochs=15)
    repeats = Repeats(3, learning_rate=1e6)
    compared = compare(
        problem_of("regression", ROWS), recipes("none", "max_norm=0.001"), repeats=repeats, settings=settings
    )
    assert {result.outcome for result in compared.results[0]} == {"diverged"}
    assert np.isnan(compared.scores[0]["test_rmse"]).all()
    assert math.isnan(compared.estimate(0, "test_rmse").value)
    assert math.isnan(compared.difference(1, "test_rmse").low)
    written = json.loads(json_text(compared.to_dict()), parse_constant=pytest.fail)
    assert written["rows"][0]["scores"]["test_rmse"] == {"value": None, "low": None, "high": None}


# -- refusals ---------------------------------------------------------------------------------------------------------


def test_no_recipe_and_a_single_seed_are_refused():
    problem = problem_of("binary", 30)
    with pytest.raises(InputError, match="no recipe to compare"):
        compare(problem, [], repeats=Repeats(), settings=SETTINGS)
    with pytest.raises(InputError, match="seeds is 1; intervals need at least 2"):
        compare(problem, [Recipe()], repeats=Repeats(1), settings=SETTINGS)


@pytest.mark.parametrize("target", [["a", "b"], [0.5, 1.5], ["a", "b", "c"], ["a", "b", "a", "b"]])
def test_rows_that_are_too_few_to_split_are_refused(target):
    problem = read_problem([[float(i)] for i in range(len(target))], target)
    with pytest.raises(InputError, match=f"{len(target)} different rows are too few") as caught:
        compare(problem, [Recipe()], repeats=Repeats(2), settings=SETTINGS)
    assert len(str(caught.value).splitlines()) == 1
