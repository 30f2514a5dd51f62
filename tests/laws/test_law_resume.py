"""What was interrupted and goes on is, bit for bit, as if it had never been interrupted."""

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from law_interrupted import EPOCHS, ONE_THREAD, job, train_job
from law_problems import assert_same

from goodfit.errors import DamagedFile
from goodfit.regularizers import L2, Recipe
from goodfit.training import Checkpoint, train

BOTH_ENGINES = True

PROGRAM = Path(__file__).with_name("law_interrupted.py")


@cache
def uninterrupted():
    return train_job()


def assert_as_if_never_interrupted(results):
    for one, other in zip(results, uninterrupted(), strict=True):
        assert_same(one, other)


def interrupt_at(path, epoch):
    """Train until an epoch has ended, and leave what was saved."""

    def on_epoch(progress):
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_job(Checkpoint(path, interval=0), on_epoch)


def epochs_trained(checkpoint, **changes):
    """The epochs that a call goes through, and its results."""
    seen = []
    data, runs, settings = job()
    given = {"data": data, "runs": runs, "settings": settings} | changes
    results = train(**given, execution=ONE_THREAD, on_epoch=lambda p: seen.append(p.epoch), checkpoint=checkpoint)
    return seen, results


def test_the_job_is_one_worth_interrupting():
    outcomes = [result.outcome for result in uninterrupted()]
    assert set(outcomes) == {"stopped", "diverged", "finished"}
    assert len({result.epochs for result in uninterrupted()}) >= 4


@pytest.mark.parametrize("epoch", [1, 2, 5, EPOCHS - 1, EPOCHS])
def test_interrupted_and_resumed(tmp_path, epoch):
    path = tmp_path / "new folder" / "state.safetensors"
    interrupt_at(path, epoch)
    seen, results = epochs_trained(Checkpoint(path))
    assert seen == list(range(epoch + 1, EPOCHS + 1))
    assert_as_if_never_interrupted(results)


def test_interrupted_at_every_epoch(tmp_path):
    path = tmp_path / "state"
    for epoch in range(1, EPOCHS):
        interrupt_at(path, epoch)
    assert_as_if_never_interrupted(train_job(Checkpoint(path)))


@pytest.mark.parametrize("moment", ["between epochs", "while saving"])
def test_killed_and_resumed(tmp_path, moment, engine):
    path = tmp_path / "state"
    command = [sys.executable, "-W", "error", str(PROGRAM), str(path), moment, "5", engine]
    killed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert killed.returncode == -9, killed.stderr
    seen, results = epochs_trained(Checkpoint(path))
    assert seen[0] == {"between epochs": 6, "while saving": 5}[moment]
    assert_as_if_never_interrupted(results)


def test_saving_changes_nothing(tmp_path):
    assert_as_if_never_interrupted(train_job(Checkpoint(tmp_path / "state", interval=0)))


def other_jobs():
    data, runs, settings = job()
    recipe = Recipe((*runs[-2].recipe, L2(1e-9)))
    yield "recipe", {"runs": [*runs[:-2], replace(runs[-2], recipe=recipe), runs[-1]]}
    yield "seed", {"runs": [replace(runs[0], seed=99), *runs[1:]]}
    yield "learning rate", {"runs": [replace(runs[0], learning_rate=0.21), *runs[1:]]}
    yield "rows", {"runs": [replace(runs[0], train=np.roll(runs[0].train, 1)), *runs[1:]]}
    yield "held out", {"runs": [replace(runs[0], validation=runs[0].validation[:-1]), *runs[1:]]}
    yield "one more row", {"runs": [*runs, runs[0]]}
    yield "order", {"runs": runs[::-1]}
    yield "inputs", {"data": replace(data, inputs=data.inputs + 1e-6)}
    yield "targets", {"data": replace(data, targets=data.targets + 1e-6)}
    yield "weights", {"data": replace(data, weights=data.weights * 1.001)}
    yield "settings", {"settings": replace(settings, momentum=0.8)}


@pytest.mark.parametrize("changes", [pytest.param(changes, id=name) for name, changes in other_jobs()])
def test_another_job_ignores_what_was_saved(tmp_path, changes):
    path = tmp_path / "state"
    interrupt_at(path, 2)
    seen, _ = epochs_trained(Checkpoint(path), **changes)
    assert seen[0] == 1


def assert_said_and_trained_anew(path):
    with pytest.warns(DamagedFile, match="state is damaged, .*: the training that it was of starts anew"):
        seen, results = epochs_trained(Checkpoint(path))
    assert seen[0] == 1
    assert_as_if_never_interrupted(results)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_file_cut_short_is_said_and_left_out(tmp_path, share):
    path = tmp_path / "state"
    interrupt_at(path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert_said_and_trained_anew(path)


def test_a_file_of_another_kind_is_said_and_left_out(tmp_path):
    path = tmp_path / "state"
    path.write_bytes(b"no state of any training " * 100)
    assert_said_and_trained_anew(path)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.5, 0.8, 0.999])
def test_a_flipped_bit_is_said_and_trained_anew(tmp_path, share):
    """In the header, in weights, in moments: nothing else would tell."""
    path = tmp_path / "state"
    interrupt_at(path, 3)
    whole = bytearray(path.read_bytes())
    whole[int(share * len(whole))] ^= 4
    path.write_bytes(whole)
    assert_said_and_trained_anew(path)
