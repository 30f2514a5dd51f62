"""What is usual where nothing is asked for: networks that fit their rows, and recipes that suit them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.data.media import picture_table, sound_table, text_table
from goodfit.regularizers import EarlyStopping, Recipe
from goodfit.regularizers.places import Stops
from goodfit.studies.interventions import AUGMENTING, DOSES, doses_for
from goodfit.studies.preparing import check_suits
from goodfit.studies.problem import Problem, read_problem
from goodfit.studies.usual import (
    CANDIDATES,
    CHANNELS,
    SMALLEST,
    candidates_for,
    usual_batch_size,
    usual_channels,
    usual_settings,
)

KINDS = ("table", "image", "sound", "text")
EACH = pytest.mark.parametrize("kind", KINDS)


def problem_of(kind: str, rows: int = 40, sides: tuple[int, int] = (28, 28)) -> Problem:
    random, target = np.random.default_rng(0), np.arange(rows) % 2
    if kind == "table":
        return read_problem(random.normal(size=(rows, 3)), target)
    if kind == "image":
        return read_problem(picture_table(random.integers(0, 255, (rows, *sides), dtype=np.uint8)), target)
    if kind == "sound":
        return read_problem(sound_table(random.uniform(-80, 0, (rows, *sides))), target)
    return read_problem(text_table([f"good no{i}" for i in range(rows)]), target)


@EACH
def test_candidates_suit_their_rows_and_begin_with_none(kind):
    recipes = candidates_for(kind)
    assert recipes[0] == Recipe()
    assert len({str(recipe) for recipe in recipes}) == len(recipes) == len(CANDIDATES[kind])
    problem = problem_of(kind)
    assert problem.kind == kind
    form = type("Form", (), {"kind": kind})
    check_suits(recipes, form, problem)
    assert all(EarlyStopping in recipe for recipe in recipes[1:])


@EACH
def test_a_diagnosis_tries_what_suits_the_rows(kind):
    problem = problem_of(kind)
    changes = doses_for(Recipe(), usual_settings(problem), kind)
    check_suits([change.recipe for change in changes], type("Form", (), {"kind": kind}), problem)
    tried = {str(change.recipe) for change in changes}
    assert tried >= set(AUGMENTING[kind])
    assert len(tried & set(DOSES)) >= 3
    assert all(any(isinstance(part, Stops) for part in change.recipe) for change in changes)


SHAPES = {
    (1, 1): (16,),
    (4, 4): (16,),
    (8, 8): (16,),
    (9, 12): (16,),
    (10, 10): (16, 32),
    (28, 28): (16, 32, 64),
    (28, 5): (16,),
    (32, 32): (16, 32, 64),
    (64, 64): (16, 32, 64, 64),
    (64, 250): (16, 32, 64, 64),
    (500, 500): (16, 32, 64, 64),
}


@pytest.mark.parametrize("sides", SHAPES)
@pytest.mark.parametrize("kind", ["image", "sound"])
def test_convolutions_halve_the_shorter_side_to_the_smallest(kind, sides):
    channels = usual_channels(problem_of(kind, 2, sides))
    assert channels == SHAPES[sides]
    left = min(sides) // 2 ** len(channels)
    assert left <= SMALLEST or len(channels) == len(CHANNELS)
    assert len(channels) == 1 or min(sides) // 2 ** (len(channels) - 1) > SMALLEST


@EACH
def test_the_usual_network_of_each_kind(kind):
    settings = usual_settings(problem_of(kind, 2000))
    assert settings.hidden == {"table": (128, 128), "text": ()}.get(kind, (64,))
    assert settings.channels == ((16, 32, 64) if kind in ("image", "sound") else ())
    assert settings.max_epochs == (40 if kind in ("image", "sound") else 100)
    assert settings.batch_size == (64 if kind in ("image", "sound") else 128)


@given(st.integers(0, 10**7))
def test_a_batch_is_a_power_of_two_near_a_twentieth_of_the_rows(rows):
    size = usual_batch_size(rows)
    assert size in (16, 32, 64, 128, 256)
    if 400 <= rows <= 4000:
        assert rows / 20 / 1.5 <= size <= rows / 20 * 1.5
    assert usual_batch_size(rows + 1) >= size
