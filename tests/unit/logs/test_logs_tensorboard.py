"""TensorBoard's event files: as their writers leave them, and damaged."""

import base64
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path

import pytest
from event_files import event, record, scalar_file, simple, start, tensor

from goodfit import InputError
from goodfit.logs import read_log

REAL = {
    "torch/events.out.tfevents.1.vm": (  # by tensorboardX 2.6.5, like torch.utils.tensorboard
        "eNqTYICAxfXeSpw8d5adOnrglqMUb1JRYmaenmtZal6JlZHHBH9+Oai6m3eEjDhfPYGo0xLmEuTi8skvLtYvAWkQZWBosHdu2rJWBqr6xMGpsp"
        "yXnkNVC3Lxc3GAVZcl5gDVLrDPtBT2U4Cq1Xy7MoDzySuIWgFGLGYz2K/5doEJxSXir+Hq0U13sGe9e10dxXQ7mGomDNNXr1plZ94rLYNiejpC"
        "ParpoaGi9iE6XzcAAPNMY4E="
    ),
    "keras/train/events.out.tfevents.1.v2": (  # by tensorboard 2.21, like tf.summary.scalar
        "eNrzYICAf5M85nLOrV1/6uiBW45SvElFiZl5eq5lqXklVkZBelw6Jal5xflFSfmJRSl6xaW5uYlFlXrlRZklqUV6qSBV8WmZOanxEJEOa+V4I6i5"
        "KpJhbzghzA/2WupcqlxcqQX5yRnxOfnFxU5cHIxCDFosDAwN9l7cXJxc7MXJiTmJRcXSYlLGJlAT4ozFY+AmCDDiNoMB1YztCdOmYzeDCZcZq1et"
        "skMxo8t41lMAPkhLDA=="
    ),
    "keras/validation/events.out.tfevents.2.v2": (
        "eNrzYICAf5M85nKue7f+1NEDtxyleJOKEjPz9FzLUvNKrIyC9Lh0SlLzivOLkvITi1L0iktzcxOLKvXKizJLUov0UkGq4tMyc1LjISKX6g9vM4Ka"
        "qyIZ9oYTwvxgr6XOpcrFlVqQn5wRn5NfXOzExcEoxKDFwsCwwN6Lm4uTi704OTEnsajYYMnFVSZQE+KMxWPgJggw4jbDAdUMDtfDp7GbwYTLjNBQ"
        "UVQzNmRIywMA7YhMsg=="
    ),
}
LOSSES = [1.0, 0.5, 1 / 3]


@pytest.fixture
def real(tmp_path: Path) -> Path:
    for name, content in REAL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(zlib.decompress(base64.b64decode(content)))
    return tmp_path


def test_what_the_writers_of_torch_and_keras_leave(real: Path) -> None:
    for name, unit in (("torch", "step"), ("keras", "epoch")):
        log = read_log(real / name)
        assert (log.unit, log.notes, log.kind) == (unit, (), "TensorBoard")
        assert log.curves[unit].to_list() == [0, 1, 2]
        assert log.curves["train_loss"].to_list() == pytest.approx(LOSSES, rel=1e-6)
        assert log.curves["validation_loss"].to_list() == pytest.approx([loss + 0.25 for loss in LOSSES], rel=1e-6)
    assert read_log(real / "torch" / "events.out.tfevents.1.vm").train == "Loss/train"


@pytest.mark.parametrize(("told", "unit"), [((), "step"), ((3, 6), "step"), (range(1, 7), "epoch")])
def test_steps_of_training_go_to_the_validation_after_them(told: Iterable[int], unit: str, tmp_path: Path) -> None:
    values = [event(s, simple("train_loss", s)) for s in range(1, 7)]
    values += [event(s, simple("val_loss", s)) for s in (3, 6)]
    values += [event(s, simple("epoch", s > 3)) for s in told]
    (tmp_path / "events.out.tfevents.1").write_bytes(start() + b"".join(values))
    log = read_log(tmp_path)
    assert log.unit == unit
    assert log.curves["train_loss"].to_list() == [2, 5]
    assert log.curves["validation_loss"].to_list() == [3, 6]


def test_folders_are_runs(tmp_path: Path) -> None:
    for run in ("a", "b"):
        for side in ("train", "val"):
            folder = tmp_path / run / side
            folder.mkdir(parents=True)
            (folder / "events.out.tfevents.1").write_bytes(scalar_file("loss", [(s, s) for s in range(1, 4)]))
    log = read_log(tmp_path)
    assert log.curves["run"].unique(maintain_order=True).to_list() == ["a", "b"]
    assert (log.train, log.validation) == ("train/loss", "val/loss")


def test_a_second_file_takes_the_place_of_the_steps_that_it_writes_again(tmp_path: Path) -> None:
    for tag in ("train_loss", "val_loss"):
        (tmp_path / f"{tag}.1.tfevents").write_bytes(scalar_file(tag, [(s, 1) for s in range(6)]))
        (tmp_path / f"{tag}.2.tfevents").write_bytes(scalar_file(tag, [(s, 2) for s in range(4, 9)]))
    log = read_log(tmp_path)
    assert log.curves["validation_loss"].to_list() == [1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert "written later counts" in log.notes[0]


NUMBERS = {
    "float": (struct.pack("<f", 0.5), 1),
    "double": (struct.pack("<d", 0.5), 2),
    "half": (struct.pack("<e", 0.5), 19),
}
NUMBERS["bfloat16"] = (struct.pack("<f", 0.5)[2:], 14)


@pytest.mark.parametrize(("content", "dtype"), NUMBERS.values(), ids=NUMBERS)
def test_tensors_of_every_precision(content: bytes, dtype: int, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(start() + b"".join(event(s, tensor("val_loss", content, dtype)) for s in range(3)))
    assert read_log(path).curves["validation_loss"].to_list() == [0.5] * 3


def test_what_is_no_scalar_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    histogram, text = tensor("val_loss", b"\0" * 24, 2), tensor("val_loss", b"abcd", 7)
    picture = record(b"\x1a" + b"\xff\xff\x03" + b"\0" * 65535)
    path.write_bytes(start() + picture + event(0, histogram, text) + scalar_file("val_loss", [(0, 1), (1, 2)]))
    log = read_log(path)
    assert log.curves["validation_loss"].to_list() == [1, 2]
    assert log.notes == ()


@pytest.mark.parametrize("cut", [1, 5, 11, 12, 20])
def test_what_comes_before_the_cut_is_used(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    whole = scalar_file("val_loss", [(s, s) for s in range(5)])
    path.write_bytes(whole[:-cut])
    log = read_log(path)
    assert log.curves["validation_loss"].to_list() == [0, 1, 2, 3]
    assert "cut off" in log.notes[0]


def test_a_wrong_checksum_ends_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    whole = bytearray(scalar_file("val_loss", [(s, s) for s in range(5)]))
    whole[-6] ^= 1
    path.write_bytes(whole)
    log = read_log(path)
    assert log.curves["validation_loss"].to_list() == [0, 1, 2, 3]
    assert "damaged" in log.notes[0]


def test_files_without_a_scalar_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(start())
    for given in (path, tmp_path):
        with pytest.raises(InputError, match="holds no scalar"):
            read_log(given)
    path.write_bytes(b"abcdefghijklmnop")
    with pytest.raises(InputError, match="no TensorBoard event file"):
        read_log(path)
