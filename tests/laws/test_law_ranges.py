"""A dose is taken from its whole range, ends included as declared, and nowhere else."""

import math
from dataclasses import fields

import numpy as np
import pytest
from law_problems import EACH_KIND, EACH_OPTIMIZER, KINDS, make_data, make_run, make_settings

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.training import train
from goodfit.training.ledger import OUTCOMES

BOTH_ENGINES = True

DOSES = [(k, f.name, f.metadata["range"]) for k in KINDS for f in fields(k) if "range" in f.metadata]
EACH_DOSE = pytest.mark.parametrize(
    ("kind", "name", "allowed"), DOSES, ids=[f"{k.name}-{name}" for k, name, _ in DOSES]
)


def extremes(allowed):
    """The least and the greatest number that are allowed; beside an open end, the number next to it."""
    low = math.nextafter(allowed.low, math.inf) if "low" in allowed.open else allowed.low
    high = math.nextafter(allowed.high, -math.inf) if "high" in allowed.open else allowed.high
    return low, high


def outside(allowed):
    """Numbers just past the ends, ends themselves where they are open, and far past."""
    low = allowed.low if "low" in allowed.open else math.nextafter(allowed.low, -math.inf)
    high = allowed.high if "high" in allowed.open else math.nextafter(allowed.high, math.inf)
    return {low, allowed.low - 1.0, -math.inf} | ({high} if high not in allowed else set())


@EACH_DOSE
def test_every_dose_is_taken_from_end_to_end(kind, name, allowed):
    usual = getattr(kind, name)
    for value in (*extremes(allowed), usual, int(min(allowed.high, max(1, allowed.low)))):
        if value in allowed:
            assert getattr(kind(**{name: value}), name) == value
    assert usual in allowed
    assert allowed.neutral is None or allowed.neutral in allowed
    assert all(value in allowed for value in extremes(allowed))


@EACH_DOSE
def test_a_number_outside_the_range_is_refused(kind, name, allowed):
    for value in outside(allowed):
        with pytest.raises(InputError, match=f"^{kind.name}: {name} is {value:g}, outside ") as error:
            kind(**{name: value})
        assert str(allowed) in str(error.value)


@EACH_DOSE
@pytest.mark.parametrize("value", [math.nan, "0.5", "", None, True, False, [0.1], 1j], ids=repr)
def test_what_is_no_number_is_refused(kind, name, allowed, value):
    with pytest.raises(InputError) as error:
        kind(**{name: value})
    assert f"{kind.name}: {name} is {value!r}" in str(error.value)
    assert str(allowed) in str(error.value)
    assert "\n" not in str(error.value)


@EACH_DOSE
@pytest.mark.parametrize("number", [np.float64, np.float32, np.int64], ids=lambda number: number.__name__)
def test_a_number_of_numpy_is_a_number(kind, name, allowed, number):
    value = number(1 if 1 in allowed else 0)
    assert Recipe.parse(str(kind(**{name: value}))) == Recipe((kind(**{name: float(value)}),))


@EACH_KIND
def test_a_switch_is_true_or_false_only(kind):
    for field in (f for f in fields(kind) if "range" not in f.metadata):
        assert field.default is False
        assert getattr(kind(**{field.name: True}), field.name) is True
        with pytest.raises(InputError, match=f"^{kind.name}: {field.name} is 'yes'"):
            kind(**{field.name: "yes"})


@EACH_DOSE
@EACH_OPTIMIZER
def test_training_bears_both_extremes(kind, name, allowed, optimizer):
    """However large a penalty, the run ends in order; a member at the usual dose beside it isn't harmed."""
    runs = [make_run(kind(**{name: value})) for value in (*extremes(allowed), getattr(kind, name))]
    results = train(make_data(), runs, make_settings(optimizer))
    assert all(result.outcome in OUTCOMES and np.isfinite(result.parameters).all() for result in results)
    assert results[-1].outcome == "finished"
