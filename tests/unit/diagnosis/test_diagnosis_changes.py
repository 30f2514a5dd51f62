"""What other changes tell: underfitting, a wrong stop, a gap that does no harm, a good fit, and what can't be told."""

import math
from dataclasses import replace

import numpy as np
import pytest
from verdict_evidence import (
    CLEAN,
    FOLDS,
    ROWS,
    diverging,
    evidence,
    network,
    networks,
    row_losses,
    times,
    trial,
    with_train_loss,
)

from goodfit.diagnosis import (
    stopped_wrong,
    underfitting,
    validation_overused,
    validation_too_small,
)
from goodfit.diagnosis.changes import BLIND, LEAST
from goodfit.multiplicity import largest_fall, optimism

DOSE = trial("l2=0.001", times(1.1))
STRONGER = ("training", "capacity", "relaxed")


# -- underfitting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STRONGER)
def test_a_stronger_network_that_lowers_both_losses_is_underfitting(kind):
    better = trial("hidden=(64,)", times(0.7), kind=kind, recipe="none", results=with_train_loss(0.3))
    verdict = underfitting.check(evidence(trial(), DOSE, better))
    assert (verdict.outcome, verdict.severity, verdict.threshold) == ("fired", "issue", LEAST)
    assert verdict.advice == "train with hidden=(64,)"
    assert verdict.evidence["lower by"] == pytest.approx(0.3)
    assert verdict.evidence["training loss as it is"] == pytest.approx(0.48)
    assert verdict.evidence["training loss after it"] == pytest.approx(0.3)


def test_what_helps_on_new_rows_alone_is_no_cure_of_underfitting():
    """Wide networks often do that: the training loss is no lower."""
    wide = trial("hidden=(64,)", times(0.7), kind="capacity", recipe="none", results=with_train_loss(0.49))
    assert underfitting.check(evidence(trial(), wide)).outcome == "passed"
    both = trial("max_epochs=300", times(0.9), kind="training", recipe="none", results=with_train_loss(0.4))
    verdict = underfitting.check(evidence(trial(), wide, both))
    assert (verdict.outcome, verdict.evidence["best change"]) == ("fired", "max_epochs=300")


def test_more_regularization_and_a_later_stop_are_no_cures_of_underfitting():
    others = [trial("x", times(0.5), kind=kind, results=with_train_loss(0.1)) for kind in ("dose", "patience")]
    verdict = underfitting.check(evidence(trial(), *others))
    assert (verdict.outcome, verdict.reason) == ("not applicable", "nothing stronger was tried; goodfit.diagnose does")


def test_where_nothing_stronger_helps_underfitting_passes_and_noise_leaves_it_open():
    learned = with_train_loss(0.3)
    worse, unsure = times(1.2), row_losses(0.49, seed=1)
    for losses, outcome in ((worse, "passed"), (times(1 - LEAST / 2), "passed"), (unsure, "undecided")):
        verdict = underfitting.check(evidence(trial(), trial("x", losses, kind="capacity", results=learned)))
        assert (verdict.outcome, bool(verdict.reason)) == (outcome, outcome == "undecided")


def test_a_network_that_memorized_its_rows_has_nothing_left_to_learn():
    done = networks(train=(0.5, 0.2, 0.01), validation=(0.5, 0.45, 0.5))
    verdict = underfitting.check(evidence(trial(results=done), DOSE, leaks=CLEAN))
    assert (verdict.outcome, verdict.threshold) == ("passed", underfitting.MEMORIZED)
    assert verdict.evidence["training loss as it is"] == pytest.approx(0.01)
    assert verdict.evidence["held-out loss as it is"] == pytest.approx(0.5)
    for share, memorized in ((0.9, True), (1.1, False)):
        own = networks(train=(0.5, 0.5, share * underfitting.MEMORIZED * 0.4), validation=(0.5, 0.45, 0.4))
        assert underfitting.memorized(trial(results=own)) is memorized
    assert not underfitting.memorized(trial(results=networks(train=(0.0,) * 3, outcome="diverged")))


@pytest.mark.parametrize("gone", ["asked", "change"])
def test_underfitting_of_networks_that_diverged_is_not_applicable(gone):
    asked, change = trial(), trial("x", times(0.5), kind="capacity", results=with_train_loss(0.1))
    trials = (diverging(asked), change) if gone == "asked" else (asked, diverging(change))
    verdict = underfitting.check(evidence(*trials))
    assert verdict.outcome == "not applicable"
    assert verdict.reason


# -- stopped_wrong ----------------------------------------------------------------------------------------------------

STOPPED = networks(validation=(0.5, 0.4, 0.45), outcome="stopped", best=2)
STOPS = trial("early_stopping=10", results=STOPPED)
EPOCHS = np.arange(100)


def cut(rate: float) -> tuple:
    """Networks that no stop had ended, each with a loss that falls at its own rate to the very end."""
    curves = [np.exp(-rate * (1 + 0.1 * member) * EPOCHS) for member in range(FOLDS)]
    return tuple(network(m, train=curve, validation=curve) for m, curve in enumerate(curves))


def test_a_longer_patience_that_lowers_the_loss_is_a_wrong_stop():
    patient = trial("early_stopping=40", times(0.8), kind="patience")
    verdict = stopped_wrong.check(evidence(STOPS, patient))
    assert (verdict.outcome, verdict.advice) == ("fired", "train with early_stopping=40")
    assert verdict.evidence["networks that stopped"] == FOLDS
    assert verdict.evidence["lower by"] == pytest.approx(0.2)
    assert stopped_wrong.check(evidence(STOPS, replace(patient, losses=times(1.1)))).outcome == "passed"
    unsure = stopped_wrong.check(evidence(STOPS, replace(patient, losses=row_losses(0.49, seed=1))))
    assert (unsure.outcome, bool(unsure.reason)) == ("undecided", True)
    assert stopped_wrong.check(evidence(STOPS)).outcome == "passed"


def test_a_training_that_was_cut_off_while_it_still_fell_is_a_wrong_stop():
    late = 1 - np.exp(-10 * 0.01)
    verdict = stopped_wrong.check(evidence(trial("early_stopping=10", results=cut(0.01))))
    assert (verdict.outcome, verdict.evidence["networks that stopped"]) == ("fired", 0.0)
    assert verdict.evidence["fall of the loss in the last tenth of the epochs"] == pytest.approx(late, rel=0.3)
    assert verdict.advice == "raise max_epochs: no network had stopped after 100 epochs"
    assert stopped_wrong.check(evidence(trial("early_stopping=10", results=cut(1e-5)))).outcome == "passed"
    one = (*cut(0.01)[:4], network(4, train=EPOCHS + 1.0, validation=EPOCHS + 1.0, outcome="stopped", best=1))
    assert stopped_wrong.check(evidence(trial("early_stopping=10", results=one))).outcome == "passed"


def test_networks_that_fall_to_the_end_by_chance_have_not_been_cut_off():
    flat = tuple(network(m, train=EPOCHS, validation=np.r_[np.full(99, 1.0), 0.9 if m == 0 else 1.0]) for m in range(5))
    assert stopped_wrong.check(evidence(trial("early_stopping=10", results=flat))).outcome == "passed"


def test_a_wrong_stop_is_not_asked_without_a_stop_nor_without_rows_to_watch():
    empty = tuple(replace(n, run=replace(n.run, validation=n.run.validation[:0])) for n in networks())
    for asked, reason in (
        (trial(), "its recipe has no early stopping"),
        (trial("l2=0.1"), "its recipe has no early stopping"),
        (trial("early_stopping=10", results=empty), "no row was held out to watch"),
        (trial("early_stopping=10", results=networks(outcome="diverged")), "no row was held out to watch"),
    ):
        verdict = stopped_wrong.check(evidence(asked))
        assert (verdict.outcome, verdict.reason) == ("not applicable", reason)


# -- validation_too_small ---------------------------------------------------------------------------------------------


def test_few_noisy_rows_are_too_few_to_tell_and_say_how_many_would_do():
    verdict = validation_too_small.check(evidence(trial(), trial("l2=0.001", row_losses(0.5, seed=1))))
    hidden = verdict.evidence["what can hide in their noise"]
    fall = largest_fall(row_losses(), [row_losses(0.5, seed=1)])
    assert (verdict.outcome, verdict.threshold) == ("fired", BLIND)
    assert hidden == pytest.approx(fall.most - max(fall.fall.value, 0))
    assert hidden > BLIND
    assert verdict.evidence["rows held out"] == ROWS
    assert verdict.evidence["rows that would do"] == math.ceil(ROWS * (hidden / BLIND) ** 2)
    assert f"{verdict.evidence['rows that would do']:,.0f} rows" in verdict.advice


def test_as_many_rows_as_it_names_would_do():
    """With so many rows of the same kind what could hide is 5 % or little more."""
    few = validation_too_small.check(evidence(trial(), trial("l2=0.001", row_losses(0.5, seed=1))))
    count = int(few.evidence["rows that would do"])
    losses = [row_losses(0.5, seed=seed, rows=count) for seed in (0, 1)]
    many = validation_too_small.check(evidence(trial(losses=losses[0]), trial("l2=0.001", losses[1])))
    assert many.evidence["what can hide in their noise"] == pytest.approx(BLIND, rel=0.25)


def test_rows_that_show_a_gain_or_exclude_one_are_enough():
    for losses in (times(0.5), times(1.0, noise=0.01), times(1.2)):
        assert validation_too_small.check(evidence(trial(), trial("l2=0.001", losses))).outcome == "passed"


def test_without_changes_rows_are_not_called_too_few():
    for trials in ((trial(),), (diverging(trial()), DOSE), (trial(losses=[]), trial("l2=1", []))):
        verdict = validation_too_small.check(evidence(*trials))
        assert verdict.outcome == "not applicable"
        assert verdict.reason


# -- validation_overused ----------------------------------------------------------------------------------------------


def test_the_best_of_many_alike_flatters():
    random = np.random.default_rng(0)
    losses = random.exponential(size=(40, 80))
    trials = [trial("none", losses[0]), *(trial(f"l2={i}", own) for i, own in enumerate(losses[1:], 1))]
    verdict = validation_overused.check(evidence(*trials))
    assert (verdict.outcome, verdict.evidence["chosen from"]) == ("fired", 40.0)
    assert verdict.evidence["held-out loss of the winner"] == pytest.approx(losses.mean(1).min())
    assert verdict.evidence["too low by"] == pytest.approx(optimism(losses).value)


def test_a_winner_by_far_does_not_flatter():
    verdict = validation_overused.check(evidence(trial(), trial("l2=0.001", times(0.5)), trial("l2=1", times(2.0))))
    assert verdict.outcome == "passed"
    assert verdict.evidence["too low by"] < verdict.threshold == LEAST


def test_where_nothing_was_chosen_between_nothing_flatters():
    for trials in ((trial(),), (trial(), diverging(DOSE)), (diverging(trial()), diverging(DOSE))):
        verdict = validation_overused.check(evidence(*trials))
        assert (verdict.outcome, verdict.reason) == ("not applicable", "nothing was chosen between")
