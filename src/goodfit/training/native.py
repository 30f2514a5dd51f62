"""Finds the compiled engine for this processor, and the BLAS that the process has already."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

SUFFIX = ".dll" if sys.platform == "win32" else ".so"
"""Of a library that is loaded while a program runs: macOS's .dylib are those that it is linked with."""
KINDS = ("avx512_bf16", "avx512", "avx2", "baseline")
"""What the engine is built for, the most able first."""
SIGNATURE = b"void (char *, char *, int *, int *, int *, "
"""How SciPy's product of matrices must begin: where its whole numbers are wider, calling it would crash."""


@dataclass(frozen=True)
class Blas:
    """Addresses of a BLAS's functions; 0 for one that it hasn't, or not in the form that the engine calls.

    Args:
        sgemm: product of float32 matrices.
        bgemm: product of bfloat16 matrices into float32.
        set_threads: how many threads the calling thread may use.
    """

    sgemm: int
    bgemm: int = 0
    set_threads: int = 0

    @contextmanager
    def one_thread(self) -> Iterator[None]:
        """While this lasts, a product uses the thread that asked for it and no other."""
        with nullcontext() if self.set_threads else threadpool_limits(1, user_api="blas"):
            yield


@cache
def load_library() -> ctypes.CDLL | None:
    """The compiled engine for this processor; None where none was built, or none of them can be loaded."""
    for path in installed_libraries():
        with suppress(OSError):  # for another processor or system, or what it needs is missing
            return _prepared(ctypes.CDLL(str(path)))
    return None


def installed_libraries() -> list[Path]:
    """The files of the engines that were built and that this processor can run, the most able first."""
    import goodfit

    names = [f"engine_{kind}{SUFFIX}" for kind in usable_kinds()]
    paths = [Path(folder) / "native" / name for name in names for folder in goodfit.__path__]
    return [path for path in paths if path.exists()]


def usable_kinds() -> tuple[str, ...]:
    """The kinds of engines that this processor can run, the most able first."""
    able = {"AVX512": 1, "AVX2": 2}.get(torch.backends.cpu.get_cpu_capability(), 3)
    return KINDS[0 if able == 1 and _capabilities().get("avx512_bf16") else able :]


def _capabilities() -> dict[str, bool]:
    found: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return found


def _prepared(library: ctypes.CDLL) -> ctypes.CDLL:
    library.goodfit_sizes.restype = ctypes.c_int64
    members = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    for name, more in (("train_epoch", []), ("refresh_statistics", []), ("mean_losses", [ctypes.c_void_p])):
        function = getattr(library, f"goodfit_{name}", None)
        if function is not None:  # a library of another version is found out by its sizes
            function.restype, function.argtypes = ctypes.c_int, members + more
    shrink = getattr(library, "goodfit_shrink", None)
    if shrink is not None:
        given: list[Any] = [*[ctypes.c_void_p] * 5, ctypes.c_int64, *[ctypes.c_float] * 5]
        shrink.restype, shrink.argtypes = None, given
    groups = getattr(library, "goodfit_shrink_groups", None)
    if groups is not None:
        given = [*[ctypes.c_void_p] * 5, *[ctypes.c_int64] * 3, *[ctypes.c_float] * 6]
        groups.restype, groups.argtypes = ctypes.c_int, given
    zeros = getattr(library, "goodfit_zeros", None)
    if zeros is not None:
        zeros.restype, zeros.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]
    return library


@cache
def find_blas() -> Blas:
    """The MKL inside torch where there is one, else the BLAS that SciPy brings."""
    return torch_blas() or scipy_blas()


def torch_blas() -> Blas | None:
    """The MKL inside torch, which has products in bfloat16 too; None where torch has another BLAS."""
    if not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return None
    folder = Path(torch.__file__).parent / "lib"
    for name in ("libtorch_cpu.so", "torch_cpu.dll"):
        if (folder / name).exists():
            library = ctypes.CDLL(str(folder / name))
            sgemm, set_threads = _address(library, "sgemm_"), _address(library, "MKL_Set_Num_Threads_Local")
            if sgemm and set_threads:
                return Blas(sgemm, _address(library, "gemm_bf16bf16f32_"), set_threads)
    return None


def scipy_blas() -> Blas:
    """The BLAS that SciPy offers to compiled code; without products where its whole numbers have 64 bits."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__["sgemm"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    signature = name(capsule)
    return Blas(pointer(capsule, signature) or 0 if signature.startswith(SIGNATURE) else 0)


@cache
def multiplies_bf16() -> bool:
    """Whether this processor multiplies bfloat16 matrices faster than float32 ones, and the BLAS knows how."""
    able = _capabilities()
    return find_blas().bgemm != 0 and bool(able.get("amx_bf16") or able.get("avx512_bf16"))


def _address(library: ctypes.CDLL, name: str) -> int:
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except AttributeError:
        return 0
