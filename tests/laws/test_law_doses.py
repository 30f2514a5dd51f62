"""Every technique has doses to study it by: from none of it, in one direction, within what it allows."""

from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest

from goodfit.regularizers import along, dose_field, families, read_technique, usual_doses
from goodfit.regularizers.doses import _spaced

EACH = pytest.mark.parametrize("kind", families().values(), ids=families())


@EACH
def test_the_usual_doses_begin_at_neutral_and_are_eight_or_more(kind):
    name, allowed = dose_field(kind)
    doses = usual_doses(kind)
    assert doses[0] == allowed.neutral
    assert len(set(doses)) == len(doses) >= 9
    assert all(dose in allowed for dose in doses)
    assert [getattr(part, name) for part in along(kind(), None)] == list(doses)


@EACH
def test_the_usual_doses_go_from_little_to_much(kind):
    first, *others = usual_doses(kind)
    signs = {np.sign(b - a) for a, b in pairwise(others)}
    assert len(signs) == 1
    assert signs == {-1.0} if np.isinf(first) else signs == {1.0}


@EACH
def test_the_neutral_dose_is_the_neutral_technique_in_its_strength(kind):
    name, _ = dose_field(kind)
    assert getattr(along(kind(), None)[0], name) == getattr(kind.neutral(), name)


@EACH
def test_a_range_alone_gives_doses_too(kind):
    name, allowed = dose_field(kind)
    usual = next(f.default for f in fields(kind) if f.name == name)
    doses = _spaced(usual, allowed, allowed.neutral)
    assert len(set(doses)) >= 8
    assert all(dose in allowed and dose != allowed.neutral for dose in doses)


@pytest.mark.parametrize("name", families())
def test_a_technique_is_read_from_its_name_its_class_and_itself(name):
    kind = families()[name]
    assert read_technique(name) == read_technique(kind) == read_technique(kind()) == kind()
