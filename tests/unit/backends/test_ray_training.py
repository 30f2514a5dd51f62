"""Trainings on a real cluster of two nodes: the same, bit for bit, as in this process, whatever dies."""

import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest
from backend_problems import assert_same, make_length, make_rows, make_runs
from ray_clusters import NODE, ray_cluster

from goodfit.backends.parts import Part
from goodfit.backends.ray import Ray
from goodfit.errors import InputError, LostRuns
from goodfit.regularizers import Recipe
from goodfit.studies.searching.halving import halving
from goodfit.training import Checkpoint, Execution, train

AGENTS = {"ray::DashboardAgent", "ray::RuntimeEnvAgent"}


@pytest.fixture(scope="module")
def cluster():
    with ray_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def far(cluster):
    """Where the cluster is."""
    return Execution(backend=Ray(cluster.address))


@pytest.fixture
def failed(monkeypatch):
    """Why groups failed."""
    why = []
    fail = Part.fail
    monkeypatch.setattr(Part, "fail", lambda part, said: (why.append(said), fail(part, said)))
    return why


def dying(cluster, far, after=0):
    """What takes the second node away when it trains a group and so many epochs are done."""
    node = next(iter(cluster.worker_nodes), None) or cluster.add_node(**NODE)
    raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
    while not any(process.name().startswith("ray::") and process.name() not in AGENTS for process in raylet.children()):
        train(make_rows(), make_runs(4), make_length(5), execution=far)  # a process of its own that can take a task

    def watch(progress):
        nonlocal node
        if node is None or progress.epoch < after:
            return
        if "ray::train_group" in {process.name() for process in raylet.children()}:
            cluster.remove_node(node, allow_graceful=False)
            node = None

    return watch


def test_results_are_the_same_with_and_without_rungs_and_so_is_what_is_told(far):
    data, runs, told = make_rows(), make_runs(), []
    assert_same(train(data, runs, make_length(), execution=far, on_epoch=told.append), train(data, runs, make_length()))
    assert (told[-1].epoch, told[-1].alive, told[-1].members) == (told[-1].max_epochs, 0, 20)
    assert [progress.epoch for progress in told] == sorted(progress.epoch for progress in told)
    stored = list(far.backend.kept.rows)
    trials = np.arange(20) // 2
    halved = [train(data, runs, make_length(), execution=e, drop=halving(trials, 12)) for e in (far, None)]
    assert {"dropped", "finished", "stopped"} <= {result.outcome for result in halved[0]}
    assert_same(*halved)
    assert far.backend.kept.rows == stored


def test_the_groups_of_a_node_that_dies_are_trained_again(far, cluster, failed):
    data, runs, length = make_rows(), make_runs(8), make_length(150)
    long = replace(far, deadline=1e9)
    assert_same(train(data, runs, length, execution=long, on_epoch=dying(cluster, far)), train(data, runs, length))
    assert failed


def test_a_group_that_fails_three_times_is_left_out_and_the_others_are_kept(far, failed):
    data, runs, length = make_rows(), make_runs(6), make_length(4)
    broken = [*runs[:5], replace(runs[5], train=np.array([10**6]))]
    with pytest.warns(LostRuns, match=r"^1 of 6 networks are left out: .* failed 3 times .* because IndexError"):
        results = train(data, broken, length, execution=far)
    assert len(failed) == 3
    assert results[5].outcome == "lost"
    assert_same(results[:5], train(data, runs[:5], length))
    with pytest.raises(InputError, match=r"^none of 1 networks could be trained: "):
        train(data, broken[5:], length, execution=far)


def test_versions_that_differ_are_refused(far, monkeypatch):
    monkeypatch.setattr("goodfit.backends.crew.own_versions", lambda: {"torch": "0.1"})
    with pytest.raises(InputError, match=r"^node \S+ has torch \S+, and this process 0\.1: install the same versions"):
        train(make_rows(), make_runs(2), make_length(), execution=far)


def test_a_cluster_without_room_is_told_in_bounded_time(far):
    greedy = replace(far, threads=3, backend=replace(far.backend, patience=1.0))
    told = (
        r"^no node of the Ray cluster had 3 CPUs free for 1 seconds \(\d of \d CPUs, 0 of 0 GPUs are free\): wait until"
    )
    with pytest.raises(InputError, match=told):
        train(make_rows(), make_runs(2), make_length(), execution=greedy)


@pytest.mark.slow
def test_a_task_asks_for_a_gpu_where_the_device_is_one(far):
    impatient = replace(far, device="cuda", backend=replace(far.backend, patience=1.0))
    with pytest.raises(InputError, match=r"^no node of the Ray cluster had 1 CPU and a GPU free for 1 seconds"):
        train(make_rows(), make_runs(2), make_length(), execution=impatient)


def test_what_a_node_refuses_is_told_as_it_is_here(far, monkeypatch):
    mixed = [replace(run, recipe=Recipe.of("mixup=0.2")) for run in make_runs(2)]
    monkeypatch.setattr("goodfit.backends.ray._on_nodes", lambda execution, job: Execution(engine="compiled"))
    with pytest.raises(InputError, match=r"^the compiled engine doesn't know mixup; choose the portable one"):
        train(make_rows(), mixed, make_length(), execution=replace(far, engine="portable"))


@pytest.mark.slow
def test_the_groups_of_a_node_that_dies_between_rungs_begin_anew(far, cluster, failed):
    data, runs, length = make_rows(), make_runs(), make_length(300)
    drops = [halving(np.arange(20) // 2, 300) for _ in range(2)]
    results = train(data, runs, length, execution=far, on_epoch=dying(cluster, far, 200), drop=drops[0])
    assert_same(results, train(data, runs, length, drop=drops[1]))
    assert failed


@pytest.mark.slow
def test_a_process_that_joins_again_begins_anew_and_keeps_its_own_handlers(far):
    ray = pytest.importorskip("ray")
    data, runs, length = make_rows(), make_runs(4), make_length(3)
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    mine = signal.getsignal(signal.SIGTERM)
    try:
        results = train(data, runs, length, execution=far)
        ray.shutdown()
        assert_same(train(data, runs, length, execution=far), results)
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
def test_time_that_is_over_ends_all_runs_with_what_they_have(far):
    results = train(make_rows(), make_runs(), make_length(10**5), execution=replace(far, deadline=time.monotonic() + 3))
    assert {"out of time"} <= {result.outcome for result in results} <= {"out of time", "stopped"}
    assert all(result.epochs >= 1 for result in results)


@pytest.mark.slow
def test_the_portable_engine_differs_by_rounding_alone(far):
    data, runs, length = make_rows(), make_runs(10), make_length(6)
    here = train(data, runs, length, execution=Execution(engine="portable"))
    for one, other in zip(train(data, runs, length, execution=replace(far, engine="portable")), here, strict=True):
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_training_that_was_interrupted_does_only_what_is_left(far, tmp_path, monkeypatch):
    data, runs, length, kept = make_rows(), make_runs(), make_length(), tmp_path / "state.safetensors"

    def interrupt(progress):
        if progress.alive <= 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, runs, length, execution=far, on_epoch=interrupt, checkpoint=Checkpoint(kept))
    copy = shutil.copy(kept, tmp_path / "copy.safetensors")
    first = []
    results = train(data, runs, length, execution=far, on_epoch=first.append, checkpoint=Checkpoint(kept))
    assert 0 < first[0].alive <= 12
    here, told = train(data, runs, length), []
    assert_same(results, here)
    assert_same(train(data, runs, length, on_epoch=told.append, checkpoint=Checkpoint(copy)), here)
    assert told[0].alive <= 12
