"""Puts an installed goodfit to use, where nothing but its wheel and what that needs is installed.

    python tools/release/wheel_at_work.py [--portable]

The compiled engine is loaded and trains; the command runs its example; a model is saved, loaded, and predicts the same.
With `--portable` goodfit has no compiled engine, and must say so once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np

import goodfit
from goodfit.training.engine import NO_BLAS
from goodfit.training.native import find_blas, load_library

SMALL = {"hidden": (16,), "max_epochs": 5, "members": 2}


def table() -> tuple[np.ndarray, np.ndarray]:
    """Rows of two classes."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 8))
    return X, (X[:, 0] + X[:, 1] ** 2 + rng.normal(size=300) > 1).astype(int)


def fitted(*, portable: bool) -> goodfit.Classifier:
    """A small model; that it trains slower than it could is said once where it must be, and never elsewhere."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        models = [goodfit.Classifier("l2=0.001, dropout=0.2", random_state=0, **SMALL).fit(*table()) for _ in range(2)]
    slower = [warning for warning in said if issubclass(warning.category, goodfit.SlowerTraining)]
    assert len(slower) == int(portable), [str(warning.message) for warning in said]
    return models[0]


def check_saving(model: goodfit.Classifier, folder: Path) -> None:
    """A saved model predicts bit for bit the same."""
    X, _ = table()
    model.save(folder / "run")
    assert np.array_equal(goodfit.load(folder / "run").predict_proba(X), model.predict_proba(X))


def check_command(folder: Path) -> None:
    """The command tells its version, and runs its example."""
    program = [sys.executable, "-m", "goodfit"]
    told = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True).stdout
    assert told == f"goodfit {version('goodfit')}\n", told
    subprocess.run([*program, "demo", "--seeds", "2", "--out", str(folder / "demo")], check=True)
    assert (folder / "demo" / "report.html").stat().st_size > 100_000


def main() -> None:
    """Say what there is, and check it."""
    portable = "--portable" in sys.argv
    library = load_library()
    print(f"goodfit {version('goodfit')}, engine: {getattr(library, '_name', 'portable')}")
    assert (library is None) == portable
    assert portable or find_blas().sgemm, f"the compiled engine {NO_BLAS}"
    model = fitted(portable=portable)
    with tempfile.TemporaryDirectory() as name:
        check_saving(model, Path(name))
        check_command(Path(name))
    print("all is well")


if __name__ == "__main__":
    main()
