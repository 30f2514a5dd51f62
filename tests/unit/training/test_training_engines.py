"""Which engine a training takes, and what it says where the fast one can't be had."""

import ctypes
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from training_problems import make_data, make_run, make_settings

from goodfit.errors import InputError, SlowerTraining
from goodfit.regularizers import families
from goodfit.regularizers.places import Proximal
from goodfit.regularizers.recipe import dose
from goodfit.training import Execution, compiled, engine, library, train
from goodfit.training.compiled import FIELDS, MEMBER, Compiled, Job
from goodfit.training.engine import Portable

RECIPES = (
    "none",
    "batch_norm=1, dropout=0.3 input=0.1",
    "l1=0.01, max_norm=2",
    "gaussian_noise=0.1, weight_averaging=0.9",
)


@dataclass(frozen=True)
class Clipped(Proximal):
    """A technique that the compiled engine has never heard of: weights stay within ±bound."""

    bound: float = dose(0.1, neutral=float("inf"))

    def prox(self, weights, step_size):
        bound = torch.as_tensor(self.bound, dtype=weights.dtype).view(-1, 1, 1)
        return weights.clamp(-bound, bound)

    def for_biases(self):
        return None


@pytest.fixture(autouse=True)
def _not_said_yet():
    engine._say_once.cache_clear()


@pytest.fixture
def trained_by(monkeypatch):
    """Names of the engines that trained."""
    seen = []
    for kind in (Compiled, Portable):
        whole = kind.train_epoch

        def train_epoch(self, block, epoch, whole=whole):
            seen.append(type(self).__name__)
            whole(self, block, epoch)

        monkeypatch.setattr(kind, "train_epoch", train_epoch)
    return seen


@pytest.fixture
def _no_library(monkeypatch):
    for module in (compiled, engine):
        monkeypatch.setattr(module, "load_library", lambda: None)


def use_library(monkeypatch, kind):
    (path,) = [p for p in library_files() if p.stem == f"engine_{kind}"]
    found = library._prepared(ctypes.CDLL(str(path)))
    monkeypatch.setattr(compiled, "load_library", lambda: found)


def library_files():
    from pathlib import Path

    import goodfit

    return [path for folder in goodfit.__path__ for path in (Path(folder) / "native").glob("engine_*")]


def train_some(**changes):
    runs = [make_run(recipe=recipe, seed=seed) for seed, recipe in enumerate(RECIPES)]
    return train(make_data("binary"), runs, make_settings(optimizer="adam"), **changes)


def assert_equal(some, others, tolerance=0.0):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=0, atol=tolerance)
        np.testing.assert_allclose(one.history.train, other.history.train, rtol=0, atol=tolerance)


def test_on_a_cpu_the_compiled_engine_trains(trained_by):
    train_some()
    assert set(trained_by) == {"Compiled"}


@pytest.mark.parametrize("choice", ["compiled", "portable"])
def test_the_engine_asked_for_trains(trained_by, choice):
    train_some(execution=Execution(engine=choice))
    assert set(trained_by) == {choice.title()}


def test_the_compiled_engine_knows_every_technique_of_the_library():
    assert set(FIELDS) == {kind for kind in families().values() if kind.__module__.startswith("goodfit.")}


@pytest.mark.usefixtures("_no_library")
def test_without_a_compiler_the_portable_engine_trains_and_says_so_once(trained_by, recwarn):
    train_some()
    train_some()
    (said,) = recwarn.list
    assert said.category is SlowerTraining
    assert str(said.message).startswith("goodfit was installed without a C++ compiler")
    assert "\n" not in str(said.message)
    assert set(trained_by) == {"Portable"}


@pytest.mark.usefixtures("_no_library")
def test_the_compiled_engine_asked_for_but_not_built_is_an_error():
    with pytest.raises(InputError, match=r"^the compiled engine is not installed; install .*$"):
        train_some(execution=Execution(engine="compiled"))


def test_an_engine_of_another_version_is_an_error(monkeypatch):
    found = library.load_library()
    other = type("Other", (), {"goodfit_sizes": lambda self: found.goodfit_sizes() + 8})()
    monkeypatch.setattr(compiled, "load_library", lambda: other)
    with pytest.raises(InputError, match=r"^the compiled engine is of another version than goodfit; install .*$"):
        train_some(execution=Execution(engine="compiled"))


def test_what_is_handed_over_has_the_size_that_the_library_reads():
    assert library.load_library().goodfit_sizes() == ctypes.sizeof(Job) * 65536 + MEMBER.itemsize


def test_a_technique_that_the_compiled_engine_does_not_know(trained_by):
    run = make_run(recipe=Clipped(0.05))
    with pytest.warns(SlowerTraining, match="doesn't know clipped: the portable one trains"):
        (result,) = train(make_data(), [run], make_settings())
    assert set(trained_by) == {"Portable"}
    assert np.abs(result.parameters[: result.layout.weights]).max() == np.float32(0.05)
    with pytest.raises(
        InputError, match=r"^the compiled engine doesn't know clipped; choose the portable one, or auto$"
    ):
        train(make_data(), [run], make_settings(), execution=Execution(engine="compiled"))


def test_scipys_blas_does_as_well_as_torchs(monkeypatch):
    expected = train_some()
    monkeypatch.setattr(engine, "find_blas", library.scipy_blas)
    assert_equal(train_some(), expected, 1e-5)


@pytest.mark.parametrize("kind", library.usable_kinds())
def test_each_kind_of_library_trains_the_same(monkeypatch, kind):
    """Their arithmetic is as written, whatever the vectors; the products are the BLAS's in all of them."""
    expected = train_some()
    use_library(monkeypatch, kind)
    assert_equal(train_some(), expected, 2e-6)


def test_the_libraries_were_built():
    assert {path.stem for path in library_files()} >= {f"engine_{kind}" for kind in library.usable_kinds()}


def test_bfloat16_where_the_processor_has_none(monkeypatch):
    expected = train_some()
    for module in (compiled, engine):
        monkeypatch.setattr(module, "multiplies_bf16", lambda: False)
    runs = [make_run(recipe=recipe, seed=seed) for seed, recipe in enumerate(RECIPES)]
    rounded = replace(make_settings(optimizer="adam"), precision="bfloat16")
    with pytest.warns(SlowerTraining, match="no products in bfloat16: training in float32"):
        results = train(make_data("binary"), runs, rounded)
    assert_equal(results, expected)


def test_no_memory_inside_the_library_is_a_memory_error():
    compiled._check(0)
    with pytest.raises(MemoryError):
        compiled._check(1)


def test_data_that_lie_scattered_in_memory_are_gathered():
    data, run, settings = make_data("binary"), make_run(recipe="dropout=0.2"), make_settings()
    apart = replace(data, inputs=data.inputs.transpose(1, 2).contiguous().transpose(1, 2))
    assert not apart.inputs.is_contiguous()
    assert_equal(train(apart, [run], settings), train(data, [run], settings))
