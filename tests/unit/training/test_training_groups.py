"""More runs than memory holds, allocations that fail, and members that leave."""

import time
from pathlib import Path
from threading import Event

import numpy as np
import pytest
from training_problems import make_data, make_run, make_settings

from goodfit.errors import InputError
from goodfit.training import Checkpoint, Execution, Progress, train
from goodfit.training.block import Block
from goodfit.training.compiled import Compiled
from goodfit.training.engine import Portable
from goodfit.training.groups import Groups
from goodfit.training.loop import job_of
from goodfit.training.memory import footprint

RECIPES = ("none", "l2=0.01", "batch_norm=1, dropout=0.3", "early_stopping=2 min_delta=0.1", "weight_averaging=0.5")
ENGINES = pytest.mark.parametrize("engine", [Compiled, Portable], ids=["compiled", "portable"])


def make_runs(count=20):
    return [make_run(recipe=RECIPES[i % len(RECIPES)], seed=i) for i in range(count)]


def assert_equal(some, others, tolerance=0.0):
    for one, other in zip(some, others, strict=True):
        assert one.run is other.run
        assert (one.outcome, one.best_epoch) == (other.outcome, other.best_epoch)
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=0, atol=tolerance)
        np.testing.assert_allclose(one.history.train, other.history.train, rtol=0, atol=tolerance)


def memory_for(members, data, runs, settings):
    return footprint(job_of(data, runs, settings, Execution(threads=1))).of(members)


@pytest.mark.parametrize("together", [1, 3, 19])
def test_turns_change_no_result(together):
    data, runs, settings = make_data(), make_runs(), make_settings()
    memory = memory_for(together, data, runs, settings)
    seen = []
    results = train(data, runs, settings, execution=Execution(threads=1, memory=memory), on_epoch=seen.append)
    assert_equal(results, train(data, runs, settings))
    turns = -(-len(runs) // together)
    assert seen[-1] == Progress(turns * settings.max_epochs, turns * settings.max_epochs, 0, len(runs))
    epochs, alive = [p.epoch for p in seen], [p.alive for p in seen]
    assert epochs == sorted(epochs)
    assert alive == sorted(alive, reverse=True)


def test_a_training_in_turns_resumes_where_it_was(tmp_path):
    data, runs, settings = make_data(), make_runs(), make_settings()
    execution = Execution(threads=1, memory=memory_for(6, data, runs, settings))
    for stop in (1, 6, 7, 11, 20):
        path, seen = Path(tmp_path / f"{stop}.safetensors"), []

        def interrupt(progress, seen=seen, stop=stop):
            seen.append(progress)
            if len(seen) == stop:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(data, runs, settings, execution=execution, on_epoch=interrupt, checkpoint=Checkpoint(path, 0))
        again = []
        results = train(
            data, runs, settings, execution=execution, on_epoch=again.append, checkpoint=Checkpoint(path, 0)
        )
        assert_equal(results, train(data, runs, settings))
        assert len(again) == 24 - stop


def test_the_time_is_shared_by_the_turns():
    data, runs, settings = make_data(), make_runs(4), make_settings(max_epochs=20_000)
    memory = memory_for(1, data, runs[:1], settings)
    deadline = time.monotonic() + 0.8
    results = train(data, runs[:1] * 4, settings, execution=Execution(threads=1, memory=memory, deadline=deadline))
    epochs = [result.epochs for result in results]
    assert {result.outcome for result in results} == {"out of time"}
    assert min(epochs) > 0.2 * max(epochs), "no turn took the others' time"


def test_a_turns_share_of_the_time():
    groups = Groups(waiting=[1, 2, 3, 4], most=1, deadline=time.monotonic() + 100.0)
    assert groups.take() == [1]
    assert groups.until - time.monotonic() == pytest.approx(25.0, abs=1.0)
    while groups.waiting:
        groups.take()
    assert groups.until == pytest.approx(groups.deadline, abs=1e-3)


def refuse_above(monkeypatch, engine, limit):
    """An engine without memory for blocks above a size."""
    seen, whole = [], engine.train_epoch

    def train_epoch(self, block: Block, epoch: int) -> None:
        seen.append(len(block.members))
        if len(block.members) > limit:
            raise MemoryError
        whole(self, block, epoch)

    monkeypatch.setattr(engine, "train_epoch", train_epoch)
    return seen


@ENGINES
def test_where_memory_ends_the_turns_get_smaller(monkeypatch, engine):
    data, runs, settings = make_data(), make_runs(), make_settings()
    execution = Execution(threads=1, engine=engine.__name__.lower())
    whole = train(data, runs, settings, execution=execution)
    seen = refuse_above(monkeypatch, engine, 3)
    assert_equal(train(data, runs, settings, execution=execution), whole, 0.0 if engine is Compiled else 1e-5)
    assert max(seen) > 3, "it was refused at first"


def test_memory_that_ends_in_the_middle_of_a_turn_starts_it_anew(monkeypatch):
    data, runs, settings = make_data(), make_runs(), make_settings()
    whole, train_epoch, failed = train(data, runs, settings), Compiled.train_epoch, []

    def train_until(self, block, epoch):
        if epoch == 4 and not failed:
            failed.append(epoch)
            raise MemoryError
        train_epoch(self, block, epoch)

    monkeypatch.setattr(Compiled, "train_epoch", train_until)
    assert_equal(train(data, runs, settings), whole)
    assert failed


def test_a_smaller_turn_waits_until_all_blocks_of_the_failed_one_have_stopped(monkeypatch):
    """Else they would hold the memory that the smaller turn needs."""
    whole, working, seen, failed = Compiled.train_epoch, [], [], Event()

    def train_epoch(self, block, epoch):
        seen.append(len(working))
        working.append(block)
        try:
            if len(block.members) == 10:
                if not failed.is_set():
                    failed.set()
                    raise MemoryError
                time.sleep(0.2)
            whole(self, block, epoch)
        finally:
            working.remove(block)

    monkeypatch.setattr(Compiled, "train_epoch", train_epoch)
    train(make_data(), make_runs(), make_settings(), execution=Execution(threads=2))
    assert failed.is_set()
    assert max(seen) <= 1, "never more than two blocks at work"


@ENGINES
def test_no_memory_for_one_network_alone_is_said_in_a_line(monkeypatch, engine):
    refuse_above(monkeypatch, engine, 0)
    with pytest.raises(InputError, match=r"^out of memory with one network alone; .*$"):
        train(make_data(), make_runs(3), make_settings(), execution=Execution(engine=engine.__name__.lower()))


def test_other_errors_are_not_taken_for_memory(monkeypatch):
    def fail(self, block, epoch):
        raise RuntimeError("something else")

    monkeypatch.setattr(Compiled, "train_epoch", fail)
    with pytest.raises(RuntimeError, match="something else"):
        train(make_data(), make_runs(3), make_settings())


@ENGINES
def test_members_that_ended_are_computed_no_more(monkeypatch, engine):
    """Half stop after two epochs: then the engine gets the other half alone, in blocks of even size."""
    watched = [make_run(recipe="early_stopping=1 min_delta=1e9", seed=i) for i in range(8)]
    runs = [run for pair in zip(watched, make_runs(8), strict=True) for run in pair]
    runs = [make_run(seed=i) if i % 2 else run for i, run in enumerate(runs)]
    seen: dict[int, list[int]] = {}
    whole = engine.train_epoch

    def train_epoch(self, block, epoch):
        seen.setdefault(epoch, []).append(len(block.members))
        whole(self, block, epoch)

    monkeypatch.setattr(engine, "train_epoch", train_epoch)
    execution = Execution(threads=2, engine=engine.__name__.lower())
    train(make_data(), runs, make_settings(max_epochs=5), execution=execution)
    assert {epoch: sorted(sizes) for epoch, sizes in seen.items()} == {
        0: [8, 8],
        1: [8, 8],
        2: [4, 4],
        3: [4, 4],
        4: [4, 4],
    }
