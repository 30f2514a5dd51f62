"""Scores on test rows of what a fit or a search came to, and of what else could be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from goodfit.report.tables import OnTest
from goodfit.statistics import Estimate
from goodfit.studies.baselines import CONSTANT
from goodfit.studies.fitting import Fit, as_resampled, model_of
from goodfit.studies.learners import constant
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.rating import scores_of, threshold_of
from goodfit.studies.searching.finding import Found
from goodfit.studies.testing import Predictor, Tested, score_on


@dataclass(frozen=True, eq=False)
class TestedSearch:
    """How a search's model did on test rows, beside others.

    Args:
        on_test: of the winner's recipe and of no regularization.
        model: the model's scores; differences are those from no regularization.
        predicted: the model's predictions.
        baselines: of what else could be used, by name; differences are those from the model.
    """

    on_test: OnTest
    model: Tested
    predicted: Floats
    baselines: Mapping[str, Tested]


def tested_fit(fitted: Fit, test: Problem, seed: int) -> OnTest:
    """Score no regularization, where it was tried, the chosen candidate, and the constant prediction."""
    plain = [i for i, candidate in enumerate(fitted.candidates) if not candidate.recipe.parts]
    none = [i for i in plain if any(not result.failed for result in fitted.candidates[i].results)]
    shown = list(dict.fromkeys([*none, fitted.chosen]))
    predictors = [_predictor(fitted, i, test) for i in shown]
    tested = score_on(test, predictors, seed)
    told = scores_of(test, constant(fitted.prepared.problem).predict(test.table))
    baseline = Tested({key: Estimate(value, value, value) for key, value in told.items()}, {})
    raw = _as_resampled(fitted, test)
    return OnTest(test, predictors[-1].predicted, dict(zip(shown, tested, strict=True)), baseline, raw)


def _as_resampled(fitted: Fit, test: Problem) -> Floats | None:
    """The chosen candidate's predictions without the repair of what synthetic rows do to probabilities."""
    best = fitted.best
    if all(result.run.shift is None for result in best.results):
        return None
    raw = replace(best, results=tuple(as_resampled(result) for result in best.results))
    return model_of(fitted, raw).predict(test.table)


def _predictor(fitted: Fit, place: int, test: Problem) -> Predictor:
    """A candidate's predictions for the test rows, and its threshold, chosen on rows that its networks held out."""
    candidate = fitted.candidates[place]
    rows, held_out = fitted.held_out(place)
    threshold = threshold_of(fitted.prepared.problem, held_out, rows)
    return Predictor(model_of(fitted, candidate).predict(test.table), threshold)


def tested_search(found: Found, test: Problem, seed: int) -> TestedSearch:
    """Score the model of a search, its winner's recipe alone, no regularization, and the baselines."""
    on_test = tested_fit(found.ablation.fit, test, seed)
    problem, chosen = found.ablation.fit.prepared.problem, found.chosen
    own = Predictor(chosen.model.predict(test.table), threshold_of(problem, chosen.predicted, chosen.rows))
    rivals = {}
    for baseline in found.baselines:
        if baseline.name != CONSTANT and not baseline.note:
            rows = np.flatnonzero(np.isfinite(baseline.predicted).all(1))
            threshold = threshold_of(problem, baseline.predicted[rows], rows)
            rivals[baseline.name] = Predictor(baseline.predict(test.table), threshold)
    tested = score_on(test, [own, *rivals.values()], seed)
    return TestedSearch(on_test, tested[0], own.predicted, dict(zip(rivals, tested[1:], strict=True)))
