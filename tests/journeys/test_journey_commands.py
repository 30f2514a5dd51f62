"""Every command from its arguments to its files and its output, as a user or a user's program sees them."""

import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from commandline import PROGRAM, QUICK, RUN_FILES, USUAL, assert_done, assert_refused, contents, goodfit, program
from customers import make_table
from safetensors.numpy import load_file

import goodfit as library
from goodfit.commands.reading import Source, read_source
from goodfit.studies.testing import split_test

Write = Callable[[str, str | bytes | pl.DataFrame], Path]
COMMANDS = ("demo", "fit", "compare", "predict", "report")
ONE_EPOCH = ("--recipe", "none", "--budget", "1s")


def strict(text: str) -> Any:
    """The one JSON document that a text is, by the standard's letter."""

    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is no JSON")

    return json.loads(text, parse_constant=refuse)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(command: str) -> None:
    done = goodfit(command, "--help")
    assert_done(done)
    assert re.search(f"Examples?: goodfit {command}", " ".join(done.out.split()))


def test_help_lists_the_commands_through_the_program() -> None:
    done = program("--help")
    assert_done(done)
    assert all(f" {command} " in done.out for command in COMMANDS)
    assert "Exit status: 0 done, 1 a verdict of --fail-on fired, 2 bad input or usage, 130 interrupted" in " ".join(
        done.out.split()
    )


WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": lambda frame, path: frame.write_csv(path),
    "tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "parquet": lambda frame, path: frame.write_parquet(path),
    "feather": lambda frame, path: frame.write_ipc(path),
    "jsonl": lambda frame, path: frame.write_ndjson(path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_fit_reads_every_kind_of_table_alike(kind: str, table: pl.DataFrame, trained: Path, tmp_path: Path) -> None:
    data, out = tmp_path / f"customers.{kind}", tmp_path / "run"
    # JSON has no dates: they come as text
    frame = table.drop("since") if kind == "jsonl" else table
    WRITERS[kind](frame, data)
    done = goodfit("fit", data, "--target", "left", *QUICK, "--out", out, "--json")
    assert_done(done)
    told = strict(done.out)
    assert told["data"]["classes"] == ["no", "yes"]
    assert told["run"] == str(out)
    assert names(out) == RUN_FILES
    if kind != "jsonl":
        assert_same_model(out, trained)


def assert_same_model(one: Path, other: Path) -> None:
    """The same tensors, bit for bit."""
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    for key, tensor in first.items():
        np.testing.assert_array_equal(tensor, second[key])


TARGETS: dict[str, tuple[str, str, int]] = {
    "two classes of text": ("left", "binary", 2),
    "three classes of text": ("town", "multiclass", 3),
    "booleans": ("member", "binary", 2),
    "whole numbers": ("visits", "multiclass", 4),
    "numbers": ("age", "regression", 0),
}


@pytest.mark.parametrize(("target", "task", "classes"), TARGETS.values(), ids=TARGETS)
def test_fit_tells_the_task_and_predict_answers_in_its_terms(
    target: str, task: str, classes: int, table: pl.DataFrame, tmp_path: Path, write: Write
) -> None:
    frame = table.with_columns(pl.col("town").fill_null("Bath"), visits=pl.int_range(pl.len()) % 4)
    data, out = write("t.parquet", frame), tmp_path / "run"
    done = goodfit("fit", data, "--target", target, *ONE_EPOCH, "--out", out, "--json")
    assert_done(done)
    assert strict(done.out)["task"] == task
    done = goodfit("predict", out, data, "-o", tmp_path / "p.parquet")
    assert_done(done)
    predicted = pl.read_parquet(tmp_path / "p.parquet")
    assert predicted["prediction"].dtype == frame[target].dtype
    assert predicted.width == 1 + classes
    if classes:
        assert set(predicted["prediction"]) <= set(frame[target])
        np.testing.assert_allclose(predicted.drop("prediction").sum_horizontal(), 1, rtol=0, atol=1e-12)


def test_task_can_be_said(table: pl.DataFrame, tmp_path: Path, write: Write) -> None:
    data = write("t.parquet", table.with_columns(left=pl.col("age").round() % 4))
    rest = ("--task", "regression", *ONE_EPOCH, "--out", tmp_path / "run", "--json")
    done = goodfit("fit", data, "--target", "left", *rest)
    assert_done(done)
    assert strict(done.out)["task"] == "regression"


def test_fit_chooses_a_recipe_and_says_what_it_found(csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = goodfit("fit", csv, "--target", "left", "--budget", "1s", "--out", out)
    assert_done(done)
    summary = strict((out / "run.json").read_text())
    lines = done.out.splitlines()
    assert lines[0] == summary["headline"]
    assert lines[-2:] == [f"chosen: {summary['chosen']}", f"report: {out / 'report.html'}"]
    assert len(summary["table"]["rows"]) > 2
    assert all(row["label"].split(",")[0] in done.out for row in summary["table"]["rows"])


def test_costs_decide_what_is_predicted(csv: Path, trained: Path, tmp_path: Path) -> None:
    run, new = tmp_path / "run", tmp_path / "new.csv"
    done = goodfit("fit", csv, "--target", "left", *QUICK, "--costs", "1:10", "--out", run)
    assert_done(done)
    summary = strict((run / "run.json").read_text())
    decision = summary["decision"]
    assert f"\n{decision['told']}\n" in done.out
    assert "for costs of 1 a false alarm and 10 a miss, chosen on rows held out" in decision["told"]
    assert decision["threshold"] == summary["confusion"]["threshold"] < 0.5
    assert_done(goodfit("predict", run, csv, "-o", new))
    found = pl.read_csv(new)
    chance = found[f"probability_{decision['positive']}"]
    assert ((found["prediction"] == decision["positive"]) == (chance >= decision["threshold"])).all()
    assert_done(goodfit("predict", trained, csv, "-o", new))
    assert pl.read_csv(new).drop("prediction").equals(found.drop("prediction"))
    assert "decision" not in strict((trained / "run.json").read_text())


def test_fit_through_the_program_is_quiet_in_a_pipe_and_leaves_four_files(
    csv: Path, trained: Path, tmp_path: Path
) -> None:
    done = program("fit", csv, "--target", "left", *QUICK, "--out", tmp_path / "run", "--json")
    assert_done(done)
    assert strict(done.out)["command"] == "fit"
    assert names(tmp_path / "run") == RUN_FILES
    assert_same_model(tmp_path / "run", trained)


def test_another_seed_gives_another_model(csv: Path, trained: Path, tmp_path: Path) -> None:
    assert_done(goodfit("fit", csv, "--target", "left", *QUICK, "--seed", 1, "--out", tmp_path / "run"))
    with pytest.raises(AssertionError):
        assert_same_model(tmp_path / "run", trained)


def test_run_json_is_strict(trained: Path) -> None:
    summary = strict((trained / "run.json").read_text())
    assert {"format", "goodfit", "task", "data", "settings", "versions", "headline", "verdicts"} <= set(summary)


def test_useless_columns_are_noted(table: pl.DataFrame, tmp_path: Path, write: Write) -> None:
    data = write("t.csv", table.with_columns(void=pl.lit(None), same=pl.lit(3)))
    done = goodfit("fit", data, "--target", "left", *ONE_EPOCH, "--out", tmp_path / "run")
    assert_done(done)
    assert "note: column 'void' is empty in every row: not used" in done.out
    assert "note: column 'same' is the same in every row: not used" in done.out


def test_brackets_and_colons_in_names_are_no_markup(table: pl.DataFrame, tmp_path: Path, write: Write) -> None:
    frame = table.with_columns(
        pl.lit(1).alias("[/bold]"),
        pl.lit(2).alias(":warning:"),
        pl.col("age").alias("[red]x[/red]"),
        left=pl.col("left").replace({"no": "[red]n[/]:x:", "yes": "[red]y[/]:x:"}),
    )
    data, out = write("[red]t[bold].csv", frame), tmp_path / "[red]run"
    done = goodfit("fit", data, "--target", "left", "--recipe", "l1=0.01", "--budget", "1s", "--out", out)
    assert_done(done)
    assert "column '[/bold]' is the same" in done.out
    assert "column ':warning:' is the same" in done.out
    assert re.search(r"everything '\[red\][ny]\[/\]:x:'", done.out)
    assert f"report: {out}" in done.out
    assert goodfit("report", out).out == f"{out / 'report.html'}\n"
    done = goodfit("compare", data, "--target", "left", "--recipe", "none", "--recipe", "l1=0.1", "--seeds", 2)
    assert_done(done)
    assert re.search(r"everything '\[red\][ny]\[/\]:x:'", done.out)


def test_doubtful_recipe_is_said_in_one_line(csv: Path) -> None:
    recipe = "l2=0.001, weight_decay=0.001, early_stopping=1"
    done = program("compare", csv, "--target", "age", "--recipe", recipe, "--seeds", 2, "--json")
    assert done.status == 0
    assert done.err.splitlines() == [done.err.strip()]
    assert done.err.startswith("goodfit compare: warning: l2 and weight_decay both shrink the same weights")
    strict(done.out)


def test_compare_shows_a_table_with_intervals_and_differences(csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    recipes = ("--recipe", "none", "--recipe", "l2=0.1, early_stopping=2")
    done = goodfit("compare", csv, "--target", "left", *recipes, "--seeds", 2, "--out", out)
    assert_done(done)
    assert names(out) == RUN_FILES - {"model.safetensors"}
    assert "no regularization" in done.out
    assert "minus no regularization" in done.out
    assert done.out.splitlines()[-1] == f"report: {out / 'report.html'}"
    summary = strict((out / "run.json").read_text())
    assert [row["recipe"] for row in summary["table"]["rows"]] == ["none", "l2=0.1, early_stopping=2"]
    again = goodfit("compare", csv, "--target", "left", *recipes, "--seeds", 2, "--json")
    assert_done(again)
    told = strict(again.out)
    assert told["repeats"] == 2
    assert [row["recipe"] for row in told["rows"]] == ["none", "l2=0.1, early_stopping=2"]
    cell = summary["table"]["rows"][1]["cells"]["test_accuracy"]
    assert told["rows"][1]["scores"]["test_accuracy"] == cell


def test_compare_keeps_a_budget(csv: Path) -> None:
    recipes = ("--recipe", "none", "--recipe", "l2=0.1")
    done = goodfit("compare", csv, "--target", "left", *recipes, "--seeds", 2, "--budget", "0.001s")
    assert_done(done)
    assert "The budget ended 4 of 4 networks before they were done, after 1 epoch" in " ".join(done.out.split())
    refused = goodfit("compare", csv, "--target", "left", *recipes, "--budget", "soon")
    assert_refused(refused, "budget is 'soon'", "such as 30s")


def test_compare_through_the_program(csv: Path, tmp_path: Path) -> None:
    before = contents(tmp_path)
    done = program("compare", csv, "--target", "age", "--recipe", "early_stopping=1", "--seeds", 2, "--json")
    assert_done(done)
    assert "test_rmse" in strict(done.out)["rows"][0]["scores"]
    assert contents(tmp_path) == before


def test_scores_that_cannot_be_taken_are_null_in_json(tmp_path: Path, write: Write) -> None:
    """So few rows of a class that it is absent from some part, and a constant target."""
    random = np.random.default_rng(0)
    frame = pl.DataFrame({"a": random.normal(size=30), "y": ["u"] * 27 + ["v"] * 3, "same": [2.5] * 30})
    frame = frame.with_columns(a=pl.when(pl.col("y") == "v").then(9.0).otherwise("a"))
    data = write("t.parquet", frame)
    for target in ("y", "same"):
        rest = (data, "--target", target)
        for command in (
            ("fit", *rest, *ONE_EPOCH, "--out", tmp_path / target),
            ("compare", *rest, *QUICK, "--seeds", 2),
        ):
            done = goodfit(*command, "--json")
            assert_done(done)
            strict(done.out)


def test_predictions_are_the_estimator_s_in_every_form(trained: Path, tmp_path: Path, write: Write) -> None:
    new = make_table(30, seed=1).drop("left")
    data = write("new.parquet", new)
    model = library.load(trained)
    probabilities, labels = model.predict_proba(new), model.predict(new).tolist()
    forms: dict[str, pl.DataFrame] = {}
    for name, read in (("p.csv", pl.read_csv), ("p.parquet", pl.read_parquet), ("p.jsonl", pl.read_ndjson)):
        done = goodfit("predict", trained, data, "-o", tmp_path / "new folder" / name)
        assert_done(done)
        assert done.out == ""
        forms[name] = read(tmp_path / "new folder" / name)
    forms["stdout"] = pl.read_csv(goodfit("predict", trained, data).out.encode())
    forms["json"] = pl.DataFrame(strict(goodfit("predict", trained, data, "--json").out)["predictions"])
    forms["file"] = pl.read_csv(goodfit("predict", trained / "model.safetensors", data).out.encode())
    forms["program"] = pl.read_csv(program("predict", trained, data).out.encode())
    for frame in forms.values():
        assert frame.columns == ["prediction", "probability_no", "probability_yes"]
        assert frame["prediction"].to_list() == labels
        np.testing.assert_array_equal(frame.drop("prediction").to_numpy(), probabilities)
    assert names(tmp_path / "new folder") == {"p.csv", "p.parquet", "p.jsonl"}


def test_predict_to_a_file_with_json_says_where(trained: Path, tmp_path: Path, write: Write) -> None:
    out = tmp_path / "p.csv"
    done = goodfit("predict", trained, write("new.csv", make_table(7).drop("left")), "-o", out, "--json")
    assert_done(done)
    assert strict(done.out) == {"rows": 7, "out": str(out)}


def test_new_table_may_have_other_columns_another_order_and_new_categories(trained: Path, write: Write) -> None:
    new = make_table(10, seed=1).with_columns(town=pl.lit("Ely"), age=pl.lit(None))
    known = write("new.parquet", new.drop("left"))
    extra = new.select(pl.lit([[1.0]]).alias("list"), pl.lit(np.inf).alias("endless"), *reversed(new.columns))
    done, other = goodfit("predict", trained, known), goodfit("predict", trained, write("extra.parquet", extra))
    assert_done(done)
    assert_done(other)
    assert done.out == other.out


def test_report_is_made_anew_as_it_was(run: Path, tmp_path: Path) -> None:
    before = contents(run)
    done = goodfit("report", run)
    assert_done(done)
    assert done.out == f"{run / 'report.html'}\n"
    assert contents(run) == before
    done = goodfit("report", run, "-o", tmp_path / "there" / "r.html", "--json")
    assert_done(done)
    assert strict(done.out) == {"report": str(tmp_path / "there" / "r.html")}
    assert (tmp_path / "there" / "r.html").read_bytes() == before["report.html"]


def test_report_through_the_program(run: Path) -> None:
    (run / "report.html").unlink()
    assert_done(program("report", run))
    assert names(run) == RUN_FILES


@pytest.mark.parametrize("rows", [pytest.param(3, marks=pytest.mark.slow), 5000])
def test_a_reader_that_has_enough_is_no_fault(rows: int, trained: Path, write: Write) -> None:
    """Both where the rest is still in a buffer and where it is not."""
    new = write("new.parquet", make_table(rows).drop("left"))
    read, written = os.pipe()
    command = [PROGRAM, "predict", trained, new]
    with subprocess.Popen(command, stdout=written, stderr=subprocess.PIPE, env=USUAL) as process:
        os.close(written)
        if rows > 1000:
            assert os.read(read, 11) == b"prediction,"
        os.close(read)
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_progress_is_shown_on_a_terminal_only(csv: Path, tmp_path: Path) -> None:
    """On the terminal that standard error is, while standard output stays pure."""
    ours, theirs = pty.openpty()
    command = [PROGRAM, "fit", csv, "--target", "age", *QUICK, "--out", tmp_path / "run", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        assert process.stdout is not None
        shown, out = drained({ours: b"", process.stdout.fileno(): b""}).values()
    os.close(ours)
    assert process.returncode == 0
    assert b"epochs" in shown
    assert b"networks training" in shown
    assert strict(out.decode())["command"] == "fit"


def drained(streams: dict[int, bytes]) -> dict[int, bytes]:
    """Read until all have ended, or five minutes have passed."""
    waiting, end = set(streams), time.monotonic() + 300
    while waiting and time.monotonic() < end:
        for stream in select.select(list(waiting), [], [], 1)[0]:
            try:
                part = os.read(stream, 65536)
            except OSError:  # a terminal whose program has ended
                part = b""
            streams[stream] += part
            waiting -= set() if part else {stream}
    return streams


@pytest.mark.slow
def test_locale_without_the_letters_of_the_table(tmp_path: Path, write: Write) -> None:
    stay, leave = "bleibt – 数量", "geht – 数量"
    frame = make_table().with_columns(left=pl.col("left").replace({"no": stay, "yes": leave}))
    data, out = write("t.csv", frame), tmp_path / "run"
    done = goodfit("fit", data, "--target", "left", *ONE_EPOCH, "--out", out, "--json")
    assert_done(done)
    assert done.out.isascii()
    assert strict(done.out)["data"]["classes"] == [stay, leave]
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = program("compare", data, "--target", "left", *QUICK, "--seeds", 2, **ascii_only)
    assert_done(done)
    assert r"\u6570\u91cf' " in done.out
    done = program("predict", out, data, **ascii_only)
    assert_done(done)
    assert set(pl.read_csv(done.out.encode())["prediction"]) <= {stay, leave}


def test_absurd_test_rows_change_no_weight(
    table: pl.DataFrame, trained: Path, csv: Path, tmp_path: Path, write: Write
) -> None:
    """Poison in the test part of the table reaches nothing that is learned."""
    problem = read_source(Source(csv, "left")).problem
    marked = problem.table.columns[0].values
    test = set(split_test(problem, 0.2, 0)[1].table.columns[0].values)
    poisoned = pl.Series([value in test for value in marked])
    assert 0 < poisoned.sum() < len(marked) / 2
    frame = table.with_columns(
        age=pl.when(poisoned).then(pl.int_range(pl.len()) * -1e290).otherwise("age"),
        spent=pl.when(poisoned).then(None).otherwise("spent"),
        town=pl.when(poisoned).then(pl.lit("poison")).otherwise("town"),
        since=pl.when(poisoned).then(pl.date(1, 1, 1)).otherwise("since"),
        member=pl.when(poisoned).then(True).otherwise("member"),
    )
    assert_done(goodfit("fit", write("t.csv", frame), "--target", "left", *QUICK, "--out", tmp_path / "run"))
    assert_same_model(tmp_path / "run", trained)


@pytest.mark.slow
def test_ten_thousand_columns(tmp_path: Path, write: Write) -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(200, 10_000))
    frame = pl.DataFrame({f"c{i}": values[:, i] for i in range(10_000)}).with_columns(
        y=pl.Series(values[:, 0] > 0).cast(pl.String)
    )
    data, out = write("wide.parquet", frame), tmp_path / "run"
    assert_done(goodfit("fit", data, "--target", "y", *ONE_EPOCH, "--out", out))
    done = goodfit("predict", out, data)
    assert_done(done)
    assert len(done.out.splitlines()) == 201


@pytest.mark.parametrize("data", ["fraud", "loans"])
def test_demo(data: str, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = goodfit("demo", "--data", data, "--seeds", 2, "--out", out, "--json")
    assert_done(done)
    told = strict(done.out)
    assert len(told["rows"]) == 4
    assert told["rows"][0]["recipe"] == "none"
    assert names(out) == RUN_FILES - {"model.safetensors"}
    summary = strict((out / "run.json").read_text())
    labels = [row["label"] for row in summary["table"]["baselines"]]
    assert labels[0].startswith("everything '")
    assert any("best reachable" in label for label in labels) == (data == "fraud")


@pytest.mark.slow
def test_demo_through_the_program(tmp_path: Path) -> None:
    done = program("demo", "--seeds", 2, "--out", tmp_path / "demo")
    assert_done(done)
    for label in ("no regularization", "L2 only", "dropout only", "L2 + dropout + early stopping"):
        assert label.split(" +")[0] in done.out
    assert done.out.splitlines()[-1] == f"report: {tmp_path / 'demo' / 'report.html'}"
