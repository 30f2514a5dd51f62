"""Doses of a technique on the same folds and seeds: every dose's networks in one population."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from goodfit.decompositions import Loss, decompose
from goodfit.errors import InputError
from goodfit.multiplicity import Fall, largest_fall
from goodfit.regularizers import Recipe, Regularizer, dose_field
from goodfit.regularizers.places import OnTargets
from goodfit.rng import derive
from goodfit.statistics import mean_interval
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.response import UNKNOWN, Dose, DoseResponse, respond
from goodfit.studies.samples import Sample, Trained, repeated_folds, row_losses, train_samples
from goodfit.studies.scoring import FOLDS, check_folds, loss_name, mean_losses, watching
from goodfit.studies.subject import Subject
from goodfit.terms import Terms

RESAMPLES = 1000
NUMBERS_AT_ONCE = 4_000_000


def respond_to_doses(
    problem: Problem, subject: Subject, parts: Sequence[Regularizer], repeats: int, *, seed: int
) -> DoseResponse:
    """Train a subject with each dose of a technique on every fold of every repeat, and compare the doses.

    Args:
        problem: the rows, equal ones merged.
        subject: the network; its recipe keeps its other parts.
        parts: the technique from its neutral dose to its extreme.
        repeats: partitions into folds, 2 or more.
        seed: of the partitions and the networks.

    Raises:
        InputError: too few rows or repeats, or a technique that can't act on the target.
    """
    technique = parts[0]
    if repeats < 2:
        raise InputError(f"repeats is {repeats}; variance needs 2 or more")
    if problem.task == "regression" and isinstance(technique, OnTargets):
        raise InputError(f"{technique.name} changes classes, and the target is numbers; give another technique")
    check_folds(problem)
    samples = repeated_folds(problem, FOLDS, repeats, seed=seed)
    others = subject.recipe.without(type(technique)).parts
    recipes = [Recipe((*others, part)) for part in parts]
    taught = watching(problem, samples, recipes, subject.plan.validation)
    trained = train_samples(problem, subject, recipes, taught)
    setting = dose_field(type(technique))[0]
    predicted = [_predicted(trained, place, samples, repeats) for place in range(len(recipes))]
    losses = np.stack([_losses(problem, own) for own in predicted])
    shares = best_shares(losses, problem.weights, seed=derive(seed, repeats))
    share = len(samples[0].held_out) / len(samples[0].train)
    doses = tuple(
        replace(
            _dose(problem, own, float(getattr(part, setting)), str(recipe)),
            training=mean_interval(mean_losses(trained, place, [s.train for s in taught]), test_share=share),
            best_share=float(shares[place]),
            diverged=sum(result.outcome == "diverged" for result in trained.results[place]),
        )
        for place, (part, recipe, own) in enumerate(zip(parts, recipes, predicted, strict=True))
    )
    means = np.average(losses.mean(1), axis=1, weights=problem.weights)
    fall = _fall(losses.mean(1), problem.weights, seed)
    return respond(technique.name, setting, doses, means, fall=fall, name=loss_name(problem))


def best_shares(losses: Floats, weights: Floats, *, seed: int) -> Floats:
    """How often each dose has the lowest mean loss among resamples of the rows and of the repeats.

    Args:
        losses: `(D, R, n)` of doses, repeats and rows; a dose with a nan is never best.
        weights: `(n,)` of the rows.
        seed: of the resamples.

    Returns:
        `(D,)` shares that add up to 1, or all 0 where every dose has a nan.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993).
    """
    count, repeats, rows = losses.shape
    usable = np.flatnonzero(np.isfinite(losses).all((1, 2)))
    shares = np.zeros(count)
    if not len(usable):
        return shares
    random = np.random.default_rng(seed)
    table = (losses[usable] * weights).reshape(-1, rows).T
    step = max(1, NUMBERS_AT_ONCE // rows)
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = random.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(np.float64)
        each = random.multinomial(repeats, np.full(repeats, 1 / repeats), size=size)
        means = (drawn @ table).reshape(size, len(usable), repeats)
        winners = (means * each[:, None]).sum(2).argmin(1)
        shares[usable] += np.bincount(winners, minlength=len(usable))
    return np.asarray(shares / RESAMPLES)


def _predicted(trained: Trained, recipe: int, samples: Sequence[Sample], repeats: int) -> Floats:
    """What networks predict for the rows that they held out, `(R, n, C)`; nan for those of one that diverged."""
    problem = trained.prepared.problem
    predicted = np.full((repeats, problem.rows, max(len(problem.classes), 1)), np.nan)
    for place, sample in enumerate(samples):
        if not trained.results[recipe][place].failed:
            own = trained.predicted(recipe, place, sample.held_out)
            predicted[place // FOLDS, sample.held_out] = own
    return predicted


def _losses(problem: Problem, predicted: Floats) -> Floats:
    """The loss of each row in each repeat, `(R, n)`."""
    rows = np.arange(problem.rows)
    return np.stack([row_losses(problem, own, rows) for own in predicted])


def _dose(problem: Problem, predicted: Floats, dose: float, recipe: str) -> Dose:
    """A dose's held-out loss and its parts."""
    if not np.isfinite(predicted).all():
        return Dose(dose, recipe, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, math.nan, 0)
    loss: Loss = "squared" if problem.task == "regression" else "log_loss"
    terms = _weighted(decompose(predicted, problem.target, loss=loss), problem.weights)
    held_out, bias2, variance = (terms.mean(term) for term in ("error", "bias2", "variance"))
    return Dose(dose, recipe, UNKNOWN, held_out, bias2, variance, math.nan, 0)


def _weighted(terms: Terms, weights: Floats) -> Terms:
    """Terms whose mean over the rows is their weighted mean."""
    share = weights / weights.mean()
    return replace(
        terms,
        bias2=terms.bias2 * share,
        variance=terms.variance * share,
        noise=terms.noise * share,
        error=terms.error * share,
    )


def _fall(losses: Floats, weights: Floats, seed: int) -> Fall | None:
    """The other doses against the neutral one, those where all networks trained; None if there are none."""
    finite = np.asarray(np.isfinite(losses).all(1))
    if not finite[0] or not finite[1:].any():
        return None
    return largest_fall(losses[0], losses[1:][finite[1:]], weights=weights, seed=seed)
