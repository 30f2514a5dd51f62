"""`goodfit fit` killed at random moments (kill -9) and started again with the same command, until it is done.

The moments are uniform over the whole life of the process, its start and its writing included. Training saves its state
after every epoch here, and not every five seconds, so that most kills find something to go on from.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

STATE, MODEL, SUMMARY, LOCK = "unfinished.safetensors", "model.safetensors", "run.json", ".lock"
MADE = re.compile(rb'\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([+]00:00)?|"sha256": "[0-9a-f]{64}"')
DRIVER = """
import json, os, sys
from goodfit import start
from goodfit.training import checkpoint
checkpoint.Checkpoint.__init__.__defaults__ = (0.0, *checkpoint.Checkpoint.__init__.__defaults__[1:])
if log := os.environ.get("BATCHES_BEGUN"):
    from goodfit.studies.searching import search
    train_batch = search.train_batch
    def noted(prepared, splits, proposals, *args, **named):
        with open(log, "a") as file:
            file.write(json.dumps([p.number for p in proposals]) + "\\n")
        return train_batch(prepared, splits, proposals, *args, **named)
    search.train_batch = noted
start.main()
"""
"""The program, with its state saved after every epoch, and a note of each batch of a search that is begun."""


@dataclass
class Tally:
    """What was seen.

    Args:
        kills: that came before the process had ended by itself.
        found: what lay in the folder after each.
        wrong: what should not have been, a line each.
        again: batches of a search that were begun and not kept.
    """

    kills: int = 0
    completions: int = 0
    found: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    again: int = 0


def make_table(path: Path, rows: int = 300) -> Path:
    """Numbers with gaps, a category, a target of two classes."""
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, rows))
    gaps = pl.Series(draw.random(rows) < 0.1)
    frame = pl.DataFrame(
        {
            "a": pl.Series(a).set(gaps, None),
            "b": b,
            "town": draw.choice(["Bath", "York", "Leeds"], rows),
            "left": np.where(a + 0.5 * b + draw.normal(size=rows) > 0, "yes", "no"),
        }
    )
    frame.write_csv(path)
    return path


def begin(arguments: list[str], **environment: str) -> subprocess.Popen[str]:
    """The program, with one thread."""
    own = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen([sys.executable, "-c", DRIVER, *arguments], stdout=-1, stderr=-1, text=True, env=own)


def life(arguments: list[str], until: float | None, **environment: str) -> tuple[int, str]:
    """Run to the end, or until it is killed after so many seconds: exit status and standard error."""
    process = begin(arguments, **environment)
    try:
        _, told = process.communicate(timeout=until)
    except subprocess.TimeoutExpired:
        process.kill()
        _, told = process.communicate()
    return process.returncode, told


def files_of(folder: Path) -> dict[str, bytes]:
    """The run's files."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} if folder.is_dir() else {}


def timeless(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same without when the run was made, and the checksum over that."""
    return {name: MADE.sub(b"", content) if name != MODEL else content for name, content in files.items()}


def state_of(folder: Path) -> str:
    """How far a killed run had come, by what it left."""
    names = set(files_of(folder))
    drafts = any(name.startswith(".") and name.endswith(".new") for name in names)
    if drafts or (STATE in names and SUMMARY in names):
        return "while the run folder was written"
    if STATE in names:
        return "in training, with a state"
    batches = list((folder / "search").glob("batch-*")) if (folder / "search").is_dir() else []
    if batches:
        return "in a search, with batches"
    if SUMMARY in names:
        return "after all was written"
    return "locked, nothing kept yet" if LOCK in names or (folder / "search").is_dir() else "before anything"


def kill_fits(work: Path, kills: int, seed: int = 0, *, most_in_a_row: int = 4) -> Tally:
    """Kill the fit of one recipe; each folder is then gone on with until it is done, and compared byte for byte."""
    draw, tally = random.Random(seed), Tally()
    csv, calm = make_table(work / "table.csv"), work / "calm"
    command = ["fit", str(csv), "--target", "left", "--recipe", "l2=0.001, dropout=0.2, early_stopping=30"]
    begun = time.monotonic()
    status, told = life([*command, "--out", str(calm)], None)
    seconds, expected = time.monotonic() - begun, timeless(files_of(calm))
    if status or told:
        tally.wrong.append(f"the undisturbed run: status {status}, {told[-300:]}")
        return tally
    while tally.kills < kills:
        run = work / "run"
        shutil.rmtree(run, ignore_errors=True)
        for _ in range(draw.randint(1, most_in_a_row)):
            if tally.kills < kills:
                _struck([*command, "--out", str(run)], run, draw.uniform(0, seconds), tally)
        begun = time.monotonic()
        status, told = life([*command, "--out", str(run)], None)
        seconds = 0.8 * seconds + 0.2 * (time.monotonic() - begun)  # other programs come and go
        tally.completions += 1
        if status or told:
            tally.wrong.append(f"gone on with: status {status}, {told[-300:]}")
        elif timeless(files_of(run)) != expected:
            other = [name for name in expected if timeless(files_of(run)).get(name) != expected[name]]
            tally.wrong.append(f"differs from the undisturbed run: {other or sorted(files_of(run))}")
    return tally


def _struck(arguments: list[str], run: Path, moment: float, tally: Tally, **environment: str) -> bool:
    """A life that is killed at a moment; whether it ended by itself before."""
    status, told = life(arguments, moment, **environment)
    if status != -signal.SIGKILL:
        if status or told:
            tally.wrong.append(f"before its kill: status {status}, {told[-300:]}")
        return True
    tally.kills += 1
    tally.found[state_of(run)] += 1
    if told:
        tally.wrong.append(f"a killed process said: {told[-300:]}")
    return False


def kill_searches(work: Path, kills: int, seed: int = 0, budget: float = 8.0) -> Tally:
    """Kill a search within a budget. What a batch's file holds is compared byte for byte after each life; a batch that
    is kept is never trained again, and of a life that is killed at most one, the batch in flight, is lost."""
    draw, tally = random.Random(seed), Tally()
    csv, run, log = make_table(work / "table.csv"), work / "run", work / "begun.jsonl"
    command = ["fit", str(csv), "--target", "left", "--recipe", "l2=off|1e-5..0.1, dropout=0..0.4, early_stopping=3"]
    arguments = [*command, "--budget", f"{budget}s", "--out", str(run)]
    started = time.monotonic()
    status, told = life(arguments, None)
    seconds = time.monotonic() - started
    if status or told:
        tally.wrong.append(f"the undisturbed search: status {status}, {told[-300:]}")
        return tally
    while tally.kills < kills:
        shutil.rmtree(run, ignore_errors=True)
        kept: dict[str, bytes] = {}
        for _ in range(draw.randint(1, 3)):
            if tally.kills < kills:
                log.write_text("")
                written = files_of(run).get(SUMMARY)
                over = _struck(arguments, run, draw.uniform(0, seconds), tally, BATCHES_BEGUN=str(log))
                over |= files_of(run).get(SUMMARY) != written  # killed after all was written, its batches cleared away
                kept = _compared(run, kept, log, tally, over=over)
        log.write_text("")
        status, told = life(arguments, None, BATCHES_BEGUN=str(log))
        tally.completions += 1
        if status or told:
            tally.wrong.append(f"gone on with: status {status}, {told[-300:]}")
            continue
        begun = _begun(log)
        expected = sum(map(len, begun)) + len(_numbers(kept))
        found = json.loads((run / SUMMARY).read_text())["search"]["trials"]["all"]
        if found != expected:
            tally.wrong.append(f"{found} trials at the end, not the {expected} that were kept and trained")
        if {number for batch in begun for number in batch} & _numbers(kept):
            tally.wrong.append("a batch that was kept was trained again")
    return tally


def _compared(run: Path, kept: dict[str, bytes], log: Path, tally: Tally, *, over: bool) -> dict[str, bytes]:
    """The batches on disk after a life, compared with those before it."""
    now = {path.name: path.read_bytes() for path in (run / "search").glob("batch-*.safetensors")}
    if over:
        return now  # the search was done, and the next life begins another, with what wasn't cleared away
    tally.wrong += [f"{name} was lost or changed" for name in kept if now.get(name) != kept[name]]
    lost = len(_begun(log)) - (len(now) - len(kept))
    tally.again += lost
    if lost > 1:
        tally.wrong.append(f"{lost} batches were lost by one kill")
    return now


def _begun(log: Path) -> list[list[int]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def _numbers(batches: dict[str, bytes]) -> set[int]:
    """The trials in the files of batches."""
    found: set[int] = set()
    for content in batches.values():
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        found |= {trial["number"] for trial in json.loads(header["__metadata__"]["batch"])["trials"]}
    return found
