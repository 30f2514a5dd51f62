"""No more threads than allowed, and no harm among workers of other libraries."""

import json
import os
import subprocess
import sys

import pytest

PREPARE = """
import json, multiprocessing, resource, sys, time
import numpy as np, torch
import goodfit
from goodfit.regularizers import Recipe
from goodfit.training import Data, Execution, Run, Settings, train

generator = torch.Generator().manual_seed(0)
inputs = torch.randn(1, 4000, 20, generator=generator)
data = Data(inputs, (inputs[..., :1] > 0).float(), torch.ones(4000), "binary")
runs = [Run(Recipe.parse("dropout=0.2"), seed, np.arange(3000), np.arange(3000, 4000)) for seed in range(16)]

def losses(execution=None, epochs=3):
    settings = Settings(hidden=(64, 64), max_epochs=epochs)
    return [result.history.train[-1] for result in train(data, runs, settings, execution=execution)]

def fitted(seed):
    X = np.random.default_rng(0).normal(size=(200, 5))
    model = goodfit.Classifier("dropout=0.2", hidden=(16,), max_epochs=5, members=2, random_state=seed)
    return model.fit(X, X[:, 0] > 0).predict_proba(X)[:, 1].tolist()
"""

BUSY = """
def busy(execution):
    '''Processor time over wall time.'''
    losses(execution, 1)
    time.sleep(0.3)  # threads of OpenMP spin for a while after their last work
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    losses(execution, 60)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / wall
"""

SCIPY = """
from goodfit.training import engine, native
blas = native.scipy_blas()
engine.find_blas = lambda: blas
"""

FORKED = """
def work():
    return {work}

def child(line):
    line.send(work())

own = work()
torch.randn(3000, 3000) @ torch.randn(3000, 3000)  # whatever threads there are have worked in the parent
ours, theirs = multiprocessing.Pipe()
process = multiprocessing.get_context("fork").Process(target=child, args=(theirs,))
process.start()
print(json.dumps([own, ours.recv() if ours.poll(60) else None]))
process.kill() if process.is_alive() else None
"""

slow = pytest.mark.slow


def run_python(program, **environment):
    clean = {key: value for key, value in os.environ.items() if key not in {"OMP_NUM_THREADS", "MKL_NUM_THREADS"}}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PREPARE + program]
    done = subprocess.run(command, env=clean | environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("engine", "blas"),
    [("compiled", ""), *(pytest.param(*each, marks=slow) for each in (("compiled", SCIPY), ("portable", "")))],
    ids=["compiled", "scipy", "portable"],
)
@pytest.mark.parametrize(
    ("setting", "environment"),
    [("1", {}), pytest.param("None", {"OMP_NUM_THREADS": "1"}, marks=slow)],
    ids=["threads=1", "OMP_NUM_THREADS=1"],
)
def test_one_thread_is_one_thread(engine, blas, setting, environment):
    program = f"{BUSY}{blas}\nprint(json.dumps(busy(Execution(engine={engine!r}, threads={setting}))))"
    assert run_python(program, **environment) < 1.3


@pytest.mark.parametrize(
    "backend", ["loky", *(pytest.param(each, marks=slow) for each in ("multiprocessing", "threading"))]
)
def test_under_joblib(backend, tmp_path):
    """As a file: loky's workers import what they call."""
    program = f"""
import joblib
def main():
    alone = [fitted(seed) for seed in range(3)]
    together = joblib.Parallel(n_jobs=2, backend={backend!r})(joblib.delayed(fitted)(seed) for seed in range(3))
    print(json.dumps([alone, together]))
if __name__ == "__main__":
    main()
"""
    path = tmp_path / "program.py"
    path.write_text(PREPARE + program)
    command = [sys.executable, "-W", "ignore::DeprecationWarning", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    alone, together = json.loads(done.stdout)
    assert together == alone


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize(
    "work",
    [
        "losses()",
        *(pytest.param(w, marks=slow) for w in ("losses(Execution(engine='portable', threads=1))", "fitted(0)")),
    ],
    ids=["compiled", "portable", "estimator"],
)
def test_a_forked_process_trains_too(work):
    own, childs = run_python(FORKED.replace("{work}", work))
    assert childs == own, "None: the child hung"
