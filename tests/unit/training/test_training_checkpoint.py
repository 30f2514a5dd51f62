from dataclasses import replace

import torch
from training_problems import make_data, make_run, make_settings

from goodfit.training.checkpoint import Checkpoint, fingerprint

TENSORS = {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 2])}


def test_what_was_saved_is_loaded(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "state")
    checkpoint.save(TENSORS | {"view": TENSORS["a"].T}, "job")
    loaded = checkpoint.load("job")
    assert loaded.keys() == {"a", "b", "view"}
    assert all(torch.equal(loaded[key], TENSORS[key]) for key in TENSORS)
    assert torch.equal(loaded["view"], TENSORS["a"].T)


def test_another_fingerprint_or_no_file_is_nothing(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state")
    assert checkpoint.load("job") is None
    checkpoint.save(TENSORS, "job")
    assert checkpoint.load("another") is None


def test_a_saving_replaces_the_file_whole_and_leaves_nothing_else(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state.safetensors")
    for value in (1.0, 2.0):
        checkpoint.save({"a": torch.tensor(value)}, "job")
    assert [path.name for path in tmp_path.iterdir()] == ["state.safetensors"]
    assert checkpoint.load("job")["a"].item() == 2.0


def test_removing_is_done_once_and_again(tmp_path):
    checkpoint = Checkpoint(tmp_path / "state")
    checkpoint.save(TENSORS, "job")
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_it_is_due_after_its_interval(tmp_path):
    assert Checkpoint(tmp_path / "state", interval=0.0).due
    patient = Checkpoint(tmp_path / "state", interval=1e6)
    assert not patient.due
    assert replace(patient, saved=patient.saved - 1e6).due
    overdue = replace(patient, saved=patient.saved - 1e6)
    overdue.save(TENSORS, "job")
    assert not overdue.due


def test_the_fingerprint_knows_the_shape_of_the_rows():
    """The very same numbers, as other tables."""
    data, runs, settings = make_data(), [make_run()], make_settings()
    tables = [torch.zeros(shape) for shape in ((1, 60, 4), (2, 30, 4), (1, 120, 2))]
    assert len({fingerprint(replace(data, inputs=table), runs, settings) for table in tables}) == 3


def test_the_fingerprint_knows_which_rows_are_held_out():
    data, settings = make_data(), make_settings()
    prints = {fingerprint(data, [make_run(range(n), range(n, 60))], settings) for n in (20, 30, 40)}
    assert len(prints) == 3
    assert fingerprint(data, [make_run()], settings) == fingerprint(data, [make_run()], settings)
