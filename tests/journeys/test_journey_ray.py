"""Commands and studies on a Ray cluster of two nodes: the same files as without, through interruption and death."""

import os
import re
import signal
import subprocess
import time

import numpy as np
import pexpect
import psutil
import pytest
from commandline import PROGRAM, RUN_FILES, USUAL, assert_done, goodfit
from ray_clusters import NODE, SETTINGS, ray_cluster
from sklearn.model_selection import cross_val_predict

import goodfit as public

pytestmark = pytest.mark.slow

ENVIRONMENT = USUAL | SETTINGS
FIT = ("--target", "age", "--recipe", "l2=0.001, dropout=0.2, early_stopping=30")
MANY = ("--target", "age", "--recipe", "none", "--recipe", "dropout=0.2", "--seeds", "8")
FILES = ("model.safetensors", "history.parquet")


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def there(cluster):
    return ("--backend", "ray", "--address", cluster.address)


@pytest.fixture
def joined(cluster):
    """This process as one that has joined the cluster."""
    ray = pytest.importorskip("ray")
    ray.init(cluster.address, log_to_driver=False, logging_level="error")
    yield
    ray.shutdown()


def tasks():
    """Processes that train a group."""
    return [process for process in psutil.process_iter(["name"]) if process.info["name"] == "ray::train_group"]


def gone(processes, within=20.0):
    end = time.monotonic() + within
    while time.monotonic() < end and any(process.is_running() for process in processes):
        time.sleep(0.1)
    return not any(process.is_running() for process in processes)


def started(*arguments):
    return pexpect.spawn(str(PROGRAM), [str(a) for a in arguments], encoding="utf-8", timeout=180, env=ENVIRONMENT)


def expect_networks(terminal, most):
    """Wait until so few networks or fewer train."""
    while True:
        terminal.expect(r"\D(\d+) of 16 networks")
        if int(terminal.match.group(1)) <= most:
            return int(terminal.match.group(1))


def assert_same_files(one, other, names):
    for name in names:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_fit_writes_the_same_files(csv, there, tmp_path):
    done = subprocess.run(
        [PROGRAM, "fit", csv, *FIT, *there, "--out", tmp_path / "far"],
        capture_output=True, text=True, env=ENVIRONMENT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert_done(goodfit("fit", csv, *FIT, "--out", tmp_path / "near"))
    assert_same_files(tmp_path / "far", tmp_path / "near", FILES)


def test_interrupted_killed_and_with_a_node_less_it_ends_as_if_nothing_had_been(csv, cluster, there, tmp_path):
    out = tmp_path / "far"
    command = ("compare", csv, *MANY, *there, "--out", out)
    node = cluster.add_node(**NODE)
    terminal = started(*command)
    expect_networks(terminal, 14)
    training = tasks()
    os.kill(terminal.pid, signal.SIGINT)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 130
    assert re.search(r"goodfit compare: interrupted; .*\r\n$", terminal.before)
    assert gone(training)
    terminal = started(*command)
    left = expect_networks(terminal, 14)
    training = tasks()
    os.kill(terminal.pid, signal.SIGKILL)
    terminal.wait()
    assert gone(training)
    terminal = started(*command)
    assert expect_networks(terminal, 14) <= left
    cluster.remove_node(node, allow_graceful=False)
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.exitstatus == 0
    assert_done(goodfit("compare", csv, *MANY, "--out", tmp_path / "near"))
    assert_same_files(out, tmp_path / "near", ("history.parquet",))


def test_a_search_writes_a_run_folder(csv, there, tmp_path):
    done = subprocess.run(
        [PROGRAM, "fit", csv, "--target", "age", "--budget", "20s", *there, "--out", tmp_path / "far"],
        capture_output=True, text=True, env=ENVIRONMENT, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "far").iterdir()} >= RUN_FILES


@pytest.mark.usefixtures("joined")
def test_studies_are_the_same():
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 4))
    y = (X[:, 0] + random.normal(size=120) > 0).astype(int)
    here, there = (public.Classifier("l2=0.01", hidden=(8,), max_epochs=5, backend=b) for b in ("local", "ray"))
    assert public.diagnose(X, y, estimator=here).to_dict() == public.diagnose(X, y, estimator=there).to_dict()
    one, other = (public.compare(X, y, ["none", "l2=1"], seeds=2, max_epochs=5, backend=b) for b in ("local", "ray"))
    assert one.frame().equals(other.frame())
    folds = [cross_val_predict(model, X, y, cv=2, method="predict_proba") for model in (here, there)]
    np.testing.assert_array_equal(*folds)
