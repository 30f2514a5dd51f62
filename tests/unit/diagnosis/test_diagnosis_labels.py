"""What predictions and rows tell: probabilities not to be taken at their word, wrong labels, leaks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from verdict_evidence import CLEAN, evidence

from goodfit.diagnosis import label_noise, leak, miscalibrated
from goodfit.diagnosis.changes import LEAST
from goodfit.examples.known_truth import KnownTruth
from goodfit.saving import json_text

# -- miscalibrated ----------------------------------------------------------------------------------------------------


def classified(rows=2000, classes=3, seed=0, scale=1.5):
    """True logits, and classes drawn from them."""
    random = np.random.default_rng(seed)
    logits = scale * random.standard_normal((rows, classes))
    chance = softmax(logits, axis=1)
    return logits, (random.random(rows)[:, None] > chance.cumsum(1)[:, :-1]).sum(1)


def with_predictions(predicted, target, **other):
    """Evidence of these predictions, of the network and of its best dose."""
    rows = np.arange(len(target))
    weights = other.pop("weights", np.ones(len(rows)))
    return evidence(predicted=predicted, best=predicted, target=target, rows=rows, weights=weights, **other)


def test_true_probabilities_are_calibrated():
    logits, target = classified()
    verdict = miscalibrated.check(with_predictions(softmax(logits, axis=1), target))
    assert verdict.outcome == "passed"
    assert verdict.evidence["temperature"] == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize(("temperature", "word"), [(2.5, "regularize more"), (0.4, "don't resample")])
def test_a_temperature_is_found(temperature, word):
    """Probabilities that are too sure, or not sure enough: dividing their logits by the temperature mends them."""
    logits, target = classified()
    verdict = miscalibrated.check(with_predictions(softmax(logits * temperature, axis=1), target))
    assert (verdict.outcome, verdict.severity, verdict.threshold) == ("fired", "tip", LEAST)
    assert verdict.evidence["temperature"] == pytest.approx(temperature, rel=0.15)
    assert word in verdict.advice
    every = np.arange(len(target))
    before = -np.log(softmax(logits * temperature, axis=1)[every, target]).mean()
    ideal = -np.log(softmax(logits, axis=1)[every, target]).mean()
    assert verdict.evidence["log loss as it is"] == pytest.approx(before)
    assert verdict.evidence["lower by"] == pytest.approx(1 - ideal / before, abs=0.02)


def test_an_offset_is_found():
    """As after resampling: each class's probability is wrong by a factor."""
    logits, target = classified()
    offset = np.array([1.5, 0.0, -1.5])
    verdict = miscalibrated.check(with_predictions(softmax(logits + offset, axis=1), target))
    assert verdict.outcome == "fired"
    assert verdict.evidence["largest offset"] == pytest.approx(1.5, abs=0.25)
    assert verdict.evidence["temperature"] == pytest.approx(1, abs=0.15)


@settings(deadline=None, max_examples=20)
@given(st.floats(0.3, 3), st.integers(0, 5))
def test_recalibration_finds_the_scale_that_was_taken_away(scale, seed):
    logits, target = classified(seed=seed, rows=4000)
    found, offset = miscalibrated.recalibration(logits / scale, target, np.ones(len(target)))
    assert found == pytest.approx(scale, rel=0.15)
    assert np.abs(offset).max() < 0.2
    assert offset.sum() == pytest.approx(0, abs=1e-9)


def test_heavy_rows_decide_how_probabilities_are_mended():
    logits, target = classified()
    heavy = np.arange(len(target)) % 2 == 0
    shown = softmax(np.where(heavy[:, None], logits * 3, logits), axis=1)
    verdict = miscalibrated.check(with_predictions(shown, target, weights=np.where(heavy, 1.0, 1e-4)))
    assert verdict.evidence["temperature"] == pytest.approx(3, rel=0.2)


def test_few_rows_leave_calibration_open_and_fewer_are_not_asked():
    outcomes = set()
    for seed in range(8):
        logits, target = classified(rows=miscalibrated.LEAST_ROWS + 10, seed=seed)
        verdict = miscalibrated.check(with_predictions(softmax(logits * 1.6, axis=1), target))
        assert bool(verdict.reason) == (verdict.outcome == "undecided")
        outcomes.add(verdict.outcome)
    assert "undecided" in outcomes
    few = slice(0, miscalibrated.LEAST_ROWS - 1)
    verdict = miscalibrated.check(with_predictions(softmax(logits[few], axis=1), target[few]))
    assert verdict.outcome == "not applicable"
    assert verdict.reason.startswith(f"{miscalibrated.LEAST_ROWS - 1} held-out rows are too few")
    assert miscalibrated.check(evidence(task="regression")).reason == "a number has no probability"


def test_a_class_that_is_in_one_fold_alone_and_a_probability_of_0_are_no_obstacle():
    logits, target = classified(rows=100, classes=4)
    predicted = softmax(logits, axis=1)
    target[target == 3] = 0
    target[7] = 3
    predicted[7] = [1.0, 0.0, 0.0, 0.0]
    verdict = miscalibrated.check(with_predictions(predicted, target))
    assert all(np.isfinite(v) for v in verdict.evidence.values())


# -- label_noise ------------------------------------------------------------------------------------------------------


def noisy(share: float, *, sharpness=8.0, rows=6000, seed=0, classes=2):
    """Rows of a known law with this share of wrong labels, and the true probabilities of their clean labels."""
    clean = KnownTruth(classes, sharpness=sharpness, seed=seed)
    X, y = replace(clean, label_noise=share).draw(rows, seed)
    return with_predictions(clean.probability(X), y, classes=classes)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("share", "outcome"), [(0.0, "passed"), (0.2, "fired"), (0.3, "fired")])
def test_wrong_labels_are_found_among_the_surest_rows(classes, share, outcome):
    verdict = label_noise.check(noisy(share, classes=classes))
    assert (verdict.outcome, verdict.severity) == (outcome, "tip")
    assert verdict.evidence["wrong among the surest fifth"] == pytest.approx(share, abs=0.05)
    low, high = verdict.evidence["wrong, low"], verdict.evidence["wrong, high"]
    assert low <= verdict.evidence["wrong among the surest fifth"] <= high


@pytest.mark.parametrize("seed", range(3))
def test_classes_that_merely_overlap_have_no_wrong_labels(seed):
    """Their errors vanish among the rows that are surest."""
    assert label_noise.check(noisy(0.0, sharpness=2.0, seed=seed)).outcome == "passed"


def test_networks_that_learned_nothing_cannot_tell_wrong_labels():
    random = np.random.default_rng(0)
    sure = random.dirichlet([0.2, 0.2], size=1000)
    verdict = label_noise.check(with_predictions(sure, random.integers(0, 2, 1000)))
    assert (verdict.outcome, verdict.reason) == ("undecided", "the networks have learned too little to tell")


def test_few_wrong_labels_among_few_rows_stay_open():
    verdict = label_noise.check(noisy(0.2, rows=label_noise.LEAST_ROWS))
    assert verdict.outcome in {"undecided", "passed"}
    assert bool(verdict.reason) == (verdict.outcome == "undecided")


def test_wrong_labels_are_not_asked_of_numbers_nor_of_few_rows():
    assert label_noise.check(evidence(task="regression")).outcome == "not applicable"
    few = noisy(0.2, rows=label_noise.LEAST_ROWS - 1)
    assert label_noise.check(few).reason.startswith(f"{label_noise.LEAST_ROWS - 1} held-out rows are too few")
    gone = noisy(0.2)
    gone.best[3] = np.nan
    assert label_noise.check(gone).reason == "networks diverged, so there is no prediction for every row"
    assert miscalibrated.check(gone).reason == "networks diverged, so there is no prediction for every row"


# -- leak -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"copies": 0.1 + 2 * leak.COPIES, "expected": 0.1}, "14% of the rows have a copy"),
        ({"column": "paid", "skill": (1 + leak.SKILL) / 2}, "column 'paid' alone tells the target"),
    ],
)
def test_copies_and_a_column_that_tells_the_target_leak(change, word):
    verdict = leak.check(evidence(leaks=replace(CLEAN, **change)))
    assert (verdict.outcome, verdict.severity) == ("fired", "issue")
    assert word in verdict.advice
    assert ";" not in verdict.advice


@pytest.mark.parametrize(("task", "key"), [("binary", "accuracy"), ("regression", "r2")])
def test_a_network_that_is_never_wrong_has_a_leak(task, key):
    for score, outcome in ((leak.PERFECT, "fired"), (leak.PERFECT - 0.01, "passed")):
        scores = {"accuracy": 0.7, "log_loss": 0.1, "rmse": 0.1, "r2": 0.7} | {key: score}
        verdict = leak.check(evidence(task=task, leaks=CLEAN, scores=scores))
        assert (verdict.outcome, verdict.evidence[f"held-out {key}"]) == (outcome, score)
        assert ("never wrong" in verdict.advice) == (outcome == "fired")


def test_copies_that_chance_explains_are_no_leak():
    """A table of few categories is full of equal rows."""
    assert leak.check(evidence(leaks=replace(CLEAN, copies=0.9, expected=0.89))).outcome == "passed"


def test_all_that_leaks_is_said_at_once():
    both = replace(CLEAN, copies=0.5, skill=1.0)
    verdict = leak.check(evidence(leaks=both, scores={"accuracy": 1.0, "balanced_accuracy": 1.0, "log_loss": 0.0}))
    assert verdict.advice.count(";") == 2
    assert verdict.evidence["rows with a copy"] == 0.5
    assert verdict.evidence["most telling column"] == "a"
    assert "NaN" not in json_text(verdict.to_dict())


def test_rows_that_were_not_searched_are_not_asked_about():
    verdict = leak.check(evidence())
    assert (verdict.outcome, verdict.reason) == ("not applicable", "rows were not searched; goodfit.diagnose does")
