"""The examples in the docstrings say what the code does."""

import doctest
import importlib
import pkgutil
from dataclasses import fields

import pytest

import goodfit.networks
import goodfit.regularizers
import goodfit.training

PACKAGES = (goodfit.regularizers, goodfit.networks, goodfit.training)
MODULES = [
    "goodfit.rng",
    *(f"{package.__name__}.{found.name}" for package in PACKAGES for found in pkgutil.iter_modules(package.__path__)),
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.failed == 0


@pytest.mark.parametrize("kind", goodfit.regularizers.families().values(), ids=lambda kind: kind.name)
def test_every_technique_says_what_it_is(kind):
    """A formula or a rule, its doses with both ends, what it raises, an example, a source."""
    text = kind.__doc__
    assert all(f"\n    {section}:\n" in text for section in ("Args", "Raises", "Example", "Source"))
    assert all(f"        {name}: " in text for name in (field.name for field in fields(kind)))
    assert ">>>" in text
