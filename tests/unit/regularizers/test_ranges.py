"""Ranges of doses: a space of recipes, its text, what it draws, and what it refuses."""

import copy
import inspect
import math
import pickle
import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.errors import DoubtfulRecipe, InputError
from goodfit.regularizers import (
    L1,
    L2,
    Crop,
    Dimension,
    Dropout,
    EarlyStopping,
    MaxNorm,
    Ranged,
    Recipe,
    Regularizer,
    Smote,
    Space,
    dose_field,
    families,
    has_ranges,
)

KINDS = list(families().values())
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def numbers(allowed):
    """Finite numbers of a range."""
    if allowed.whole:
        return st.integers(math.ceil(allowed.low), int(min(allowed.high, 1e6)))
    ends = {"exclude_min": "low" in allowed.open, "exclude_max": "high" in allowed.open and allowed.high < math.inf}
    return st.floats(allowed.low, min(allowed.high, 1e6), **ends, allow_nan=False)


@st.composite
def parts(draw, kind):
    """A technique at two ends, each of its numbers apart or not: with ranges wherever it can have some."""
    low, high = {}, {}
    for field in fields(kind):
        allowed = field.metadata.get("range")
        pair = [draw(st.booleans())] * 2 if allowed is None else sorted(draw(st.tuples(*[numbers(allowed)] * 2)))
        low[field.name], high[field.name] = pair
    off = draw(st.booleans()) or low == high
    return Ranged(kind(**low), kind(**high), off)


@st.composite
def spaces(draw):
    """Any techniques, with ranges or without, in any order."""
    kinds = draw(st.lists(st.sampled_from(KINDS), unique=True, max_size=6))
    ranged = [draw(parts(kind)) for kind in kinds]
    return Space(tuple(part if draw(st.booleans()) else part.low for part in ranged))


@st.composite
def choices(draw, space):
    """Values for all that is open, ends included."""
    values = {}
    for dimension in space.dimensions:
        if dimension.off:
            values[dimension.name.partition(".")[0]] = draw(st.booleans())
        values[dimension.name] = draw(st.floats(dimension.low, dimension.high))
    return values


def quietly(make, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulRecipe)
        return make(*args)


@EACH_KIND
@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_low_and_high_leave_the_dose_of_any_technique_open(kind, data):
    name, allowed = dose_field(kind)
    low, high = sorted(data.draw(st.lists(numbers(allowed), min_size=2, max_size=2, unique=True)))
    off = data.draw(st.booleans())
    part = kind(low=low, high=high, off=off)
    assert isinstance(part, Ranged)
    assert not isinstance(part, Regularizer)
    assert part == Ranged(kind(**{name: low}), kind(**{name: high}), off)
    assert has_ranges(part)
    (dimension,) = Space.of(part).dimensions
    assert (dimension.name, dimension.low, dimension.high) == (f"{kind.name}.{name}", low, high)
    assert dimension.off is off
    assert Space.parse(str(part)) == Space((part,))


@EACH_KIND
def test_no_technique_has_a_setting_of_that_name_and_its_dose_comes_first(kind):
    names = [field.name for field in fields(kind)]
    assert not {"low", "high", "off"} & set(names)
    assert dose_field(kind)[0] == names[0]


@EACH_KIND
def test_techniques_without_ranges_are_made_and_copied_as_ever(kind):
    part = kind()
    assert type(part) is kind
    assert copy.copy(part) == copy.deepcopy(part) == pickle.loads(pickle.dumps(part)) == replace(part) == part
    assert list(inspect.signature(kind).parameters) == [field.name for field in fields(kind)]
    with pytest.raises(TypeError, match="unexpected keyword argument 'lowest'"):
        kind(lowest=1)


@settings(deadline=None, max_examples=200)
@given(space=spaces())
def test_the_text_of_a_space_parses_back(space):
    assert quietly(Space.parse, str(space)) == space
    assert quietly(Space.of, str(space)) == Space.of(space) == space
    assert has_ranges(str(space)) == has_ranges(space) == bool(space.dimensions)
    assert copy.deepcopy(space) == pickle.loads(pickle.dumps(space)) == space


@settings(deadline=None, max_examples=50)
@given(space=spaces(), blanks=st.sampled_from(["", " ", "  ", "\t"]))
def test_blanks_around_the_signs_mean_nothing(space, blanks):
    text = str(space)
    for sign in (",", "=", "..", "|"):
        text = text.replace(sign, f"{blanks}{sign}{blanks}")
    assert quietly(Space.parse, text) == space


@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_a_choice_makes_a_recipe_within_the_ranges_and_a_recipe_tells_its_choice(data):
    space = data.draw(spaces())
    values = data.draw(choices(space))
    recipe = space.recipe(values | {"learning_rate": 0.1})
    drawn = {part.name: part for part in recipe}
    for part in space.parts:
        if isinstance(part, Regularizer):
            assert drawn[part.name] == part
        elif not values.get(part.name, True):
            assert part.name not in drawn
        else:
            for name in vars(part.low):
                low, value, high = (getattr(p, name) for p in (part.low, drawn[part.name], part.high))
                assert low <= value <= high
    found = space.values_of(recipe)
    assert space.recipe(found) == recipe
    assert space.values_of(Recipe(recipe.parts[::-1])) == found
    assert set(found) <= set(values)


@settings(deadline=None, max_examples=100)
@given(data=st.data())
def test_a_recipe_outside_has_no_choice(data):
    """Each way to leave a space that has a range: past an end, another fixed setting, a technique more or fewer."""
    space = Space((data.draw(parts(data.draw(st.sampled_from(KINDS)))),))
    values = data.draw(choices(space)) | {part.name: True for part in space.parts}
    (part,), (kept,) = space.parts, space.recipe(values)
    open_ones = set(part.dimensions)
    for field in fields(kept):
        allowed = field.metadata.get("range")
        if allowed is None:
            other = not getattr(kept, field.name)
        else:
            high = getattr(part.high, field.name)
            other = high + 1 if high + 1 in allowed else (high + allowed.high) / 2
            if other not in allowed or other <= high:
                continue
            assert field.name not in open_ones or other > part.dimensions[field.name].high
        assert space.values_of(Recipe((replace(kept, **{field.name: other}),))) is None
    more = next(kind for kind in KINDS if kind is not type(kept))()
    assert space.values_of(Recipe((kept, more))) is None
    assert space.values_of(Recipe()) == ({part.name: False} if part.off else None)


def test_a_space_is_what_its_text_says():
    space = Space.parse("l2=1e-6..0.1, dropout=0..0.5 input=0..0.2, l1=off|1e-6..1e-2 biases=true, early_stopping=20")
    assert space.parts == (
        L2(low=1e-6, high=0.1),
        Ranged(Dropout(0.0, input=0.0), Dropout(0.5, input=0.2)),
        L1(low=1e-6, high=1e-2, off=True, biases=True),
        EarlyStopping(20),
    )
    assert space.dimensions == (
        Dimension("l2.strength", 1e-6, 0.1, log=True),
        Dimension("dropout.p", 0.0, 0.5),
        Dimension("dropout.input", 0.0, 0.2),
        Dimension("l1.strength", 1e-6, 1e-2, log=True, off=True),
    )
    values = {"l2.strength": 0.01, "dropout.p": 0.0, "dropout.input": 0.1, "l1": False}
    assert str(space.recipe(values)) == "l2=0.01, dropout=0 input=0.1, early_stopping=20"
    assert space.values_of(space.recipe(values)) == values
    assert str(space.recipe(values | {"l1": np.True_, "l1.strength": np.float64(1e-3)})) == (
        "l2=0.01, dropout=0 input=0.1, l1=0.001 biases=true, early_stopping=20"
    )


def test_a_scale_of_ratios_needs_a_factor_of_ten_from_above_0():
    assert not L2(low=0.0, high=1.0).dimensions["strength"].log
    assert not L2(low=0.011, high=0.1).dimensions["strength"].log
    assert L2(low=0.01, high=0.1).dimensions["strength"].log


def test_whole_numbers_are_rounded():
    space = Space.parse("smote=0.5 neighbors=2..30")
    (dimension,) = space.dimensions
    assert (dimension.whole, dimension.log) == (True, True)
    assert [space.recipe({"smote.neighbors": v}).get(Smote).neighbors for v in (2, 2.4, 2.6, 30)] == [2, 2, 3, 30]
    found = space.values_of(Recipe.parse("smote=0.5 neighbors=7"))
    assert found == {"smote.neighbors": 7}
    assert isinstance(found["smote.neighbors"], int)


def test_only_the_use_of_a_dose_may_be_open():
    space = Space.parse("dropout=off|0.3 input=0..0.2")
    assert [(d.name, d.low, d.high, d.off) for d in space.dimensions] == [
        ("dropout.p", 0.3, 0.3, True),
        ("dropout.input", 0.0, 0.2, False),
    ]
    assert L2(low=0.1, high=0.1, off=True) == Space.parse("l2=off|0.1").parts[0]
    assert space.recipe({"dropout": False}) == Recipe()


def test_an_end_that_is_left_out_is_the_techniques_own():
    assert L2(high=0.1) == L2(low=0, high=0.1)
    assert EarlyStopping(high=20) == EarlyStopping(low=1, high=20)
    assert Dropout(low=0.2) == Dropout(low=0.2, high=1)
    assert MaxNorm(high=3) == MaxNorm(low=0, high=3)


def test_a_value_that_rounding_moved_past_an_end_is_the_end():
    space = Space.parse("l2=0.001..0.1")
    assert space.recipe({"l2.strength": math.nextafter(0.1, 1)}) == Recipe((L2(0.1),))


def test_sums_with_ranges_are_spaces_in_the_order_of_the_sum():
    ranged, fixed = L2(low=1e-6, high=0.1), L1(0.2)
    two = Recipe((EarlyStopping(5), MaxNorm(2)))
    assert ranged + fixed == Space((ranged, fixed))
    assert fixed + ranged == Space((fixed, ranged))
    assert two + ranged == Space((*two, ranged))
    assert ranged + two == Space((ranged, *two))
    assert ranged + Dropout(high=0.5) + fixed + two == Space((ranged, Dropout(high=0.5), fixed, *two))
    assert fixed + (ranged + Dropout()) == Space((fixed, ranged, Dropout()))
    assert two + (ranged + Dropout()) == Space((*two, ranged, Dropout()))
    for wrong in (lambda: ranged + 3, lambda: 3 + ranged, lambda: ranged + "l1", lambda: Space() + None):
        with pytest.raises(TypeError, match="unsupported operand"):
            wrong()


def test_a_space_is_made_of_whatever_a_recipe_is_made_of():
    assert Space.of(None) == Space.of("none") == Space.of(Recipe()) == Space.of("") == Space()
    assert Space.of(L2(0.1)) == Space.of("l2=0.1") == Space.of(Recipe((L2(0.1),))) == Space((L2(0.1),))
    assert Space.of(L2(high=0.1)) == Space.of("l2=0..0.1") == Space((L2(high=0.1),))
    assert Space().recipe({}) == Recipe()
    assert Space().values_of(Recipe()) == {}
    assert str(Space()) == "none"
    for wrong in (3, ["l2"], L2):
        with pytest.raises(InputError, match=r"give a Recipe, a regularizer or a text such as 'l2=1e-6\.\.0\.1'"):
            Space.of(wrong)


@pytest.mark.parametrize("value", [None, 3, "none", "l2=0.1", L2(0.1), Recipe((L2(0.1),)), Space((L2(0.1),))], ids=str)
def test_fixed_doses_are_no_ranges(value):
    assert not has_ranges(value)


@pytest.mark.parametrize("value", ["l2=0..1", "l2=off|1", L2(high=1), L2(high=1) + L1(0.1)], ids=str)
def test_a_recipe_takes_no_range_and_says_who_does(value):
    assert has_ranges(value)
    with pytest.raises(InputError, match=r"^recipe 'l2=.*': a range is for a search: give it .*; here give one dose"):
        Recipe.of(value)


def test_a_space_with_nothing_open_is_a_recipe():
    assert Recipe.of(Space((L2(0.1), Dropout(0.3, input=0.1)))) == Recipe((L2(0.1), Dropout(0.3, input=0.1)))
    assert Recipe.of(Space()) == Recipe()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: L2(low=1e-6), r"l2: high is missing and \[0, inf\) has no such end; give both"),
        (lambda: EarlyStopping(low=5), r"early_stopping: high is missing and \[1, inf\]"),
        (lambda: Crop(low=0.1), r"crop: high is missing and \[0, 1\)"),
        (lambda: L2(low=1, high=0.1), "l2: strength is from 1 to 0.1; give the lower end first"),
        (lambda: L2(low=-1, high=0.1), r"l2: strength is -1, outside \[0, inf\)"),
        (lambda: Dropout(low=0, high=1.5), r"dropout: p is 1.5, outside \[0, 1\]"),
        (lambda: L2(low="a", high=1), "l2: strength is 'a'; give a number"),
        (lambda: L2(low=False, high=1), "l2: strength is False; give a number"),
        (lambda: L2(low=math.nan, high=1), "l2: strength is nan; give a number"),
        (lambda: EarlyStopping(low=5, high=math.inf), "patience is from 5 to inf; give finite ends"),
        (lambda: Smote(low=0, high=1, neighbors=2.5), "smote: neighbors is 2.5; give a whole number"),
        (lambda: L2(0.1, low=0, high=1), "l2: strength is 0.1 beside low, high or off; give a dose or a range"),
        (lambda: L2(strength=0.1, off=True), "l2: strength is 0.1 beside low, high or off"),
        (lambda: L2(off=True), "l2: off goes with a range; give low and high too"),
        (lambda: L2(low=0, high=1, off="yes"), "l2: off is 'yes'; give True or False"),
        (lambda: L2(low=0.1, high=0.1), "l2: both ends of its range are the same; give one dose, 'l2=0.1'"),
        (lambda: Ranged(L2(0.1), L1(0.2)), "give one technique at both ends"),
        (lambda: Ranged(3, 4), "give one technique at both ends"),
        (lambda: L2(high=1) + L2(0.1), "recipe: l2 stands in it twice; keep one"),
        (lambda: Space((L2(0.1), L2(0.1))), "recipe: l2 stands in it twice; keep one"),
    ],
)
def test_a_range_that_can_not_be_searched_is_refused_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("l2=0..", r"l2 strength is '0\.\.'; give both ends of the range, such as 1e-6..0.1"),
        ("l2=..1", r"l2 strength is '\.\.1'; give both ends"),
        ("l2=0..a", "l2 strength is 'a'; give a number"),
        ("l2=off", "l2 strength is 'off'; give a number"),
        ("l2=on|0..1", r"l2 strength is 'on\|0..1'; off\| goes before the first number only: l2=off\|"),
        ("l2=0..1|off", r"l2 strength is '0..1\|off'; off\| goes before the first"),
        ("dropout=0.1 input=off|0..1", r"dropout input is 'off\|0..1'; off\| goes before the first"),
        ("l2=0..1 biases=false..true", "l2: biases is false and true; give one of them"),
        ("l2=0..1 biases=0..1", "l2 biases is '0'; write true or false"),
        ("l2=0.1..0.1", "l2: both ends of its range are the same"),
        ("l2=1..0.1", "give the lower end first"),
        ("l2=0..1,, l1", "nothing between two commas"),
        ("l2=0..1 strength=0..2", "l2 strength stands in it twice; keep one"),
        ("synonims=0..1", "no technique is called 'synonims'; did you mean 'synonyms'"),
        ("l2=0..1 dose=1", "l2 has no setting 'dose'"),
        ("smote=0..1 neighbors=2..4.5", "smote: neighbors is 4.5; give a whole number"),
    ],
)
def test_a_text_that_says_no_space_is_refused_in_one_line(text, message):
    with pytest.raises(InputError, match=message) as error:
        Space.parse(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"l2": True}, r"recipe: l2.strength has no value; give a number in \[0, 1\]"),
        ({"l2.strength": 0.5}, "recipe: l2 has no value; give True to use it or False to leave it out"),
        ({"l2": True, "l2.strength": 1.5}, r"recipe: l2.strength is 1.5; give a number in \[0, 1\]"),
        ({"l2": True, "l2.strength": -0.1}, "recipe: l2.strength is -0.1"),
        ({"l2": True, "l2.strength": math.nan}, "recipe: l2.strength is nan"),
        ({"l2": True, "l2.strength": "0.5"}, "recipe: l2.strength is '0.5'; give a number"),
        ({"l2": True, "l2.strength": True}, "recipe: l2.strength is True; give a number"),
    ],
)
def test_a_choice_that_is_not_whole_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        Space.parse("l2=off|0..1").recipe(values)


DOUBTFUL = {"dropout=0..0.5, batch_norm": "dropout before", "l2=0.1, weight_decay=off|0.1..1": "l2 and weight_decay"}


@pytest.mark.parametrize(("text", "reason"), DOUBTFUL.items())
def test_a_doubtful_space_warns_where_it_is_made_and_not_where_it_is_drawn_from(text, reason):
    first, second = (Space.parse(part) for part in text.split(","))
    (one,), (other,) = first.parts, second.parts
    for make in (lambda: Space.parse(text), lambda: first + second, lambda: one + other, lambda: first + other):
        with pytest.warns(DoubtfulRecipe, match=reason) as warned:
            space = make()
        assert len(warned) == 1
        assert warned[0].filename == __file__
    values = {"dropout.p": 0.3, "weight_decay": True, "weight_decay.strength": 0.5}
    recipe = space.recipe(values)
    assert space.values_of(recipe).items() <= values.items()
    assert space + L1(low=0, high=1) == Space((*space.parts, L1(low=0, high=1)))
