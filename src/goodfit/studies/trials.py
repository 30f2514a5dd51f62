"""From trained networks to what the checks look at: the loss of each held-out row, for each way of training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from goodfit.diagnosis import Evidence, Leaks, Trial
from goodfit.diagnosis.evidence import Kind
from goodfit.extrapolation import Extrapolation
from goodfit.metrics import majority_scores, mean_scores
from goodfit.studies.fitting import Fit
from goodfit.studies.flattery import flattery
from goodfit.studies.predicting import Each, held_out_predictions
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.rating import scores_of
from goodfit.studies.samples import row_losses
from goodfit.training import RunResult

FOLDS = 5
"""Of a diagnosis: each network learns from four fifths of the rows."""


def trial_of(
    prepared: Prepared,
    results: Sequence[RunResult],
    kind: Kind,
    name: str,
    *,
    scored: Sequence[Ints] | None = None,
    ask: Callable[[Each], object] | None = None,
) -> Trial:
    """How some networks of one recipe did on rows that they held out: the mean over those that are asked about a row.

    Args:
        prepared: the problem and its views.
        results: the networks.
        kind: what was changed.
        name: for people.
        scored: the rows that each network is asked about, none of which it watched; None for those that it watched:
            then its epoch was chosen on them, and what that flatters is added.
        ask: passes over the networks' predictions for these rows where something else is made of them too.
    """
    problem = prepared.problem
    total, count = np.zeros(problem.rows), np.zeros(problem.rows)
    asked = scored or [result.run.validation for result in results]
    for result, out in zip(results, asked, strict=True):
        count[out] += 1
        if result.failed:
            total[out] = np.nan
    going = [result for result in results if not result.failed]
    extra = {id(result): 0.0 if scored else flattery(result, results, _scale(prepared, result)) for result in going}

    def add(result: RunResult, rows: Ints, values: Floats) -> None:
        total[rows] += row_losses(problem, values, rows) + extra[id(result)]

    if ask:
        ask(add)
    else:
        held_out_predictions(prepared, results, asked, each=add)
    held = np.flatnonzero(count)
    units = np.array([_scale(prepared, result) ** 2 for result in results]) if prepared.scales else None
    return Trial(kind, name, str(results[0].run.recipe), tuple(results), total[held] / count[held], units)


def candidate_trial(fitted: Fit, place: int) -> Trial:
    """How a candidate of a fit did; what its networks predict is known to the fit from then on."""
    candidate = fitted.candidates[place]
    ask = partial(fitted.held_out, place)
    return trial_of(fitted.prepared, candidate.results, "dose", str(candidate.recipe), ask=ask)


def gather_evidence(fitted: Fit) -> Evidence:
    """What the checks look at after a fit: its candidates are doses, and no regularization is asked about."""
    trials = [candidate_trial(fitted, place) for place in range(len(fitted.candidates))]
    names = [trial.recipe for trial in trials]
    reference = names.index("none") if "none" in names else fitted.chosen
    return evidence_of(fitted.prepared, trials, reference=reference, chosen=fitted.chosen, told=fitted.held_out)


def evidence_of(
    prepared: Prepared,
    trials: Sequence[Trial],
    *,
    reference: int,
    chosen: int,
    scored: Sequence[Ints] | None = None,
    told: Callable[[int], tuple[Ints, Floats]] | None = None,
    leaks: Leaks | None = None,
    growth: Extrapolation | None = None,
) -> Evidence:
    """Trials on one problem, with the predictions and scores of the chosen one and of the best.

    Args:
        prepared: the problem and its views.
        trials: with losses for the same rows.
        reference: the place of the network that is asked about.
        chosen: the place of the network that is used.
        scored: the rows that each of the first networks is asked about, each row once; None for those that each
            network watched.
        told: what a trial's networks predict for the rows that they watched, where that is known already.
        leaks: what in the rows would flatter.
        growth: what more rows would bring.
    """
    problem = prepared.problem
    each = tuple(scored or [result.run.validation for result in trials[chosen].results])
    first = slice(len(each))
    rows = np.unique(np.concatenate(each))
    held = problem.bare.take(rows)
    usable = [i for i, trial in enumerate(trials) if trial.usable and trial.kind == "dose"]
    means = [float(np.average(trials[i].losses, weights=held.weights)) for i in usable]
    best = usable[int(np.argmin(means))] if usable else chosen

    def of(place: int) -> Floats:
        known = told(place) if told else held_out_predictions(prepared, trials[place].results[first], each)
        return _placed(rows, *known)

    predicted = of(chosen)
    finite = np.isfinite(predicted).all(1)
    scores, baseline = _scores(problem, predicted[finite], rows[finite])
    return Evidence(
        task=problem.task,
        trials=tuple(trials),
        reference=reference,
        chosen=chosen,
        rows=rows,
        target=held.target,
        weights=held.weights,
        predicted=predicted,
        best=predicted if best == chosen else of(best),
        held=each,
        scores=scores,
        baseline=baseline,
        classes=len(problem.classes),
        leaks=leaks,
        growth=growth,
    )


def with_predictions(evidence: Evidence, problem: Problem, rows: Ints, predicted: Floats) -> Evidence:
    """The evidence with other predictions `(r, C)` for rows `(r,)`, for checks that look at nothing but predictions."""
    held = problem.bare.take(rows)
    scores, baseline = _scores(problem, predicted, rows)
    return replace(
        evidence,
        rows=rows,
        target=held.target,
        weights=held.weights,
        predicted=predicted,
        scores=scores,
        baseline=baseline,
    )


def _placed(rows: Ints, told: Ints, values: Floats) -> Floats:
    """Predictions `(r, C)` for some of the rows among all of them; nan for those that no network told."""
    predicted = np.full((len(rows), values.shape[1]), np.nan)
    predicted[np.searchsorted(rows, told)] = values
    return predicted


def _scores(problem: Problem, predicted: Floats, rows: Ints) -> tuple[dict[str, float], dict[str, float]]:
    """The scores of predictions for held-out rows, and of the constant prediction; empty without rows."""
    if not len(rows):
        return {}, {}
    scores, held = scores_of(problem, predicted, rows), problem.bare.take(rows)
    if problem.task == "regression":
        mean = float(np.average(problem.target, weights=problem.weights))
        return scores, mean_scores(held.target, mean, weights=held.weights)
    prior = np.bincount(problem.target, problem.weights, minlength=len(problem.classes))
    return scores, majority_scores(held.target, prior / prior.sum(), positive=problem.positive, weights=held.weights)


def _scale(prepared: Prepared, result: RunResult) -> float:
    """Of the numbers that a network learned: a standardized 1 is so many of the target's units."""
    return float(prepared.scales[result.run.view].scale) if prepared.scales else 1.0
