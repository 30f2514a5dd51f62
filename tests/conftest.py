"""Beside the tests: what lies in this folder can be imported by all of them.

A module that says `BOTH_ENGINES = True` is run twice: where its tests leave the choice of the engine open, the compiled
one is taken, then the portable one. A law of a technique (`kind`) that the compiled one doesn't know is run once.
"""

import pytest

from goodfit.training import loop
from goodfit.training.compiled import FIELDS, unknown
from goodfit.training.engine import choose_engine


def pytest_generate_tests(metafunc):
    if getattr(metafunc.module, "BOTH_ENGINES", False):
        metafunc.parametrize("engine", ["compiled", "portable"], indirect=True, scope="module")


def pytest_collection_modifyitems(config, items):
    beyond = [item for item in items if _beyond_the_compiled_engine(getattr(item, "callspec", None))]
    config.hook.pytest_deselected(items=beyond)
    items[:] = [item for item in items if item not in set(beyond)]


def _beyond_the_compiled_engine(spec):
    kind = spec.params.get("kind") if spec else None
    return spec is not None and spec.params.get("engine") == "compiled" and kind is not None and kind not in FIELDS


@pytest.fixture(scope="module", autouse=True)
def engine(request):
    """Asked for by no test, so that a module need only say `BOTH_ENGINES`; elsewhere it leaves everything alone."""
    if not hasattr(request, "param"):
        yield None
        return
    for value in vars(request.module).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()

    def choose(choice, data, settings, techniques):
        wanted = request.param if choice == "auto" and not unknown(techniques) else choice
        return choose_engine("portable" if wanted == "auto" else wanted, data, settings, techniques)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "choose_engine", choose)
        yield request.param
