"""Tables, folders and logs by someone who means harm: through commands, on a terminal, in files, in a browser."""

import csv
import json
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pexpect
import polars as pl
import pytest
from browsing import ask
from commandline import PROGRAM, assert_done, assert_refused, goodfit
from event_files import scalar_file
from hostile import CONTROLS, HARMFUL, LONG, acting
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from goodfit.data.images import write_png

TARGET = f"left {HARMFUL[0]}"
CLASSES = (HARMFUL[10], HARMFUL[7] + HARMFUL[3])
RECIPE = "l1=0.001, early_stopping=2"
RUNS = re.compile(r"[\s\x00-\x1f]*[=+\-@]|[\t\r\n]")


ONE_AFTER_THE_OTHER = """
import json, sys
from goodfit import cli
for arguments in json.loads(open(sys.argv[1]).read()):
    sys.argv = ["goodfit", *arguments]
    try:
        cli.main()
    except SystemExit as ended:
        print(f"<ended {ended.code}>", flush=True)
"""


@dataclass(frozen=True)
class Made:
    """A hostile table, the run that was trained on it, and what a terminal saw of each command, with its status."""

    table: Path
    run: Path
    fit: tuple[str, int]
    predict: tuple[str, int]
    errors: tuple[tuple[str, int], ...]


def filed(text: str) -> str:
    """A text as a file may be called."""
    return text.replace("\0", "").replace("/", "_")


def on_terminal(program: str, *arguments: object) -> str:
    """What a program writes to a terminal."""
    terminal = pexpect.spawn(program, [*map(str, arguments)], timeout=300, dimensions=(24, 100), encoding="utf-8")
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("hostile")
    random, rows = np.random.default_rng(0), 80
    first = random.normal(size=rows)
    columns = {f"{name} {place}": random.normal(size=rows) for place, name in enumerate(HARMFUL)}
    columns |= {LONG: first, f"kind {HARMFUL[1]}": random.choice([HARMFUL[2], HARMFUL[11]], rows)}
    frame = pl.DataFrame(columns | {TARGET: np.where(first > 0, *CLASSES)})
    table, run, asked = folder / "table.parquet", folder / "run", folder / "asked.json"
    frame.write_parquet(table)
    commands = [
        ("fit", table, "--target", TARGET, "--recipe", RECIPE, "--out", run),
        ("predict", run, table),
        *(("fit", table, "--target", text) for text in HARMFUL),
        *(("fit", folder / f"{filed(text)}.csv", "--target", "a") for text in HARMFUL),
        ("fit", table, "--target", "zzzzz"),
        *(("augment", "table", table, folder / "out", "--target", "a", "--with", text) for text in HARMFUL),
    ]
    asked.write_text(json.dumps([[str(word) for word in command] for command in commands]))
    parts = re.split(r"<ended (\d+)>\r\n", on_terminal(sys.executable, "-c", ONE_AFTER_THE_OTHER, asked))
    found = [(shown, int(status)) for shown, status in zip(parts[::2], parts[1::2], strict=False)]
    assert len(found) == len(commands)
    return Made(table, run, found[0], found[1], tuple(found[2:]))


def test_a_fit_shows_names_and_sends_the_terminal_nothing(made: Made) -> None:
    shown, status = made.fit
    assert status == 0
    assert acting(shown) == []
    assert "networks training" in shown
    assert len(shown) < 100_000


def test_predictions_on_a_terminal_act_on_nothing(made: Made) -> None:
    shown, status = made.predict
    assert status == 0
    assert acting(shown) == []
    assert "[red]markup[/] [/red]" in shown


def test_errors_on_a_terminal_are_lines_without_markup_that_act_on_nothing(made: Made) -> None:
    texts = (*HARMFUL, *map(filed, HARMFUL), "zzzzz", *HARMFUL)
    for (shown, status), text in zip(made.errors, texts, strict=True):
        assert status == 2
        assert acting(shown) == []
        assert len(shown.splitlines()) == 1
        assert text.isprintable() <= (text in shown or repr(text) in shown)


@pytest.mark.slow
@pytest.mark.parametrize("text", HARMFUL[:10], ids=range(10))
def test_the_installed_program_sends_a_terminal_nothing(made: Made, text: str) -> None:
    words = text.replace("\0", "")
    for arguments in (("fit", made.table, "--target", words), ("predict", made.run, made.table), (words,)):
        assert acting(on_terminal(str(PROGRAM), *arguments)) == []


def test_predicted_csv_holds_no_formula_and_json_lines_hold_the_classes(made: Made, tmp_path: Path) -> None:
    done = goodfit("predict", made.run, made.table)
    assert_done(done)
    header, *rows = csv.reader(done.out.splitlines(keepends=True))
    assert len(rows) == 80
    assert not [cell for row in (header, *rows) for cell in row if RUNS.match(cell)]
    assert {row[0] for row in rows} <= {f"'{CLASSES[0]}", CLASSES[1]}
    assert_done(goodfit("predict", made.run, made.table, "-o", tmp_path / "p.jsonl"))
    assert {json.loads(line)["prediction"] for line in (tmp_path / "p.jsonl").read_text("utf-8").splitlines()} <= set(
        CLASSES
    )
    assert_done(goodfit("predict", made.run, made.table, "-o", tmp_path / "p.csv"))
    assert (tmp_path / "p.csv").read_bytes() == done.out.encode()


def test_json_is_valid_ascii_without_control_characters(made: Made) -> None:
    text = (made.run / "run.json").read_text("utf-8")
    assert text.isascii()
    assert CONTROLS.findall(text) == []
    assert json.loads(text)["data"]["target"] == TARGET


@pytest.mark.parametrize("width", [400, 1280])
def test_a_report_runs_nothing_and_stays_readable(browser: webdriver.Chrome, made: Made, width: int) -> None:
    page = (made.run / "report.html").read_text("utf-8")
    unguarded = made.run.parent / "unguarded.html"  # what is escaped is harmless without the policy too
    unguarded.write_text(page.replace('http-equiv="Content-Security-Policy"', "", 1), "utf-8")
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get_log("browser")
    browser.get(unguarded.as_uri())
    WebDriverWait(browser, 60).until(lambda driver: ask(driver, "document.documentElement.dataset.drawn === 'yes'"))
    assert ask(browser, "window.harmed") is None
    assert ask(browser, "document.querySelectorAll('img, [onload], svg b, a[href^=http]').length") == 0
    assert browser.get_log("browser") == []
    assert ask(browser, "getComputedStyle(document.body).display") == "block"
    browser.execute_script("document.querySelectorAll('details').forEach((box) => { box.open = true; })")
    assert ask(browser, "document.documentElement.scrollWidth") <= width
    assert ask(browser, "document.documentElement.scrollHeight") < 40_000
    tallest = (
        "Math.max(...[...document.querySelectorAll('h1, h2, h3, th, td, dt, dd, li, p')].map((b) => b.offsetHeight))"
    )
    assert ask(browser, tallest) < 1_500
    assert CONTROLS.findall(re.sub(r"(?s)<script.*?</script>", "", page)) == []


@pytest.mark.parametrize("text", [*HARMFUL, LONG], ids=range(len(HARMFUL) + 1))
def test_refusals_are_a_line_that_acts_on_nothing(csv: Path, trained: Path, tmp_path: Path, text: str) -> None:
    named = filed(text)[:200]
    for arguments in (
        ("fit", csv, "--target", text),
        ("fit", csv, "--target", "left", "--recipe", text),
        ("fit", csv, "--target", "left", "--time", text),
        ("fit", tmp_path / f"{named}.csv", "--target", "left"),
        ("diagnose", csv, "--target", "left", "--fail-on", text),
        ("predict", trained, csv, "-o", tmp_path / named),
        ("predict", tmp_path / named, csv),
        ("augment", "table", csv, tmp_path / "out", "--with", text, "--target", "left"),
        (text,),
    ):
        done = goodfit(*arguments)
        assert_refused(done)
        assert CONTROLS.findall(done.err) == []
        assert len(done.err) < 3_000


def test_a_log_with_harmful_tags_acts_on_nothing(tmp_path: Path) -> None:
    for place, name in enumerate(HARMFUL):
        folder = tmp_path / f"logs {place}" / filed(name)
        folder.mkdir(parents=True)
        content = scalar_file(f"val_loss{name}", [(step, 1.0 / step) for step in range(1, 30)])
        (folder / f"events.out.tfevents.{place}").write_bytes(content)
        done = goodfit("diagnose", folder.parent)
        assert done.status in (0, 2), done.err
        assert CONTROLS.findall(done.out + done.err) == []


def test_files_whose_names_are_no_text_are_predicted_and_written(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for place, name in enumerate((b"\xe9t\xe9", b"\xff\x1b[2J", *(b"%d" % number for number in range(30)))):
        for shade, label in ((0, "dark"), (160, "light")):
            (tmp_path / "all" / label).mkdir(parents=True, exist_ok=True)
            path = tmp_path / "all" / label / "picture.png"
            write_png(path, random.integers(shade, shade + 90, (1, 8, 8)).astype(np.uint8))
            os.rename(path, os.fsencode(path.parent) + b"/" + name + b".png")
        assert place < 40
    assert_done(goodfit("fit", tmp_path / "all", "--recipe", RECIPE, "--out", tmp_path / "run"))
    done = goodfit("predict", tmp_path / "run", tmp_path / "all")
    assert_done(done)
    assert "dark/\\xe9t\\xe9.png" in done.out
    assert_done(goodfit("predict", tmp_path / "run", tmp_path / "all", "--json"))


def test_augmented_rows_hold_no_formula_unless_asked_for(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "=x": random.normal(size=60),
            "@who": random.choice(["=1+1", "-5", "plain"], 60),
            "class": [*(["-yes"] * 8), *(["no"] * 52)],
        }
    )
    frame.write_csv(tmp_path / "rows.csv")
    arguments = ("augment", "table", tmp_path / "rows.csv", tmp_path / "out", "--with", "smote=1", "--target", "class")
    assert_done(goodfit(*arguments))
    made = pl.read_csv(tmp_path / "out" / "augmented.csv")
    assert made.columns == ["'=x", "'@who", "class"]
    assert set(made["class"]) == {"'-yes"}
    assert set(made["'@who"]) <= {"'=1+1", "-5", "plain"}
    assert_done(goodfit(*arguments, "--raw-csv"))
    raw = pl.read_csv(tmp_path / "out" / "augmented.csv")
    assert raw.columns == frame.columns
    assert set(raw["class"]) == {"-yes"}
