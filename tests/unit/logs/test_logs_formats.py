"""Every format that is read, as its writers leave it: one training, the same two curves."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from goodfit import InputError
from goodfit.logs import Asked, Log, read_log

TRAIN = [0.9, 0.7, 0.5, 0.4]
HELD_OUT = [1.0, 0.8, 0.75, 0.8]
PAIRS = list(zip(TRAIN, HELD_OUT, strict=True))


def curves(log: Log) -> tuple[list[float], list[float], list[float]]:
    frame = log.curves
    return frame[log.unit].to_list(), frame["train_loss"].to_list(), frame["validation_loss"].to_list()


def keras_csv() -> str:
    rows = [f"{i},0.5,{train},0.4,{held_out}\r" for i, (train, held_out) in enumerate(PAIRS)]
    return "\n".join(["epoch,accuracy,loss,val_accuracy,val_loss\r", *rows, ""])


def lightning_csv() -> str:
    """metrics.csv: training by steps and by epoch, validation before the epoch's end, each on a row of its own."""
    lines = ["epoch,step,train_loss_epoch,train_loss_step,val_acc,val_loss"]
    for i, (train, held_out) in enumerate(PAIRS):
        lines += [f"{i},{50 * i + 9},,{train + 0.1},,", f"{i},{50 * i + 49},,{train - 0.1},,"]
        lines += [f"{i},{50 * i + 49},,,0.5,{held_out}", f"{i},{50 * i + 49},{train},,,"]
    return "\n".join([*lines, ""])


def trainer_state() -> str:
    """Hugging Face: logged every half epoch, evaluated every epoch, a summary at the end."""
    history: list[dict[str, float]] = []
    for i, (train, held_out) in enumerate(PAIRS, start=1):
        history += [{"epoch": i - 0.5, "loss": train + 0.1, "learning_rate": 1e-5, "step": 10 * i - 5}]
        history += [{"epoch": float(i), "loss": train - 0.1, "learning_rate": 1e-5, "step": 10 * i}]
        history += [{"epoch": float(i), "eval_loss": held_out, "eval_runtime": 1.0, "step": 10 * i}]
    history.append({"epoch": 4.0, "step": 40, "train_loss": 0.625, "train_runtime": 3.0, "total_flos": 1e9})
    return json.dumps({"best_metric": None, "epoch": 4.0, "log_history": history, "max_steps": 40})


FILES: dict[str, tuple[str, str]] = {
    "keras.csv": (keras_csv(), "CSV"),
    "metrics.csv": (lightning_csv(), "CSV"),
    "trainer_state.json": (trainer_state(), "Hugging Face trainer state"),
    "history.json": (json.dumps({"loss": TRAIN, "val_loss": HELD_OUT, "lr": [0.1] * 4}), "Keras history"),
    "wrapped.json": (json.dumps({"history": {"loss": TRAIN, "val_loss": HELD_OUT}, "name": "x"}), "Keras history"),
    "list.json": (
        json.dumps([{"epoch": i, "loss": a, "val_loss": b} for i, (a, b) in enumerate(PAIRS)], indent=1),
        "JSON",
    ),
    "nested.log": (
        "\n".join(json.dumps({"epoch": i, "train": {"loss": a}, "val": {"loss": b}}) for i, (a, b) in enumerate(PAIRS)),
        "JSON lines",
    ),
    "european.txt": (
        "\ufeffEpoch;Train Loss;Valid Loss\n"
        + "".join(f"{i};{a};{b}\n".replace(".", ",") for i, (a, b) in enumerate(PAIRS)),
        "CSV",
    ),
    "tabs": (
        "# my run\nepoch\ttrain/loss\tval/loss\n" + "".join(f"{i}\t{a}\t{b}\n" for i, (a, b) in enumerate(PAIRS)),
        "CSV",
    ),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_format_is_told_by_its_content(name: str, zipped: bool, tmp_path: Path) -> None:
    text, kind = FILES[name]
    path = tmp_path / "some file"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    log = read_log(path)
    assert (log.kind, log.unit, log.notes) == (kind, "epoch", ())
    at, train, held_out = curves(log)
    assert at in ([0, 1, 2, 3], [1, 2, 3, 4])
    assert train == pytest.approx(TRAIN)
    assert held_out == HELD_OUT


def test_steps_between_validations_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    rows = [{"step": 1, "loss": 1}, {"step": 2, "loss": 3}, {"step": 2, "val_loss": 5}, {"step": 3, "loss": 7}]
    path.write_text("\n".join(json.dumps(row) for row in [*rows, {"step": 4, "val_loss": 6}, {"step": 5, "loss": 9}]))
    log = read_log(path)
    assert log.unit == "step"
    assert curves(log) == ([2, 4], [2, 7], [5, 6])


def test_several_validations_an_epoch_are_counted_by_step(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("epoch,step,train_loss,val_loss\n0,5,1,\n0,5,,9\n0,10,2,\n0,10,,8\n1,15,3,\n1,15,,7\n")
    log = read_log(path)
    assert log.unit == "step"
    assert curves(log) == ([5, 10, 15], [1, 2, 3], [9, 8, 7])


def test_without_epoch_or_step_validations_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("loss,val_loss\n3,4\n2,3\n")
    log = read_log(path)
    assert log.unit == "evaluation"
    assert curves(log) == ([1, 2], [3, 2], [4, 3])


def test_a_run_folder_of_goodfit_holds_runs_of_several_recipes(tmp_path: Path) -> None:
    rows = [
        (recipe, member, epoch, 1.0 / epoch, 2.0 / epoch)
        for recipe in ("none", "l2=0.1")
        for member in (0, 1)
        for epoch in (1, 2, 3)
    ]
    names = ["recipe", "member", "epoch", "train_loss", "validation_loss"]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "history.parquet")
    for path in (tmp_path, tmp_path / "history.parquet"):
        log = read_log(path)
        assert log.kind == "goodfit run"
        assert log.curves.select("part", "run").unique().height == 4
        assert set(log.curves["part"]) == {"none", "l2=0.1"}


def test_json_of_several_runs(tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    path.write_text(json.dumps({name: {"loss": [2, 1], "val_loss": [3, 2]} for name in ("a", "b")}))
    assert read_log(path).curves["run"].to_list() == ["a", "a", "b", "b"]


def test_a_column_of_runs_tells_them_apart(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("seed,epoch,loss,val_loss\n" + "".join(f"{s},{e},1,{s}{e}\n" for e in (1, 2) for s in (1, 2)))
    log = read_log(path)
    assert log.curves.filter(pl.col("run") == "2")["validation_loss"].to_list() == [21, 22]
    assert log.notes == ()


CHOSEN: dict[str, tuple[str, str, str]] = {
    "bare": ("loss,val_loss", "loss", "val_loss"),
    "slashes": ("Loss/train,Loss/val", "Loss/train", "Loss/val"),
    "camel": ("trainLoss,evalLoss", "trainLoss", "evalLoss"),
    "epoch before step": ("train_loss_step,train_loss_epoch,valid_loss", "train_loss_epoch", "valid_loss"),
    "test beside validation": ("training_loss,validation_loss,test_loss", "training_loss", "validation_loss"),
    "parts beside the whole": ("loss,kl_loss,val_loss,val_kl_loss", "loss", "val_loss"),
    "one other loss": ("train_nll,val_nll,lr", "train_nll", "val_nll"),
    "no loss at all": ("loss,loss_scale,best_val_loss,val_loss", "loss", "val_loss"),
}


@pytest.mark.parametrize(("header", "train", "validation"), CHOSEN.values(), ids=CHOSEN)
def test_losses_are_found_by_their_names(header: str, train: str, validation: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = [",".join("1" for _ in header.split(",")) for _ in range(3)]
    path.write_text("\n".join([header, *rows]))
    log = read_log(path)
    assert (log.train, log.validation) == (train, validation)


def test_a_field_with_one_value_is_no_curve_beside_one_with_many(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,train_loss,eval_loss\n1,2,,3\n2,1,,2\n2,,1.5,\n")
    assert read_log(path).train == "loss"


def test_a_test_loss_alone_is_taken_and_said(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss,test_loss\n1,2,3\n2,1,2\n")
    log = read_log(path)
    assert log.validation == "test_loss"
    assert any("no test any more" in note for note in log.notes)


def test_losses_may_be_named(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,mse,dev_mse,loss\n1,2,3,4\n2,1,2,3\n")
    log = read_log(path, Asked("mse", "dev_mse"))
    assert curves(log) == ([1, 2], [2, 1], [3, 2])
    with pytest.raises(InputError, match="no field 'dev_mze' for --validation: did you mean 'dev_mse'"):
        read_log(path, Asked(validation="dev_mze"))
    with pytest.raises(InputError, match="named for both"):
        read_log(path, Asked("mse", "mse"))
