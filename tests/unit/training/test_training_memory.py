"""The estimate against what a process really takes, and what is known to be free."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_problems import make_data, make_run, make_settings

from goodfit.training import Execution, memory
from goodfit.training.loop import job_of
from goodfit.training.memory import Footprint, footprint, free_memory, is_out_of_memory

PROGRAM = Path(__file__).parent / "measure_memory.py"
WITHIN = 0.30
AVERAGED = "batch_norm=1, weight_averaging=0.9, early_stopping=1"
slow = pytest.mark.slow


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
@pytest.mark.parametrize(
    ("engine", "members", "rows", "width", "recipe"),
    [
        ("compiled", 200, 4000, 256, "dropout=0.2"),
        pytest.param("compiled", 64, 200_000, 32, "none", marks=slow),
        pytest.param("portable", 64, 20_000, 128, "dropout=0.2", marks=slow),
        pytest.param("compiled", 400, 3000, 128, AVERAGED, marks=slow),
        pytest.param("compiled", 32, 3000, 512, "none", marks=slow),
        pytest.param("portable", 200, 4000, 256, "dropout=0.2", marks=slow),
        pytest.param("portable", 64, 200_000, 32, "none", marks=slow),
        pytest.param("portable", 400, 3000, 128, AVERAGED, marks=slow),
    ],
)
def test_the_estimate_holds_to_within_30_percent(engine, members, rows, width, recipe):
    program = [sys.executable, PROGRAM, engine, *map(str, (members, rows, width)), recipe]
    figures = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout)
    taken = figures["taken"] - figures["handed_out"]
    assert figures["estimate"] == pytest.approx(taken, rel=WITHIN)


def estimate(runs, *, engine="auto", **changes) -> Footprint:
    return footprint(job_of(make_data(), runs, make_settings(**changes), Execution(engine=engine)))


@pytest.mark.parametrize("engine", ["compiled", "portable"])
def test_more_of_anything_takes_more(engine):
    usual = estimate([make_run()], engine=engine)
    assert estimate([make_run()] * 2, engine=engine) == usual, "the runs' number is another matter"
    assert estimate([make_run()], engine=engine, hidden=(70, 50)).of(1) > usual.of(1)
    assert estimate([make_run()], engine=engine, optimizer="adam").member > usual.member
    assert estimate([make_run(recipe="weight_averaging=0.9")], engine=engine).member > usual.member
    assert estimate([make_run()], engine=engine, scaling=6.0).of(1) > usual.of(1)
    assert estimate([make_run(range(55))], engine=engine).of(1) > usual.of(1)
    assert estimate([make_run(recipe="batch_norm=1")], engine=engine).of(1) > usual.of(1)


def test_members_that_fit():
    taken = Footprint(fixed=100, member=10)
    assert [taken.members_in(memory) for memory in (0, 99, 110, 119, 120, 1000)] == [1, 1, 1, 1, 2, 90]
    assert taken.of(taken.members_in(1000)) <= 1000


def test_free_memory_is_bounded_by_the_control_group(tmp_path, monkeypatch):
    whole = free_memory(torch.device("cpu"))
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert free_memory(torch.device("cpu")) > 0
    for most, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        (tmp_path / most).parent.mkdir(exist_ok=True)
        (tmp_path / most).write_text("5000\n")
        (tmp_path / used).write_text("1000\n")
        assert free_memory(torch.device("cpu")) == 3000 < whole
        (tmp_path / most).write_text("max\n")
        assert free_memory(torch.device("cpu")) > 3000


def test_each_allocator_has_its_own_way_of_saying_no():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60)
    assert is_out_of_memory(refused.value)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(KeyboardInterrupt())
