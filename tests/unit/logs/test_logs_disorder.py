"""Logs that were taken up again, started anew, shuffled, cut off, or hold what is no number."""

import json
from pathlib import Path

import numpy as np
import pytest

from goodfit import InputError
from goodfit.logs import Log, collecting, read_log


@pytest.fixture
def read(tmp_path: Path):
    def of(text: str | bytes, name: str = "log.csv") -> Log:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_log(path)

    return of


def csv(*rows: tuple[object, ...]) -> str:
    return "epoch,loss,val_loss\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def test_what_a_resumed_training_wrote_later_counts(read):
    rows = [(e, 10 - e, 20 - e) for e in range(1, 7)] + [(e, 5 - e, 15 - e) for e in range(5, 8)]
    log = read(csv(*rows))
    assert log.curves["epoch"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert log.curves["train_loss"].to_list() == [9, 8, 7, 6, 0, -1, -2]
    assert "taken up again" in log.notes[0]


def test_epochs_that_a_resumed_training_did_not_reach_again_are_dropped(read):
    log = read(csv(*[(e, 1, 1) for e in range(1, 11)], (6, 2, 2), (7, 2, 2)))
    assert log.curves["epoch"].to_list() == [1, 2, 3, 4, 5, 6, 7]


def test_a_log_that_starts_anew_holds_several_runs(read):
    log = read(csv(*[(e, e, e) for _ in range(3) for e in range(4)]))
    assert log.curves["run"].unique(maintain_order=True).to_list() == ["#1", "#2", "#3"]
    assert "taken as 3 runs" in log.notes[0]


def test_shuffled_epochs_are_sorted(read):
    order = np.random.default_rng(0).permutation(20)
    log = read(csv(*[(e, e, 2 * e) for e in order]))
    assert log.curves["epoch"].to_list() == list(range(20))
    assert log.curves["validation_loss"].to_list() == [2 * e for e in range(20)]
    assert "sorted" in log.notes[0]


def test_a_header_that_comes_again_is_left_out(read):
    log = read(csv((1, 2, 3)) + csv((2, 1, 2)))
    assert log.curves["epoch"].to_list() == [1, 2]
    assert "header comes again" in log.notes[0]


@pytest.mark.parametrize("text", [csv((1, 2, 3), (2, 1, 2)) + "3,0.", csv((1, 2, 3), (2, 1, 2)) + "3"])
def test_a_last_line_that_was_cut_off_is_left_out(read, text):
    log = read(text)
    assert log.curves["epoch"].to_list() == [1, 2]
    assert "cut off" in log.notes[0]


def test_json_lines_may_hold_nan_and_end_in_the_middle(read):
    log = read('{"epoch": 1, "loss": 2, "val_loss": NaN}\n{"epoch": 2, "loss": -Infinity, "val_loss": 1}\n{"epo')
    assert np.isnan(log.curves["validation_loss"][0])
    assert log.curves["train_loss"][1] == -np.inf
    assert "cut off" in log.notes[0]


def test_missing_values_are_of_many_kinds(read):
    log = read("epoch,loss,val_loss\n1,2,NA\n2,,3\n3,None,nan\n4,-,2\n")
    assert log.curves["train_loss"].to_list() == [2, None, None, None]
    assert log.curves["validation_loss"].to_list()[:2] == [None, 3]
    assert np.isnan(log.curves["validation_loss"][2])


def test_blocks_give_what_the_whole_gives(read, monkeypatch):
    """A file in many blocks: stretches that they cut apart are put together again by their numbers of rows."""
    rng = np.random.default_rng(0)
    rows = [(e, s, f"{rng.random():.6f}", "") for e in range(5) for s in range(40)]
    text = "epoch,step,loss,val_loss\n" + "".join(
        f"{','.join(map(str, row))}\n" + (f"{row[0]},{row[1]},,{row[0]}\n" if row[1] == 39 else "") for row in rows
    )
    whole = read(text).curves
    assert whole.height == 5
    monkeypatch.setattr("goodfit.logs.opening.BLOCK", 333)
    cut = read(text).curves
    assert cut["train_loss"].to_list() == pytest.approx(whole["train_loss"].to_list(), rel=1e-12)
    assert cut.drop("train_loss").equals(whole.drop("train_loss"))
    lines = "\n".join(
        json.dumps(dict(zip(("epoch", "step", "loss"), (r[0], r[1], float(r[2])), strict=True))) for r in rows
    )
    assert read(lines).curves["train_loss"].to_list() == pytest.approx(whole["train_loss"].to_list(), rel=1e-12)


def test_more_rows_than_are_held_are_averaged_evenly(read, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_ROWS", 64)
    monkeypatch.setattr("goodfit.logs.opening.BLOCK", 2000)
    log = read(csv(*[(e, e, 2 * e) for e in range(1000)]))
    assert log.curves.height <= 128
    gaps = np.diff(log.curves["epoch"].to_numpy())
    assert np.median(gaps) == gaps.max() >= 16
    assert (log.curves["validation_loss"] == 2 * log.curves["train_loss"]).all()
    assert log.curves["epoch"].is_sorted()


WRONG: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is empty"),
    "blank": (" \n\n", "is empty"),
    "header of numbers": ("1,2,3\n4,5,6\n", "begins with numbers"),
    "too many fields": (csv((1, 2, 3), (2, 3, 4, 5)), "line 3 has 4 fields, the header has 3"),
    "too few fields": (csv((1, 2), (2, 3, 4)), "line 2 has 2 fields"),
    "no number": (csv((1, 2, 3), (2, "tensor(0.3)", 4)), r"'loss' holds 'tensor\(0.3\)'"),
    "equal names": ("epoch,loss,loss\n1,2,3\n", "two columns 'loss'"),
    "two losses": ("epoch,loss,train_loss,val_loss\n1,2,3,4\n2,2,3,4\n", "choose with --train NAME"),
    "two parts": ("train_a_loss,train_b_loss,val_a_loss,val_b_loss\n1,2,3,4\n", "choose with --validation NAME"),
    "no loss": ("a,b\n1,2\n", r"no loss by a name that is known \(its fields are a, b\)"),
    "prose": ("Epoch 1/10 - loss: 0.5\nEpoch 2/10 - loss: 0.4\n", "which is no number"),
    "not UTF-8": (b"epoch,loss,val_loss\n1,2,\xff\n", "line 2: byte 0xFF is not UTF-8"),
    "binary": (b"abc\0\1\2", "of no known kind"),
    "half of gzip": (b"\x1f\x8b\x08\0\0\0\0\0", "not a whole gzip file"),
    "half of parquet": (b"PAR1abc", "not a whole parquet file"),
    "half of JSON": ('{"loss": [1, 2], "val_loss": [', "not whole JSON"),
    "uneven lists": ('{"loss": [1, 2], "val_loss": [1]}', "lists of different lengths"),
    "list of numbers": ("[1, 2]", "entry 1 of its list is not an object"),
    "line of a list": ('{"loss": 1}\n[1]\n{"loss": 2}\n', "line 2 is not a JSON object"),
    "text for a loss": ('{"loss": 1}\n{"loss": "x"}\n', "holds 'x', which is no number"),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_log_is_refused_in_one_line(read, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_path_without_a_log_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_log(tmp_path / "none.csv")
    with pytest.raises(InputError, match="a folder without a log"):
        read_log(tmp_path)
