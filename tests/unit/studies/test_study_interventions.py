"""What a diagnosis tries: more regularization and less, longer training, larger networks; never less than asked for."""

import math
from dataclasses import fields

import pytest
from study_problems import SETTINGS, recipes

from goodfit.regularizers import L1, L2, Dropout, EarlyStopping, Recipe
from goodfit.studies.interventions import DOSES, EASED, LONGER, PATIENT, WIDER, doses_for, strengthened
from goodfit.training import Settings


def recipe(text: str) -> Recipe:
    return recipes(text)[0]


def tried(text: str, kind: str = "dose") -> list[Recipe]:
    return [change.recipe for change in doses_for(recipe(text), SETTINGS) if change.kind == kind]


def test_a_network_without_regularization_gets_every_dose_and_nothing_weaker():
    assert [str(own) for own in tried("none")] == [str(recipe(text)) for text in DOSES]
    assert tried("none", "relaxed") == []


def test_a_recipe_keeps_what_it_has_more_of():
    for own in tried("l2=0.002, batch_norm"):
        assert own.get(L2).strength >= 0.002
        assert "batch_norm" in str(own)
        assert float(own.get(EarlyStopping).patience) == 10
    assert "l2=0.003" in str(tried("l2=0.002")[2]) or any("l2=0.003" in str(own) for own in tried("l2=0.002"))
    strong = tried("l2=5")
    assert strong
    assert all(own.get(L2).strength == 5 for own in strong)


def test_the_shorter_patience_is_the_stronger():
    assert all(float(own.get(EarlyStopping).patience) == 3 for own in tried("early_stopping=3"))
    assert all(float(own.get(EarlyStopping).patience) == 10 for own in tried("early_stopping=50"))


def test_the_recipe_itself_is_no_change_of_it_and_none_is_tried_twice():
    for text in ("none", "early_stopping=10", "l2=5, l1=5, dropout=0.9 input=0.5, early_stopping=1", DOSES[3]):
        own, found = recipe(text), doses_for(recipe(text), SETTINGS)
        names = [str(change.recipe) for change in found]
        assert len(set(names)) == len(names)
        assert str(own) not in names
        assert all(change.name == str(change.recipe) and change.settings is SETTINGS for change in found)


def test_less_is_a_quarter_and_none_of_what_there_is_and_the_stop_stays():
    quarter, none = tried("l2=0.04, dropout=0.4, early_stopping=7", "relaxed")
    assert quarter.get(L2).strength == pytest.approx(0.04 * EASED)
    assert quarter.get(Dropout).p == pytest.approx(0.4 * EASED)
    assert str(none) == "early_stopping=7"
    assert float(quarter.get(EarlyStopping).patience) == 7
    assert tried("early_stopping=7", "relaxed") == []
    assert [str(own) for own in tried("l1=0.1", "relaxed")] == [f"l1={0.1 * EASED:g}", "none"]


def test_a_bound_is_eased_by_being_wider():
    quarter, none = tried("max_norm=2", "relaxed")
    assert str(quarter) == f"max_norm={2 / EASED:g}"
    assert str(none) == "none"


def changes(text: str, settings: Settings = SETTINGS):
    return {change.name: change for change in strengthened(recipe(text), settings)}


def test_stronger_is_longer_wider_and_deeper_and_nothing_else():
    settings = Settings(hidden=(8, 4), max_epochs=5, batch_size=16)
    found = list(changes("l2=0.1", settings).values())
    assert [change.kind for change in found] == ["training", "capacity", "capacity"]
    assert found[0].settings.max_epochs == 5 * LONGER
    assert found[1].settings.hidden == (8 * WIDER, 4 * WIDER)
    assert found[2].settings.hidden == (8, 4, 4)
    for change in found:
        assert str(change.recipe) == "l2=0.1"
        changed = [f.name for f in fields(Settings) if getattr(change.settings, f.name) != getattr(settings, f.name)]
        assert changed == (["max_epochs"] if change.kind == "training" else ["hidden"])


def test_a_later_stop_is_tried_where_there_is_a_stop():
    found = next(change for change in changes("l2=0.1, early_stopping=3").values() if change.kind == "patience")
    assert float(found.recipe.get(EarlyStopping).patience) == 3 * PATIENT
    assert found.recipe.get(L2) == recipe("l2=0.1").get(L2)
    assert found.settings.max_epochs == SETTINGS.max_epochs * LONGER
    assert f"early_stopping={3 * PATIENT}" in found.name
    assert "patience" not in {change.kind for change in changes("l2=0.1").values()}
    endless = Recipe((EarlyStopping(math.inf),))
    assert "patience" not in {change.kind for change in strengthened(endless, SETTINGS)}


def test_a_linear_model_gets_a_hidden_layer():
    found = [change for change in changes("none", Settings(hidden=())).values() if change.kind == "capacity"]
    assert [len(change.settings.hidden) for change in found] == [1]


def test_doses_are_recipes_that_stop():
    for text in DOSES:
        own = recipe(text)
        assert EarlyStopping in own
        assert len(own.parts) == 1 or own.get(L2) or own.get(L1) or own.get(Dropout)
