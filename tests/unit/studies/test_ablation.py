"""Ablations: what is trained, differences by row, verdicts on problems of known truth, and what can't be told."""

import json
import math
from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_problems import SETTINGS, TASKS, problem_of

from goodfit.multiplicity import holm
from goodfit.regularizers import Recipe
from goodfit.studies import ablation
from goodfit.studies.ablation import Ablation, Variant, ablate, variants_of
from goodfit.studies.fitting import Plan, fit
from goodfit.studies.paired import mean_of_rows
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.trials import trial_of
from goodfit.training import History, Settings

LONG = Settings(hidden=(32,), batch_size=16, max_epochs=40)


def noisy(task: str, rows: int = 200, columns: int = 40, seed: int = 0) -> Problem:
    """One column tells something, the others nothing: a network without regularization learns them by heart."""
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, columns))
    if task == "regression":
        return read_problem(X, 2 * X[:, 0] + random.normal(size=rows))
    return read_problem(X, 2 * X[:, 0] + random.logistic(size=rows) > 0)


def ablated(text: str, task: str = "binary", settings: Settings = LONG, plan: Plan | None = None) -> Ablation:
    return ablate(noisy(task), Recipe.parse(text), plan=plan or Plan(learning_rate=0.005), settings=settings)


# -- variants ---------------------------------------------------------------------------------------------------------


def texts(text: str) -> list[tuple[str, str, str]]:
    return [(v.kind, v.technique, str(v.recipe)) for v in variants_of(Recipe.parse(text))]


def test_what_is_trained_of_three_techniques():
    assert texts("l2=0.1, dropout=0.2 input=0.1, early_stopping=5") == [
        ("none", "", "none"),
        ("alone", "l2", "l2=0.1"),
        ("alone", "dropout", "dropout=0.2 input=0.1"),
        ("alone", "early_stopping", "early_stopping=5"),
        ("all", "", "l2=0.1, dropout=0.2 input=0.1, early_stopping=5"),
        ("without", "l2", "dropout=0.2 input=0.1, early_stopping=5"),
        ("without", "dropout", "l2=0.1, early_stopping=5"),
        ("without", "early_stopping", "l2=0.1, dropout=0.2 input=0.1"),
    ]


def test_recipes_that_coincide_appear_once():
    assert texts("none") == [("none", "", "none")]
    assert texts("l2=0.1") == [("none", "", "none"), ("all", "", "l2=0.1")]
    assert [kind for kind, _, _ in texts("l2=0.1, mixup=0.2")] == ["none", "alone", "alone", "all"]


def test_techniques_at_their_neutral_dose_are_left_away():
    assert texts("l2=0, early_stopping=inf, weight_averaging=0, dropout=0") == texts("none")
    assert texts("l2=0.1, early_stopping=inf") == texts("l2=0.1")
    assert texts("l2=0 biases=true, l1=0.1") == texts("l1=0.1")
    assert len(texts("dropout=0 input=0.1")) == 2


PARTS = ("l2=0.1", "l1=0.01", "dropout=0.2", "early_stopping=5", "label_smoothing=0.1", "max_norm=2", "mixup=0")


@given(st.lists(st.sampled_from(PARTS), unique=True))
def test_variants_are_the_parts_of_the_recipe(parts):
    """Each once; with n techniques at work there are 1, 2, 4 or 2n + 2."""
    recipe, at_work = Recipe.parse(", ".join(parts)), [part for part in parts if part != "mixup=0"]
    variants = variants_of(recipe)
    assert len(variants) == {0: 1, 1: 2, 2: 4}.get(len(at_work), 2 * len(at_work) + 2)
    assert len({variant.recipe for variant in variants}) == len(variants)
    assert variants[0] == Variant("none", "", Recipe())
    for variant in variants:
        sizes = {"none": 0, "alone": 1, "all": len(at_work), "without": len(at_work) - 1}
        assert len(variant.recipe.parts) == sizes[variant.kind]
        assert set(map(str, variant.recipe)) <= set(at_work)
        names = {part.name for part in variant.recipe}
        assert (variant.technique in names) == (variant.kind == "alone")


# -- known truth ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_what_certainly_helps_helps_and_a_useless_dose_is_unclear(task):
    alone, small = ablated("l2=0.02", task), ablated("l2=1e-7, l1=0.003", task)
    assert [(e.technique, e.verdict) for e in alone.effects] == [("l2", "helps")]
    assert [(e.technique, e.verdict) for e in small.effects] == [("l2", "unclear"), ("l1", "helps")]
    effect = alone.effects[0]
    assert effect.without.high < 0
    assert (effect.alone, effect.p_alone) == (effect.without, effect.p_without)
    assert alone.losses[1].value < 0.8 * alone.losses[0].value


def test_early_stopping_certainly_helps_where_networks_learn_by_heart():
    assert ablated("early_stopping=5").effects[0].verdict == "helps"


def test_a_huge_dose_harms_though_the_others_do_not():
    found = ablated("l2=0.02, early_stopping=5, l1=1", "regression")
    effects = {effect.technique: effect for effect in found.effects}
    assert effects["l1"].verdict == "harms"
    assert effects["l1"].without.low > 0
    # beside it the weights are 0 and nothing else matters, though alone it would
    assert effects["l2"].verdict == "unclear"
    assert effects["l2"].alone.high < 0
    assert effects["l2"].p_alone < 0.05


def test_a_sure_but_worthless_difference_is_unclear(monkeypatch):
    found = ablated("l2=0.02")
    monkeypatch.setattr("goodfit.studies.paired.LEAST", 0.9)
    assert ablated("l2=0.02").effects == (replace(found.effects[0], verdict="unclear"),)


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=TASKS)
def three(request) -> Ablation:
    recipe = Recipe.parse("l2=0.02, dropout=0.2, early_stopping=2")
    plan = Plan(learning_rate=0.02, seed=3, use=1, members=6)
    return ablate(problem_of(request.param, copies=30), recipe, plan=plan, settings=SETTINGS)


def test_the_variants_share_folds_and_seeds_and_all_is_used(three):
    assert [candidate.recipe for candidate in three.fit.candidates] == [variant.recipe for variant in three.variants]
    assert three.variants[three.fit.chosen].kind == "all"
    assert (three.fit.plan.use, three.fit.plan.members) == (three.fit.chosen, 6)
    first = three.fit.candidates[0].results
    for candidate in three.fit.candidates:
        for own, other in zip(candidate.results, first, strict=True):
            assert own.run.seed == other.run.seed
            assert own.run.train.tolist() == other.run.train.tolist()


def test_it_is_a_fit_of_the_variants(three):
    problem = three.fit.prepared.problem
    plan = replace(three.fit.plan, use=4)
    again = fit(problem, [variant.recipe for variant in three.variants], plan=plan, settings=SETTINGS)
    for one, other in zip(three.fit.candidates, again.candidates, strict=True):
        np.testing.assert_array_equal(one.losses, other.losses)


def test_effects_are_differences_of_held_out_losses_that_bear_the_flattery_of_early_stopping(three):
    problem, prepared = three.fit.prepared.problem, three.fit.prepared
    losses = {c.recipe: trial_of(prepared, c.results, "dose", "").losses for c in three.fit.candidates}
    whole = three.fit.best.recipe
    fold = np.zeros(problem.rows)
    for place, result in enumerate(three.fit.best.results[:5]):
        fold[result.run.validation] = place
    found = []
    for effect, part in zip(three.effects, whole, strict=True):
        rest = Recipe(tuple(p for p in whole if p is not part))
        alone = losses[Recipe((part,))] - losses[Recipe()]
        without = losses[whole] - losses[rest]
        assert effect.technique == part.name
        assert effect.alone.value == pytest.approx(np.average(alone, weights=problem.weights))
        assert effect.without.value == pytest.approx(np.average(without, weights=problem.weights))
        found.append([mean_of_rows(d, problem.weights, trainings=fold) for d in (alone, without)])
        for told, pair in zip((effect.alone, effect.without), found[-1], strict=True):
            assert astuple(told) == pytest.approx(astuple(pair.mean), rel=1e-9)  # folds have other numbers here
    adjusted = holm([pair.p for pairs in found for pair in pairs])
    np.testing.assert_allclose([p for e in three.effects for p in (e.p_alone, e.p_without)], adjusted)
    for own, loss in zip(three.fit.candidates, three.losses, strict=True):
        assert loss.value == pytest.approx(np.average(losses[own.recipe], weights=problem.weights))


def test_rows_of_a_group_count_as_one():
    problem = noisy("binary")
    names = np.random.default_rng(0).integers(0, 12, problem.rows)
    grouped = replace(problem, groups=names)
    plan = Plan(learning_rate=0.005)
    found = ablate(grouped, Recipe.parse("l2=0.02"), plan=plan, settings=LONG)
    groups, weights = found.fit.prepared.problem.groups, found.fit.prepared.problem.weights
    one, other = (trial_of(found.fit.prepared, c.results, "dose", "").losses for c in found.fit.candidates)
    fold = np.zeros(problem.rows)
    for place, result in enumerate(found.fit.best.results):
        fold[result.run.validation] = place
    assert found.effects[0].without == mean_of_rows(other - one, weights, groups, trainings=fold).mean
    for result in found.fit.best.results:
        assert not set(groups[result.run.train]) & set(groups[result.run.validation])


def test_plain_data(three):
    told = json.loads(json.dumps(three.to_dict()))
    assert [row["kind"] for row in told["variants"]] == [variant.kind for variant in three.variants]
    assert [row["recipe"] for row in told["variants"]] == [str(variant.recipe) for variant in three.variants]
    assert told["variants"][0]["loss"] == three.losses[0].to_dict()
    assert told["effects"][1]["without"] == three.effects[1].without.to_dict()
    assert set(told["effects"][0]) == {"technique", "alone", "p_alone", "without", "p_without", "verdict"}
    assert told["complete"] is True


# -- what can't be told -----------------------------------------------------------------------------------------------


def test_no_technique_has_no_effect():
    found = ablated("l2=0", settings=SETTINGS)
    assert (len(found.variants), found.effects, found.fit.chosen) == (1, (), 0)


def test_without_rows_held_out_nothing_is_known():
    found = ablated("l2=0.02", settings=SETTINGS, plan=Plan(validation=0, members=1))
    assert found.effects[0].verdict == "unclear"
    assert math.isnan(found.effects[0].without.value)
    assert math.isnan(found.effects[0].p_without)


def changed(monkeypatch, variant: int, member: int, **changes) -> Ablation:
    """An ablation one of whose networks came out otherwise."""

    def other(*args, **given):
        fitted = fit(*args, **given)
        candidates = list(fitted.candidates)
        results = list(candidates[variant].results)
        results[member] = replace(results[member], **changes)
        candidates[variant] = replace(candidates[variant], results=tuple(results))
        return replace(fitted, candidates=tuple(candidates))

    monkeypatch.setattr(ablation, "fit", other)
    return ablated("l2=0.02, l1=0.003", settings=replace(LONG, max_epochs=20))


def test_a_network_that_diverged_leaves_its_comparisons_unclear(monkeypatch):
    """Variants are none, l2, l1 and both; l2 alone is what l1 is left out of."""
    found = changed(monkeypatch, 1, 2, outcome="diverged")
    l2, l1 = found.effects
    assert np.isnan([l2.alone.value, l2.p_alone, l1.without.value, l1.p_without, found.losses[1].value]).all()
    assert l1.verdict == "unclear"
    assert np.isfinite([l2.without.value, l2.p_without, l1.alone.value, l1.p_alone]).all()


@pytest.mark.parametrize(("epochs", "told"), [(20, True), (19, True), (12, False)])
def test_a_network_that_ran_out_of_time_is_compared_with_none_that_trained_for_much_longer(epochs, told, monkeypatch):
    cut = History(np.linspace(1, 0.5, epochs), np.linspace(1, 0.6, epochs))
    found = changed(monkeypatch, 1, 2, outcome="out of time", history=cut, best_epoch=epochs)
    l2, l1 = found.effects
    assert [np.isfinite(p) for p in (l2.p_alone, l2.p_without, l1.p_alone, l1.p_without)] == [told, True, True, told]
    assert np.isfinite([l2.alone.value, l1.without.value]).all()
    assert not found.complete
    if not told:
        assert l1.verdict == "unclear"
