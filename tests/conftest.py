"""Beside the tests: what lies in this folder can be imported by all of them.

A module that says `BOTH_ENGINES = True` is run twice: where its tests leave the choice of the engine open, the compiled
one is taken, then the portable one.
"""

import pytest

from goodfit.training import loop
from goodfit.training.engine import choose_engine


def pytest_generate_tests(metafunc):
    if getattr(metafunc.module, "BOTH_ENGINES", False):
        metafunc.fixturenames.append("engine")
        metafunc.parametrize("engine", ["compiled", "portable"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def engine(request):
    for value in vars(request.module).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()

    def choose(choice, *job):
        return choose_engine(request.param if choice == "auto" else choice, *job)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "choose_engine", choose)
        yield request.param
