"""A choice of candidates and the loss that it is said to have: laws, and the truth of simulations."""

from dataclasses import replace

import numpy as np
import pytest
import truth_selection as truth
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit import InputError, blending
from goodfit.blending import Corrected, choose, corrected, greedy, mixed
from goodfit.picking import row_losses
from goodfit.tempering import temperature, tempered

seeds = st.integers(0, 10_000)
TASKS = ["binary", "multiclass", "regression"]


def problem(seed: int, task: str, candidates: int = 6, rows: int = 40) -> tuple[np.ndarray, np.ndarray]:
    classes = {"binary": 2, "multiclass": 4, "regression": 0}[task]
    random = np.random.default_rng(seed)
    draw = truth._Draw(truth.Case(classes, "a range", rows, candidates), *np.ones((2, candidates)), random)
    centers, predictions = draw.rows(rows, np.arange(candidates))
    return predictions, truth._targets(centers, task, random)


def said(predictions, target, task, most=3, draws=14, **kwargs) -> Corrected:
    return corrected(predictions, target, task=task, most=most, draws=draws, **{"weights": None, **kwargs})


def same(one: Corrected, other: Corrected, unit: float = 1.0) -> None:
    assert one.naive == pytest.approx(unit * other.naive, rel=1e-6)
    assert one.optimism == pytest.approx(other.optimism, abs=1e-6)
    expected = {key: unit * value for key, value in other.estimate.to_dict().items()}
    assert one.estimate.to_dict() == pytest.approx(expected, rel=1e-6, nan_ok=True)


# -- greedy, mixed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_candidate_with_gaps_is_never_picked(task):
    predictions, target = problem(0, task)
    others = greedy(predictions[1:], target, weights=None, task=task, most=4)
    predictions[0] = predictions[1 + others.argmax()]
    assert greedy(predictions, target, weights=None, task=task, most=4)[0] > 0
    predictions[0, 7] = np.nan
    assert greedy(predictions, target, weights=None, task=task, most=4).tolist() == [0, *others]


def test_rows_without_weight_may_have_gaps():
    predictions, target = problem(0, "binary", candidates=2)
    predictions[:, 3] = np.nan
    weights = np.ones(40)
    weights[3] = 0
    assert greedy(predictions, target, weights=weights, task="binary", most=2).sum() > 0
    assert np.isfinite(said(predictions, target, "binary", weights=weights).estimate.value)


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=20)
@given(seed=seeds)
def test_a_row_of_weight_three_picks_as_three_do(task, seed):
    predictions, target = problem(seed, task)
    weights = np.random.default_rng(seed).integers(1, 4, 40)
    once = greedy(predictions, target, weights=7 * weights, task=task, most=3)
    repeated = greedy(predictions.repeat(weights, 1), target.repeat(weights), weights=None, task=task, most=3)
    assert once.tolist() == repeated.tolist()


def test_the_mean_is_that_of_the_picks_alone():
    predictions = np.random.default_rng(0).random((4, 5, 3), dtype=np.float32)
    predictions[2] = np.nan
    expected = (2 * predictions[0].astype(float) + predictions[3]) / 3
    assert mixed(predictions, [2, 0, 0, 1]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"predictions": np.ones((40, 2))}, "give \\(T, n, C\\)"),
        ({"predictions": np.ones((3, 39, 2))}, "give \\(T, n, C\\)"),
        ({"predictions": np.ones((0, 40, 2))}, "give \\(T, n, C\\)"),
        ({"predictions": np.full((3, 40, 2), np.nan)}, "all 3 candidates have gaps"),
        ({"most": 0}, "most is 0"),
        ({"task": "ranking"}, "task is 'ranking'"),
        ({"weights": np.zeros(40)}, "weights must be"),
        ({"groups": np.zeros(39)}, "groups has shape"),
    ],
)
def test_what_cannot_be_chosen_from_is_refused(changes, told):
    predictions, target = problem(0, "binary")
    given = {"predictions": predictions, "weights": None, "task": "binary", "most": 2} | changes
    for function in (greedy, choose, corrected):
        if function is not greedy or "groups" not in given:
            with pytest.raises(InputError, match=told):
                function(given["predictions"], target, **{k: v for k, v in given.items() if k != "predictions"})


# -- choose -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_what_is_chosen_is_what_greedy_picks_and_numbers_have_no_temperature(task):
    predictions, target = problem(1, task)
    choice = choose(predictions, target, weights=None, task=task, most=3)
    assert choice.counts.tolist() == greedy(predictions, target, weights=None, task=task, most=3).tolist()
    assert (choice.temperature == 1) == (task == "regression")


def test_of_one_candidate_the_temperature_is_fitted_to_all_rows():
    predictions, target = problem(2, "multiclass", candidates=1)
    choice = choose(predictions, target, weights=None, task="multiclass", most=3)
    assert choice.temperature == temperature(predictions[0], target, weights=None)


def test_the_temperature_does_not_fall_for_its_own_picks():
    """Fitted to the rows that the blend was picked by it is too low, and costs more on fresh rows."""
    case, gains, colder = truth.Case(2, "equals", 150, 40), [], 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        draw = truth._Draw(case, *np.ones((2, 40)), random)
        centers, predictions = draw.rows(150, np.arange(40))
        target = truth._targets(centers, "binary", random)
        choice = choose(predictions, target, weights=None, task="binary", most=6)
        naive = temperature(mixed(predictions, choice.counts), target, weights=None)
        colder += naive < choice.temperature
        gains.append(draw.true_loss(replace(choice, temperature=naive)) - draw.true_loss(choice))
    assert colder >= 18
    assert np.mean(gains) > 0.005


@pytest.mark.parametrize("task", TASKS)
def test_rows_of_a_group_stay_together(task):
    """Each row given twice as a group says as much as the row once."""
    predictions, target = problem(3, task)
    twice, groups = (predictions.repeat(2, 1), target.repeat(2)), np.arange(40).repeat(2)
    once, grouped = (
        choose(*given, weights=None, task=task, most=3, groups=own)
        for given, own in (((predictions, target), None), (twice, groups))
    )
    assert grouped.counts.tolist() == once.counts.tolist()
    assert grouped.temperature == pytest.approx(once.temperature)
    same(said(*twice, task, groups=groups), said(predictions, target, task))
    widths = [
        np.ptp([found.estimate.low, found.estimate.high])
        for found in (said(*twice, task), said(*twice, task, groups=groups))
    ]
    assert widths[0] < 0.85 * widths[1]


# -- corrected: laws --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_the_naive_loss_is_that_of_what_is_chosen(task):
    predictions, target = problem(4, task)
    choice = choose(predictions, target, weights=None, task=task, most=3, seed=5)
    predicted = tempered(mixed(predictions, choice.counts), choice.temperature)
    found = said(predictions, target, task, seed=5)
    assert found.naive == pytest.approx(row_losses(predicted, target, task).mean())
    assert found.optimism == pytest.approx(1 - found.naive / found.estimate.value)


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=8)
@given(seed=seeds, rows=st.integers(6, 50))
def test_numbers_stand_in_order_and_neither_units_nor_idle_rows_play_a_part(task, seed, rows):
    predictions, target = problem(seed, task, rows=rows)
    found = said(predictions, target, task)
    assert 0 < found.naive <= found.estimate.value
    assert found.estimate.low < found.estimate.value < found.estimate.high
    assert 0 <= found.optimism < 1
    same(said(predictions, target, task, weights=np.full(rows, 3.0)), found)
    wider = np.concatenate([predictions, predictions[:, :4] ** 2], 1), np.concatenate([target, target[:4]])
    same(said(*wider, task, weights=np.arange(rows + 4) < rows), found)
    same(said(predictions[::-1], target, task), found)
    if task == "regression":
        same(said(10 * predictions, 10 * target, task), found, unit=100)


def test_where_there_is_no_choice_there_is_nothing_to_correct():
    predictions, target = problem(5, "regression", candidates=1)
    found = said(predictions, target, "regression")
    assert found.optimism == pytest.approx(0, abs=1e-12)
    predictions, target = problem(5, "binary", candidates=1, rows=1000)
    assert 0 <= said(predictions, target, "binary").optimism < 0.01


def test_without_a_choice_the_interval_is_that_of_a_mean_on_the_scale_of_logarithms():
    predictions, target = problem(5, "regression", candidates=1)
    losses = (predictions[0, :, 0] - target) ** 2
    reach = stats.t.ppf(0.975, 39) * stats.sem(losses) / losses.mean()
    found = said(predictions, target, "regression").estimate
    assert (found.low, found.high) == pytest.approx(tuple(losses.mean() * np.exp([-reach, reach])))


def test_a_loss_that_falls_as_one_over_the_rows_is_found(monkeypatch):
    """By choices from 30 and 20 of 60 rows: fresh ones lose 2 and 2.5, so that of all rows loses 1.5."""
    losses = {60: 1.0, 30: 2.0, 20: 2.5}
    monkeypatch.setattr(blending, "_losses", lambda case, rows, _: np.full(len(case.share), losses[len(rows)]))
    assert said(*problem(8, "binary", rows=60), "binary").estimate.value == pytest.approx(1.5)


def test_every_part_has_its_share_of_a_rare_class(monkeypatch):
    seen = []

    def losses(case, rows, _):
        seen.append((len(rows), np.count_nonzero(case.target[rows] == 1)))
        return np.ones(len(case.share))

    monkeypatch.setattr(blending, "_losses", losses)
    predictions, _ = problem(9, "binary", rows=60)
    said(predictions, np.repeat([0, 1], [54, 6]), "binary")
    assert set(seen) == {(60, 6), (30, 3), (20, 2)}


def test_the_same_seed_draws_the_same():
    predictions, target = problem(6, "binary")
    one, again, other = (said(predictions, target, "binary", seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_too_few_rows_have_no_interval():
    predictions, target = problem(7, "binary", rows=2)
    found = said(predictions, target, "binary")
    assert found.estimate.value == found.naive
    assert np.isnan([found.estimate.low, found.estimate.high]).all()
    assert np.isfinite(said(*problem(7, "binary", rows=3), "binary").estimate.high)


def test_perfect_predictions_lose_nothing():
    target = np.arange(10.0)
    found = said(np.stack([target, target + 1])[..., None], target, "regression")
    assert found == Corrected(0.0, found.estimate, 0.0)
    assert set(found.estimate.to_dict().values()) == {0.0}


# -- corrected: the truth ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "times"),
    [
        (truth.Case(0, "equals", 200, 60, most=1), 100),
        pytest.param(truth.Case(0, "a range", 200, 60), 100, marks=pytest.mark.slow),
        pytest.param(truth.Case(2, "equals", 200, 20), 30, marks=pytest.mark.slow),
    ],
)
def test_the_naive_loss_flatters_and_the_corrected_one_does_not(case, times, monkeypatch):
    monkeypatch.setattr(truth, "FRESH", 2000)
    found = [truth.simulate(case, seed) for seed in range(times)]
    naive, corrected_one = truth.biases(found, "naive"), truth.biases(found, "value")
    assert naive[0] < -8 * naive[1]
    assert abs(corrected_one[0]) < 2.6 * corrected_one[1]
    assert truth.covered(found) >= stats.binom.ppf(0.001, times, 0.95)
