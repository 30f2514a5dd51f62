"""Which engine trains, and what is said about it."""

import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from training_problems import assert_near, make_data, make_run, make_settings, mixed_runs

from goodfit.errors import InputError, SlowerTraining
from goodfit.networks import views
from goodfit.regularizers import L2, Recipe, families, stack
from goodfit.regularizers.places import Proximal
from goodfit.regularizers.recipe import Dose, dose
from goodfit.training import Execution, train
from goodfit.training.compiled import FIELDS, Compiled
from goodfit.training.engine import Portable, _say_once, choose_engine
from goodfit.training.native import Blas

COMPILED, PORTABLE = Execution(engine="compiled"), Execution(engine="portable")


@dataclass(frozen=True)
class Clip(Proximal):
    """A technique of a user's own: no weight is larger than a bound."""

    bound: Dose = dose(1.0, neutral=float("inf"))

    def prox(self, weights, step_size):
        bound = torch.as_tensor(self.bound, dtype=weights.dtype).view(-1, 1, 1)
        return weights.clamp(-bound, bound)

    def for_biases(self):
        return None


@pytest.fixture(autouse=True)
def nothing_said():
    """What is said once a process is said once a test."""
    _say_once.cache_clear()


def without_library(monkeypatch):
    for module in ("engine", "compiled"):
        monkeypatch.setattr(f"goodfit.training.{module}.load_library", lambda: None)
    monkeypatch.setattr("goodfit.training.engine.installed_libraries", list)


def chosen(choice, data=None, recipe=None):
    return choose_engine(choice, data or make_data(), make_settings(), stack([Recipe.of(recipe)]))


def test_on_a_cpu_the_compiled_engine_trains_what_it_knows():
    recipe = Recipe(tuple(kind() for kind in FIELDS))
    for choice, engine in (("auto", Compiled), ("compiled", Compiled), ("portable", Portable)):
        assert type(chosen(choice, recipe=recipe)) is engine


def test_elsewhere_the_portable_engine_trains_and_nothing_is_said():
    elsewhere = make_data().to(torch.device("meta"))
    assert type(chosen("auto", elsewhere)) is type(chosen("portable", elsewhere)) is Portable
    with pytest.raises(InputError, match=r"^the compiled engine works on the CPU alone"):
        chosen("compiled", elsewhere)


def test_rows_that_lie_apart_in_memory_are_put_together():
    """Every second row of a table, columns backwards."""
    data, runs, settings = make_data(), mixed_runs(), make_settings()
    wide = torch.zeros(1, 2 * data.inputs.shape[1], data.inputs.shape[2])
    wide[:, ::2] = data.inputs
    apart = replace(data, inputs=wide[:, ::2], targets=data.targets.transpose(1, 2).contiguous().transpose(1, 2))
    assert not apart.inputs.is_contiguous()
    assert_near(train(apart, runs, settings, execution=COMPILED), train(data, runs, settings, execution=COMPILED))


def test_without_a_library_the_portable_engine_trains_and_that_is_said_once(monkeypatch):
    data, runs, settings = make_data(), mixed_runs(), make_settings()
    without_library(monkeypatch)
    with pytest.warns(SlowerTraining) as warned:
        results = [train(data, runs, settings) for _ in range(2)]
    assert [(str(w.message), w.filename) for w in warned] == [
        (
            "goodfit was installed without a C++ compiler, so it trains by its portable engine, several times slower; "
            "install a compiler and goodfit anew",
            __file__,
        )
    ]
    for result in results:
        assert_near(result, train(data, runs, settings, execution=PORTABLE))


def test_without_a_library_the_compiled_engine_is_refused(monkeypatch):
    without_library(monkeypatch)
    with pytest.raises(InputError) as error:
        train(make_data(), [make_run()], make_settings(), execution=COMPILED)
    assert str(error.value) == "the compiled engine is not installed; install a C++ compiler and goodfit anew"


def test_a_library_that_cant_be_loaded_is_told_from_none(monkeypatch):
    without_library(monkeypatch)
    monkeypatch.setattr("goodfit.training.engine.installed_libraries", lambda: ["engine_baseline.so"])
    with pytest.warns(SlowerTraining, match="engine can't be loaded on this machine, so it trains by its portable"):
        train(make_data(), [make_run()], make_settings())


def test_without_products_the_portable_engine_trains_and_the_compiled_one_is_refused(monkeypatch):
    monkeypatch.setattr("goodfit.training.engine.find_blas", lambda: Blas(0))
    with pytest.warns(SlowerTraining, match="finds no BLAS that it can call: the portable one trains, several times"):
        train(make_data(), [make_run()], make_settings())
    with pytest.raises(InputError, match="finds no BLAS that it can call; choose the portable one, or auto"):
        train(make_data(), [make_run()], make_settings(), execution=COMPILED)


def test_a_technique_of_ones_own_is_trained_by_the_portable_engine_and_that_is_said_once():
    assert "clip" not in families()
    data, settings, bound = make_data(), make_settings(), 0.05
    runs = [make_run(recipe=Clip(bound) + L2(1e-3)), make_run()]
    with pytest.warns(SlowerTraining, match="^the compiled engine doesn't know clip: the portable one tr") as warned:
        (clipped, free), _ = (train(data, runs, settings) for _ in range(2))
    assert [w.filename for w in warned] == [__file__]
    parts = views(torch.from_numpy(clipped.parameters)[None], clipped.layout)
    largest = max(weights.abs().max().item() for weights in parts.weights)
    assert largest == pytest.approx(bound)
    assert max(bias.abs().max().item() for bias in parts.biases) > bound
    assert np.abs(free.parameters[: free.layout.weights]).max() > 2 * bound
    assert_near([free], train(data, [runs[1]], settings, execution=COMPILED), 1e-5)


def test_a_technique_of_ones_own_is_refused_by_the_compiled_engine():
    with pytest.raises(InputError, match=r"^the compiled engine doesn't know clip; choose the portable one"):
        train(make_data(), [make_run(), make_run(recipe=Clip())], make_settings(), execution=COMPILED)


def test_a_changed_technique_is_one_of_ones_own():
    """A subclass may do anything: what the engine knows of its parent doesn't count."""
    changed = type("ChangedClip", (Clip,), {"prox": lambda self, weights, step_size: 0.0 * weights})
    with pytest.warns(SlowerTraining, match="doesn't know changed_clip: "):
        (result,) = train(make_data(), [make_run(recipe=changed())], make_settings())
    assert not result.parameters[: result.layout.weights].any()


def bfloat16():
    return replace(make_settings(hidden=(64, 64)), precision="bfloat16")


def test_where_a_processor_has_no_bfloat16_it_trains_in_float32_and_that_is_said_once(monkeypatch):
    for module in ("engine", "compiled"):
        monkeypatch.setattr(f"goodfit.training.{module}.multiplies_bf16", lambda: False)
    data, runs = make_data(), mixed_runs()
    with pytest.warns(SlowerTraining) as warned:
        results = [train(data, runs, bfloat16()) for _ in range(2)]
    assert [(str(w.message), w.filename) for w in warned] == [
        ("this processor has no products in bfloat16: training in float32", __file__)
    ]
    for result in results:
        assert_near(result, train(data, runs, replace(bfloat16(), precision="float32"), execution=COMPILED))


def test_a_training_as_usual_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(make_data(), mixed_runs(), make_settings())
