"""A fit: which runs are planned, who holds out what, how a recipe is chosen, and what is predicted for whom."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from study_problems import SETTINGS, TASKS, contents, predicted_by_hand, problem_of, recipes

from goodfit.errors import InputError
from goodfit.metrics import classification_scores, metrics_of, regression_scores
from goodfit.studies import fitting
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.predicting import held_out_predictions, predictions
from goodfit.studies.problem import read_problem
from goodfit.studies.rating import scores_of, threshold_of
from goodfit.studies.usual import CANDIDATES, candidates_for, usual_batch_size
from goodfit.training import Settings

TEXTS = ("none", "l2=0.01", "dropout=0.2, early_stopping=2")
MEMBERS = 5


@pytest.fixture(scope="module", params=TASKS)
def fitted(request):
    """Three recipes on 90 rows and 30 copies of them."""
    return fit(
        problem_of(request.param, copies=30),
        recipes(*TEXTS),
        plan=Plan(seed=3, learning_rate=0.1),
        settings=replace(SETTINGS, max_epochs=9),
    )


@pytest.fixture(scope="module")
def binary():
    return fit(problem_of("binary"), recipes("none", "l2=0.01"), plan=Plan(), settings=SETTINGS)


def with_outcomes(monkeypatch, diverged) -> None:
    """Let chosen runs, by recipe and member, end as if they had diverged."""
    train = fitting.train

    def wrapped(data, runs, settings, **keywords):
        results = train(data, runs, settings, **keywords)
        seen: dict[str, int] = {}
        for i, result in enumerate(results):
            text = str(result.run.recipe)
            seen[text] = seen.get(text, -1) + 1
            if (text, seen[text]) in diverged:
                results[i] = replace(result, outcome="diverged", parameters=np.full_like(result.parameters, np.nan))
        return results

    monkeypatch.setattr(fitting, "train", wrapped)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("pieces", [0, 4])
def test_encodings_that_are_there_already_give_the_networks_that_new_ones_do(task, pieces):
    """Those of five folds serve a fit of two."""
    plan = Plan(seed=3, pieces=pieces)
    whole = fit(problem_of(task), recipes("none"), plan=plan, settings=SETTINGS).prepared
    two = replace(plan, members=2)
    anew = fit(problem_of(task), recipes(*TEXTS), plan=two, settings=SETTINGS)
    again = fit(problem_of(task), recipes(*TEXTS), plan=two, settings=SETTINGS, prepared=whole)
    assert len(whole.trains) > len(anew.prepared.trains) == 2
    for one, other in zip(anew.candidates, again.candidates, strict=True):
        np.testing.assert_array_equal(one.losses, other.losses)
        for a, b in zip(one.results, other.results, strict=True):
            np.testing.assert_array_equal(a.parameters, b.parameters)
            np.testing.assert_array_equal(a.run.validation, b.run.validation)


def test_encodings_of_other_splits_are_not_taken():
    """With few times five blocks aren't three and two more: a network would be scored by rows that it learned from."""
    counts = np.array([22, 52, 1, 16, 12, 17])
    random = np.random.default_rng(0)
    X = random.normal(size=(counts.sum(), 2))
    problem = read_problem(X, X[:, 0] > 0, times=np.arange(6.0).repeat(counts)).merged()
    whole = fit(problem, recipes("none"), plan=Plan(members=5), settings=SETTINGS).prepared
    three = Plan(members=3)
    assert not np.array_equal(whole.trains[1], fitting.splits_of(problem, three)[1][0])
    found = fit(problem, recipes("none"), plan=three, settings=SETTINGS, prepared=whole)
    for result in found.candidates[0].results:
        assert not set(result.run.train) & set(result.run.validation)


# -- which runs -------------------------------------------------------------------------------------------------------


def test_each_recipe_has_its_members_with_the_seeds_folds_and_views_of_every_other(fitted):
    assert [str(candidate.recipe) for candidate in fitted.candidates] == list(TEXTS)
    first = fitted.candidates[0].results
    assert len({result.run.seed for result in first}) == MEMBERS
    for candidate in fitted.candidates:
        assert len(candidate.results) == MEMBERS
        for result, reference in zip(candidate.results, first, strict=True):
            assert str(result.run.recipe) == str(candidate.recipe)
            assert (result.run.seed, result.run.view) == (reference.run.seed, reference.run.view)
            assert result.run.learning_rate == fitted.plan.learning_rate
            np.testing.assert_array_equal(result.run.train, reference.run.train)
            np.testing.assert_array_equal(result.run.validation, reference.run.validation)


def test_folds_are_disjoint_complete_even_and_stratified(fitted):
    problem = fitted.prepared.problem
    held = [result.run.validation for result in fitted.best.results]
    np.testing.assert_array_equal(np.sort(np.concatenate(held)), np.arange(problem.rows))
    assert np.ptp([len(rows) for rows in held]) <= 1
    for result in fitted.best.results:
        assert not set(result.run.train) & set(result.run.validation)
        assert len(result.run.train) + len(result.run.validation) == problem.rows
    for stratum in np.unique(problem.strata):
        assert np.ptp([(problem.strata[rows] == stratum).sum() for rows in held]) <= 1


def test_no_copy_of_a_training_row_is_held_out(fitted):
    problem = fitted.prepared.problem
    assert problem.rows == 90
    assert problem.weights.sum() == 120
    for result in fitted.best.results:
        assert not set(contents(problem, result.run.train)) & set(contents(problem, result.run.validation))


def test_a_view_is_encoded_by_the_training_rows_of_its_members(fitted):
    alone = fitted.prepared
    for result in fitted.best.results:
        rows, encoder = result.run.train, alone.encoders[result.run.view]
        again = fitting.prepare(alone.problem, [rows], schema=encoder.schema).encoders[0]
        assert encoder.to_dict() == again.to_dict()


@pytest.mark.parametrize(("validation", "members", "views"), [(0.5, 5, 2), (0.2, 3, 3), (0.34, 7, 3), (0.1, 2, 2)])
def test_members_go_round_the_folds(validation, members, views):
    plan = Plan(members=members, validation=validation)
    problem = problem_of("binary", 60)
    fitted = fit(problem, recipes("none"), plan=plan, settings=replace(SETTINGS, max_epochs=1))
    runs = [result.run for result in fitted.best.results]
    assert [run.view for run in runs] == [member % views for member in range(members)]
    assert len({run.seed for run in runs}) == members
    assert len(fitted.prepared.encoders) == views
    for run in runs:
        assert abs(len(run.validation) - validation * 60) <= 2
        np.testing.assert_array_equal(run.validation, runs[run.view].validation)


@pytest.mark.parametrize(("limit", "value"), [("MOST_ROWS_OF_FOLDS", 89), ("MOST_BYTES_OF_VIEWS", 5 * 90 * 6 * 4)])
def test_many_rows_are_split_once_for_all_members(monkeypatch, limit, value):
    monkeypatch.setattr(fitting, limit, value)
    fitted = fit(problem_of("regression"), recipes("none"), plan=Plan(), settings=SETTINGS)
    runs = [result.run for result in fitted.best.results]
    assert {run.view for run in runs} == {0}
    assert fitted.prepared.data.inputs.shape[0] == len(fitted.prepared.encoders) == len(fitted.prepared.scales) == 1
    assert {tuple(run.validation) for run in runs} == {tuple(runs[0].validation)}
    assert len(runs[0].validation) == 18
    assert len({run.seed for run in runs}) == MEMBERS
    monkeypatch.setattr(fitting, limit, 10 * value)
    again = fit(problem_of("regression"), recipes("none"), plan=Plan(), settings=replace(SETTINGS, max_epochs=1))
    assert len(again.prepared.encoders) == 5


def test_nothing_held_out_is_all_rows_learned_from():
    plan = Plan(validation=0, members=2)
    fitted = fit(problem_of("binary"), recipes("l2=0.01"), plan=plan, settings=SETTINGS)
    for result in fitted.best.results:
        assert result.run.train.tolist() == list(range(90))
        assert len(result.run.validation) == 0
    assert np.isnan(fitted.best.losses).all()
    assert np.isnan(fitted.best.score)
    rows, predicted = held_out_predictions(fitted.prepared, fitted.best.results)
    assert (rows.shape, predicted.shape) == ((0,), (0, 2))
    assert model_of(fitted, fitted.best).predict(problem_of("binary").table).shape == (90, 2)


def test_without_rows_held_out_a_recipe_can_be_used_but_not_chosen():
    plan = Plan(validation=0, members=1)
    with pytest.raises(InputError, match="validation=0 holds out no rows"):
        fit(problem_of("binary"), recipes("none", "l2=0.01"), plan=plan, settings=SETTINGS)
    used = fit(problem_of("binary"), recipes("none", "l2=0.01"), plan=replace(plan, use=1), settings=SETTINGS)
    assert str(used.best.recipe) == "l2=0.01"


@pytest.mark.parametrize("rows", [1, 6])
def test_one_row_or_copies_of_one_are_too_few(rows):
    problem = read_problem([[1.0, 2.0]] * rows, [0.5] * rows)
    with pytest.raises(InputError, match="at least 2 different rows"):
        fit(problem, recipes("none"), plan=Plan(), settings=SETTINGS)


# -- which result -----------------------------------------------------------------------------------------------------


def parameters(fitted):
    return np.stack([result.parameters for candidate in fitted.candidates for result in candidate.results])


def test_a_seed_gives_one_result_whatever_the_order_of_the_rows(binary):
    problem = problem_of("binary")
    same = fit(
        problem.take(np.random.default_rng(0).permutation(90)),
        recipes("none", "l2=0.01"),
        plan=Plan(),
        settings=SETTINGS,
    )
    np.testing.assert_array_equal(parameters(binary), parameters(same))
    assert [c.score for c in binary.candidates] == [c.score for c in same.candidates]


def test_another_seed_gives_other_folds_and_other_weights(binary):
    other = fit(problem_of("binary"), recipes("none", "l2=0.01"), plan=Plan(seed=1), settings=SETTINGS)
    mine, theirs = binary.best.results[0].run, other.best.results[0].run
    assert mine.seed != theirs.seed
    assert set(mine.validation) != set(theirs.validation)
    assert not np.isclose(parameters(binary), parameters(other)).all(axis=1).any()


# -- choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("task", TASKS)
def test_the_recipe_of_the_lowest_held_out_loss_is_chosen(task, place):
    """Penalties that leave no weight learn nothing, so the place of the other one is the answer."""
    texts = ["l1=100", "l2=1000"]
    texts.insert(place, "none")
    settings = Settings(hidden=(), batch_size=16, max_epochs=20)
    plan = Plan(learning_rate=0.02)
    fitted = fit(problem_of(task, noise=0.1), recipes(*texts), plan=plan, settings=settings)
    assert fitted.chosen == place
    for candidate in fitted.candidates:
        assert candidate.score == pytest.approx(-candidate.losses.mean())
    assert fitted.best.losses.max() < min(c.losses.min() for c in fitted.candidates if c is not fitted.best)


def test_losses_are_the_held_out_loss_of_the_weights_handed_out(fitted):
    problem = fitted.prepared.problem
    for candidate in fitted.candidates:
        for result, loss in zip(candidate.results, candidate.losses, strict=True):
            rows = result.run.validation
            assert loss == result.history.validation[result.best_epoch - 1]
            predicted, weights = predictions(fitted.prepared, result, rows), problem.weights[rows]
            if problem.task == "regression":
                scale = fitted.prepared.scales[result.run.view].scale
                errors = ((predicted[:, 0] - problem.target[rows]) / scale) ** 2
            else:
                errors = -np.log(predicted[np.arange(len(rows)), problem.target[rows]])
            assert loss == pytest.approx(np.average(errors, weights=weights), rel=1e-4)
    stopped = fitted.candidates[2]
    assert all(loss == min(r.history.validation) for loss, r in zip(stopped.losses, stopped.results, strict=True))
    assert any(r.best_epoch < r.epochs for r in stopped.results)


@pytest.mark.parametrize(("task", "metric"), [(task, m) for task in TASKS for m in metrics_of(task)])
def test_a_metric_chooses_by_the_held_out_score(task, metric):
    plan = Plan(metric=metric.key, learning_rate=0.01)
    fitted = fit(problem_of(task, noise=0.2), recipes("l1=100", "none", "l2=0.1"), plan=plan, settings=SETTINGS)
    found = []
    for candidate in fitted.candidates:
        rows, predicted = held_out_predictions(fitted.prepared, candidate.results)
        own = threshold_of(fitted.prepared.problem, predicted, rows) if metric.key == "balanced_accuracy" else None
        value = scores_of(fitted.prepared.problem, predicted, rows, threshold=own)[metric.key]
        assert candidate.score == (value if metric.higher_is_better else -value)
        found.append(value)
    best = np.argmax(found) if metric.higher_is_better else np.argmin(found)
    assert fitted.chosen == best != 0


def test_a_metric_of_another_task_is_refused():
    with pytest.raises(InputError, match="metric is 'rmse'; for this task there are accuracy"):
        fit(problem_of("binary"), recipes("none"), plan=Plan(metric="rmse"), settings=SETTINGS)


@pytest.mark.parametrize("use", [0, 1])
def test_the_recipe_to_use_is_used_whatever_the_scores(use):
    fitted = fit(problem_of("binary"), recipes("l1=100", "none"), plan=Plan(use=use), settings=SETTINGS)
    assert fitted.chosen == use
    assert fitted.best is fitted.candidates[use]
    assert fitted.candidates[1].score > fitted.candidates[0].score


def test_the_usual_candidates_begin_with_no_regularization():
    for kind, texts in CANDIDATES.items():
        assert texts[0] == "none"
        assert [str(recipe) for recipe in candidates_for(kind)] == list(texts)
        assert all(kind in part.suits for recipe in candidates_for(kind) for part in recipe)


# -- diverged ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [None, "accuracy", "log_loss"])
def test_a_recipe_with_a_network_that_diverged_is_not_chosen(monkeypatch, metric):
    with_outcomes(monkeypatch, {("none", 2)})
    plan = Plan(metric=metric, learning_rate=0.02)
    fitted = fit(problem_of("binary", noise=0.1), recipes("none", "l1=100"), plan=plan, settings=SETTINGS)
    assert fitted.chosen == 1
    assert np.isnan(fitted.candidates[0].score)
    assert np.isnan(fitted.candidates[0].losses).tolist() == [False, False, True, False, False]


def test_where_each_recipe_has_one_the_most_networks_left_decide(monkeypatch):
    with_outcomes(monkeypatch, {("none", 0), ("none", 3), ("l2=0.01", 1), ("l1=100", 0), ("l1=100", 1)})
    fitted = fit(problem_of("binary"), recipes("none", "l2=0.01", "l1=100"), plan=Plan(), settings=SETTINGS)
    assert fitted.chosen == 1


def test_networks_that_diverged_are_left_out(monkeypatch):
    with_outcomes(monkeypatch, {("none", 0), ("none", 3), ("l2=0.01", 1)})
    fitted = fit(problem_of("binary"), recipes("none", "l2=0.01"), plan=Plan(), settings=SETTINGS)
    assert fitted.chosen == 1
    model = model_of(fitted, fitted.candidates[0])
    views = [fitted.prepared.encoders[view] for view in (1, 2, 4)]
    assert [model.encoders[member] for member in model.members] == views
    assert np.isfinite(model.predict(fitted.prepared.problem.table)).all()
    rows, predicted = held_out_predictions(fitted.prepared, fitted.candidates[0].results)
    gone = [fitted.candidates[0].results[member].run.validation for member in (0, 3)]
    np.testing.assert_array_equal(rows, np.setdiff1d(np.arange(90), np.concatenate(gone)))
    assert np.isfinite(predicted).all()


@pytest.mark.parametrize("validation", [0.2, 0])
def test_a_fit_of_which_nothing_is_left_is_refused(validation):
    settings = Settings(hidden=(8,), batch_size=16, max_epochs=20, optimizer="sgd")
    plan = Plan(learning_rate=1e8, validation=validation)
    fitted = fit(problem_of("regression"), recipes("l2=0.01"), plan=plan, settings=settings)
    assert {result.outcome for result in fitted.best.results} == {"diverged"}
    with pytest.raises(InputError, match=r"every network of recipe 'l2=0.01' diverged; lower the learning_rate"):
        model_of(fitted, fitted.best)


# -- predictions ------------------------------------------------------------------------------------------------------


def test_predictions_are_what_the_encoder_and_the_weights_say(fitted):
    prepared = fitted.prepared
    for candidate in fitted.candidates:
        result = candidate.results[1]
        rows, view = result.run.validation, result.run.view
        inputs = prepared.encoders[view].transform(prepared.problem.table)[rows]
        scale = prepared.scales[view] if prepared.scales else None
        expected = predicted_by_hand(
            result, inputs, prepared.problem.task, (scale.center, scale.scale) if scale else (0.0, 1.0)
        )
        np.testing.assert_allclose(predictions(prepared, result, rows), expected, rtol=1e-9, atol=1e-12)


def test_a_row_is_predicted_by_the_networks_that_held_it_out_alone(fitted):
    results = fitted.best.results
    rows, clean = held_out_predictions(fitted.prepared, results)
    np.testing.assert_array_equal(rows, np.arange(fitted.prepared.problem.rows))
    for member, result in enumerate(results):
        poisoned = [
            r if m == member else replace(r, parameters=np.full_like(r.parameters, np.nan))
            for m, r in enumerate(results)
        ]
        _, predicted = held_out_predictions(fitted.prepared, poisoned)
        held = result.run.validation
        np.testing.assert_array_equal(predicted[held], clean[held])
        assert np.isnan(np.delete(predicted, held, axis=0)).all()


def test_a_row_that_several_networks_held_out_gets_their_mean():
    plan = Plan(members=7, validation=1 / 3)
    fitted = fit(problem_of("multiclass"), recipes("none"), plan=plan, settings=SETTINGS)
    results = fitted.best.results
    rows, predicted = held_out_predictions(fitted.prepared, results)
    np.testing.assert_array_equal(rows, np.arange(90))
    for view, members in {0: (0, 3, 6), 1: (1, 4), 2: (2, 5)}.items():
        held = results[view].run.validation
        mean = np.mean([predictions(fitted.prepared, results[m], held) for m in members], axis=0)
        np.testing.assert_allclose(predicted[held], mean, rtol=1e-12)


def test_scores_are_those_of_the_rows_asked_for_with_their_weights(fitted):
    problem = fitted.prepared.problem
    rows = np.arange(10, 70, 3)
    _, predicted = held_out_predictions(fitted.prepared, fitted.best.results)
    found = scores_of(problem, predicted[rows], rows)
    target, weights = problem.target[rows], problem.weights[rows]
    assert len(set(weights)) == 2
    if problem.task == "regression":
        assert found == regression_scores(target, predicted[rows, 0], weights)
    else:
        expected = classification_scores(target, predicted[rows], positive=problem.positive, weights=weights)
        assert found == expected
    assert scores_of(problem, predicted) == scores_of(problem, predicted, np.arange(problem.rows))


def test_the_threshold_serves_balanced_accuracy_best_on_the_rows_that_it_is_chosen_on(binary):
    problem = binary.prepared.problem
    rows, predicted = held_out_predictions(binary.prepared, binary.best.results)
    rows, predicted = rows[:60], predicted[:60]
    threshold = threshold_of(problem, predicted, rows)
    truth, alarm = problem.target[rows] == problem.positive, predicted[:, problem.positive]
    best = max(balanced_accuracy_score(truth, alarm >= t) for t in [0, *alarm, 2])
    assert balanced_accuracy_score(truth, alarm >= threshold) == pytest.approx(best)
    assert scores_of(problem, predicted, rows, threshold=threshold)["balanced_accuracy"] == pytest.approx(best)


def test_there_is_no_threshold_without_two_classes(binary):
    for task in ("multiclass", "regression"):
        problem = problem_of(task)
        assert threshold_of(problem, np.zeros((90, 3)), np.arange(90)) is None
    problem = binary.prepared.problem
    one = np.flatnonzero(problem.target == 0)
    assert threshold_of(problem, np.full((len(one), 2), 0.5), one) is None
    assert threshold_of(problem, np.zeros((0, 2)), one[:0]) is None


@given(st.integers(0, 10**7))
def test_the_usual_batch_is_a_power_of_two_near_a_twentieth_of_the_rows(rows):
    size = usual_batch_size(rows)
    assert size in {16, 32, 64, 128, 256}
    if 16 < size < 256:
        assert 2**-0.5 <= size / (rows / 20) <= 2**0.5
    assert size <= usual_batch_size(rows + 1)
