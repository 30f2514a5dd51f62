"""Which compiled library and which BLAS are found, and that all of them give the same."""

import ctypes
from pathlib import Path

import pytest
import torch
from scipy.linalg import cython_blas
from threadpoolctl import threadpool_info
from training_problems import assert_near, make_data, make_settings, mixed_runs

import goodfit
from goodfit.training import Execution, native, train
from goodfit.training.native import (
    SUFFIX,
    Blas,
    find_blas,
    load_library,
    multiplies_bf16,
    scipy_blas,
    torch_blas,
    usable_kinds,
)

COMPILED = Execution(engine="compiled")
TASKS = pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
OPTIMIZERS = pytest.mark.parametrize("optimizer", ["sgd", "adam"])


def path_of(kind):
    """Where a library was installed; None if it wasn't built."""
    paths = (Path(folder) / "native" / f"engine_{kind}{SUFFIX}" for folder in goodfit.__path__)
    return next((path for path in paths if path.exists()), None)


def pretend(monkeypatch, capability, *, bf16=False):
    """A processor of some capability."""
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": bf16}, raising=False)


def file_loaded(monkeypatch):
    """The name of the library that is loaded."""
    loaded = []
    monkeypatch.setattr(native.ctypes, "CDLL", lambda name: loaded.append(Path(name).stem) or load_library())
    load_library.__wrapped__()
    return loaded


def results(monkeypatch, task, optimizer, *, kind=None, blas=None):
    """What a training comes to with another library or BLAS than the usual."""
    with monkeypatch.context() as patch:
        if kind:
            other = native._prepared(ctypes.CDLL(str(path_of(kind))))
            patch.setattr("goodfit.training.compiled.load_library", lambda: other)
        if blas:
            patch.setattr("goodfit.training.engine.find_blas", lambda: blas)
        settings = make_settings(hidden=(19, 8), optimizer=optimizer)
        return train(make_data(task), mixed_runs(), settings, execution=COMPILED)


@pytest.mark.parametrize(
    ("capability", "bf16", "kind"),
    [
        ("AVX512", True, "avx512_bf16"),
        ("AVX512", False, "avx512"),
        ("AVX2", False, "avx2"),
        ("DEFAULT", False, "baseline"),
        ("NO AVX", False, "baseline"),
        ("VSX", False, "baseline"),
    ],
)
def test_the_library_is_the_most_able_that_the_processor_runs(monkeypatch, capability, bf16, kind):
    if not path_of(kind):
        pytest.skip("it was not built for this architecture")
    pretend(monkeypatch, capability, bf16=bf16)
    assert usable_kinds()[0] == kind
    assert usable_kinds()[-1] == "baseline"
    assert file_loaded(monkeypatch) == [f"engine_{kind}"]


def test_a_torch_that_tells_no_capabilities_has_none(monkeypatch):
    pretend(monkeypatch, "AVX512", bf16=True)
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert usable_kinds() == ("avx512", "avx2", "baseline")
    assert multiplies_bf16.__wrapped__() is False


def test_where_the_most_able_was_not_built_the_next_is_taken(monkeypatch, tmp_path):
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / f"engine_baseline{SUFFIX}").touch()
    monkeypatch.setattr(goodfit, "__path__", [str(tmp_path)])
    pretend(monkeypatch, "AVX512")
    assert file_loaded(monkeypatch) == ["engine_baseline"]


def test_a_library_that_cant_be_loaded_gives_way_to_the_next(monkeypatch, tmp_path):
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / f"engine_avx2{SUFFIX}").write_text("no library")
    good = path_of("baseline").read_bytes()
    monkeypatch.setattr(goodfit, "__path__", [str(tmp_path)])
    pretend(monkeypatch, "AVX512")
    assert load_library.__wrapped__() is None
    (tmp_path / "native" / f"engine_baseline{SUFFIX}").write_bytes(good)
    assert "engine_baseline" in load_library.__wrapped__()._name


@pytest.mark.parametrize(("signature", "callable"), [("int *, int *, int *, s *", True), ("long *, int *", False)])
def test_a_blas_with_wider_whole_numbers_is_not_called(monkeypatch, signature, callable):
    made, name = ctypes.pythonapi.PyCapsule_New, f"void (char *, char *, {signature})".encode()
    made.restype, made.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    monkeypatch.setitem(cython_blas.__pyx_capi__, "sgemm", made(4096, name, None))
    assert scipy_blas() == Blas(4096 if callable else 0)


def test_where_none_was_built_there_is_none(monkeypatch, tmp_path):
    monkeypatch.setattr(goodfit, "__path__", [str(tmp_path)])
    assert load_library.__wrapped__() is None


@pytest.mark.parametrize("kind", usable_kinds())
@TASKS
@OPTIMIZERS
def test_every_library_gives_the_same_bit_for_bit(monkeypatch, kind, task, optimizer):
    """Arithmetic is compiled as written, products are the BLAS's: no instruction set enters."""
    assert path_of(kind), "it is built wherever its processor may be"
    assert_near(results(monkeypatch, task, optimizer, kind=kind), results(monkeypatch, task, optimizer))


@TASKS
@OPTIMIZERS
def test_scipys_blas_gives_the_same_but_for_rounding(monkeypatch, task, optimizer):
    usual, other = results(monkeypatch, task, optimizer), results(monkeypatch, task, optimizer, blas=scipy_blas())
    assert_near(usual, other, 1e-5)


def test_torchs_blas_is_taken_if_it_is_there(monkeypatch):
    own = torch_blas()
    assert find_blas() == (own or scipy_blas())
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: False)
    assert torch_blas() is None
    assert find_blas.__wrapped__() == scipy_blas()


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_scipys_blas_uses_one_thread_while_the_engine_trains():
    blas, before = scipy_blas(), blas_threads()
    assert before
    with blas.one_thread():
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_products_in_bfloat16_need_the_processor_and_the_blas(monkeypatch):
    for bgemm, bf16 in ((0, True), (1, False), (1, True)):
        pretend(monkeypatch, "AVX512", bf16=bf16)
        monkeypatch.setattr(native, "find_blas", lambda bgemm=bgemm: Blas(sgemm=1, bgemm=bgemm))
        assert multiplies_bf16.__wrapped__() == (bgemm != 0 and bf16)
