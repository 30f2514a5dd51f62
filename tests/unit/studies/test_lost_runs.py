"""What studies make of runs that were lost with the machines that trained them: less, but no number for nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest

import goodfit
from goodfit.regularizers import Recipe
from goodfit.studies.comparison import Repeats, compare
from goodfit.studies.diagnosing import diagnose_problem
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.problem import read_problem
from goodfit.studies.subject import Subject
from goodfit.training import Execution, History, Settings, train

SETTINGS = Settings(hidden=(4,), max_epochs=3)
UNKNOWN = np.full(1, math.nan)


class Losing:
    """Trains here, and loses the runs at some places."""

    def __init__(self, *places):
        self.places = places

    def train(self, data, runs, settings, *, execution, on_epoch=None, checkpoint=None, drop=None):
        results = train(data, runs, settings, drop=drop)
        for place in [place for place in self.places if place < len(results)]:
            lost = results[place]
            nothing = {"parameters": 0 * lost.parameters, "statistics": 0 * lost.statistics}
            history = History(UNKNOWN, UNKNOWN)
            results[place] = replace(lost, **nothing, history=history, best_epoch=0, outcome="lost")
        return results


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(0)
    X = random.normal(size=(100, 3))
    return read_problem(X, (X[:, 0] + random.normal(size=100) > 0).astype(int))


def fitted(problem, recipes, *lost):
    execution = Execution(backend=Losing(*lost))
    return fit(problem, [Recipe.of(r) for r in recipes], plan=Plan(), settings=SETTINGS, execution=execution)


def test_a_model_has_the_networks_that_are_left(problem):
    found = fitted(problem, ["none"], 1, 3)
    assert len(model_of(found, found.best).members) == 3
    assert np.isnan(found.best.losses[[1, 3]]).all()


def test_a_recipe_with_a_lost_network_is_chosen_only_if_all_have_one(problem):
    assert fitted(problem, ["none", "l2=10"], 2).chosen == 1
    assert fitted(problem, ["none", "l2=10"], 2, 5, 6).chosen == 0


def test_a_model_of_nothing_is_refused(problem):
    found = fitted(problem, ["none"], *range(5))
    with pytest.raises(
        goodfit.InputError, match=r"^every network of recipe 'none' was lost or diverged; train them again$"
    ):
        model_of(found, found.best)


def test_a_comparison_has_no_score_where_a_run_was_lost(problem):
    recipes = [Recipe.of("none"), Recipe.of("l2=1")]
    execution = Execution(backend=Losing(1))
    found = compare(problem, recipes, repeats=Repeats(seeds=2), settings=SETTINGS, execution=execution)
    assert math.isnan(found.estimate(0, "test_accuracy").value)
    assert math.isfinite(found.estimate(1, "test_accuracy").value)


def test_a_diagnosis_says_that_no_network_diverged(problem):
    subject = Subject(Recipe.of("l2=0.01"), SETTINGS, Plan(), Execution(backend=Losing(0, 30)))
    found = diagnose_problem(problem, subject).diagnosis
    assert found["diverged"].outcome == "passed"


def test_a_search_goes_on_without_the_trial(monkeypatch):
    monkeypatch.setattr("goodfit.estimators.settings.backend_of", lambda name: Losing(0))
    X = np.random.default_rng(0).normal(size=(80, 2))
    plain = goodfit.Classifier(hidden=(), max_epochs=2)
    found = goodfit.search(
        X, (X[:, 0] > 0).astype(int), space="l2=0.01..0.1", estimator=plain, budget=1.5, backend="ray"
    )
    trials = found.trials()
    assert 0 < trials["to_the_end"].sum() < trials.height
