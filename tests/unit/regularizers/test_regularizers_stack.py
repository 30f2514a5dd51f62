import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.regularizers import L1, L2, BatchNorm, Dropout, EarlyStopping, Recipe, families, stack
from goodfit.regularizers.places import InLoss, Proximal

RECIPES = st.lists(st.sets(st.sampled_from(list(families().values()))), min_size=1, max_size=5)


def recipe(kinds):
    return Recipe(tuple(kind() for kind in sorted(kinds, key=lambda kind: kind.name)))


@settings(deadline=None)
@given(members=RECIPES)
def test_each_technique_that_any_member_uses_stands_in_it_once(members):
    stacked = stack([recipe(kinds) for kinds in members])
    assert [part.name for part in stacked.parts] == sorted({kind.name for kinds in members for kind in kinds})


@settings(deadline=None)
@given(members=RECIPES)
def test_a_member_has_its_own_dose_or_the_neutral_one(members):
    for part in stack([recipe(kinds) for kinds in members]).parts:
        for place, kinds in enumerate(members):
            own = type(part)() if type(part) in kinds else type(part).neutral()
            for name, value in vars(own).items():
                column = getattr(part, name)
                assert column.shape == (len(members),)
                assert column[place].item() == value


def test_doses_are_doubles_and_switches_are_booleans():
    (part,) = stack([L1(0.1, biases=True) + L2(), Recipe()]).at(Proximal)
    assert part.strength.tolist() == [0.1, 0.0]
    assert part.strength.dtype == torch.float64
    assert part.biases.tolist() == [True, False]
    (patience,) = (part.patience for part in stack([Recipe((EarlyStopping(3),)), Recipe()]).parts)
    assert patience.tolist() == [3.0, math.inf]


def test_techniques_are_found_by_their_place():
    stacked = stack([L2(0.1) + Dropout(), Recipe((BatchNorm(),))])
    assert [type(part) for part in stacked.at(InLoss)] == [L2]
    assert stacked.at(Proximal) == []
    assert stack([Recipe(), Recipe()]).parts == ()


@pytest.mark.parametrize("strengths", [(0.1, 0.2), (0.1, None)])
def test_a_stacked_penalty_is_each_members_own(strengths):
    weights = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    (part,) = stack([Recipe(() if s is None else (L2(s),)) for s in strengths]).parts
    expected = [(s or 0.0) * w.square().sum().item() for s, w in zip(strengths, weights, strict=True)]
    assert part.penalty(weights).tolist() == pytest.approx(expected, rel=1e-6)
