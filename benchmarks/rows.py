"""From ten thousand rows to twenty million: seconds and memory of reading, encoding, training and predicting.

    python benchmarks/rows.py [--rows 1e4,1e5,1e6,2e7] [--memory 3GB] [--out rows-run]

Each size is a process of its own on a Parquet file of 30 columns (29 numbers, a text). It reads the table into files,
splits off test rows, encodes, trains one network of one hidden layer of 64 for an epoch on one thread, and predicts all
rows. Where this machine lets it, the process runs in a control group with the memory named, where the kernel ends what
takes more; "own" is the most that it took besides pages of files, which the kernel takes back when it needs them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq

from goodfit.commands.reading import Source, read_source
from goodfit.commands.sizes import read_size
from goodfit.model import PREDICTED
from goodfit.regularizers import Recipe
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.testing import split_test
from goodfit.studies.usual import usual_settings
from goodfit.training import Execution
from goodfit.training import train as train_runs

COLUMNS, AT_ONCE = 30, 1_000_000
GROUPS = Path("/sys/fs/cgroup")
STAGES = ("read", "split", "train", "predict")


def write_table(path: Path, rows: int) -> None:
    """A table of 29 numbers and a text, with two classes that they tell apart in part."""
    random = np.random.default_rng(0)
    slopes = random.normal(size=COLUMNS) / np.sqrt(COLUMNS)
    writer = None
    for start in range(0, rows, AT_ONCE):
        x = random.normal(size=(min(AT_ONCE, rows - start), COLUMNS)).astype(np.float32)
        score = 2 * (x @ slopes + x[:, 0] * x[:, 1] / 2)
        yes = (random.random(len(x)) < 1 / (1 + np.exp(-score))).astype(np.int8)
        text = pa.array(np.array(["north", "south", "east", "west"])[(x[:, -1] > 0) * 2 + (x[:, 0] > 1)])
        table = pa.table({**{f"x{i}": x[:, i] for i in range(COLUMNS - 1)}, "place": text, "yes": yes})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


class Watch:
    """Seconds of each stage, and the most memory that the process took of its own."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.most = 0
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.stages[name] = time.perf_counter() - start

    def _look(self) -> None:
        while True:
            fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            self.most = max(self.most, 1024 * int(fields["RssAnon"].split()[0]))
            time.sleep(0.02)


def measure(path: Path, cache: Path, memory: int) -> dict[str, Any]:
    """One size, in this process."""
    watch = Watch()
    with watch.stage("read"):
        given = read_source(Source(path, "yes", cache=cache, memory=memory))
    with watch.stage("split"):
        train, test = split_test(given.problem, 0.2, 0)
    settings = replace(usual_settings(train), hidden=(64,), max_epochs=1)
    execution = Execution(threads=1)
    with watch.stage("train"):
        fitted = fit(train, [Recipe()], plan=Plan(members=1), settings=settings, execution=execution)
    alone = _epoch(fitted, replace(settings, max_epochs=2), execution)
    with watch.stage("predict"):
        model = model_of(fitted, fitted.best)
        for start in range(0, test.rows, PREDICTED):
            model.predict(test.table.part(slice(start, start + PREDICTED)))
    learned = len(fitted.best.results[0].run.train)
    return {
        "rows": given.problem.rows,
        "stages": watch.stages,
        "own": watch.most,
        "rows_a_second": learned / alone,
        "predicted_a_second": test.rows / watch.stages["predict"],
        "in_files": bool(given.notes),
    }


def _epoch(fitted: Any, settings: Any, execution: Execution) -> float:
    """Seconds of an epoch of the network once more, its data being there: the second of two."""
    moments: list[float] = []
    run = fitted.best.results[0].run
    train_runs(
        fitted.prepared.data,
        [run],
        settings,
        execution=execution,
        on_epoch=lambda _: moments.append(time.perf_counter()),
    )
    return moments[1] - moments[0]


def limited(command: list[str], memory: int) -> tuple[str, bool]:
    """Run a command in a control group of so much memory, where one can be made; its output, and whether it was."""
    group = GROUPS / "memory" / "goodfit-rows" if (GROUPS / "memory").is_dir() else GROUPS / "goodfit-rows"
    limit = "memory.limit_in_bytes" if (GROUPS / "memory").is_dir() else "memory.max"
    held = False
    with suppress(OSError):
        group.mkdir(exist_ok=True)
        (group / limit).write_text(str(memory))
        held = True
    enter = f'echo $$ > {group}/cgroup.procs && exec "$@"' if held else 'exec "$@"'
    try:
        done = subprocess.run(["sh", "-c", enter, "sh", *command], capture_output=True, text=True, check=False)
    finally:
        with suppress(OSError):
            group.rmdir()
    if done.returncode:
        sys.exit(f"ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout, held


def show(found: list[dict[str, Any]], memory: int, out: Path) -> None:
    """The table, and the plot."""
    held = "held to it by the kernel" if all(one["held"] for one in found) else "not held to it by the kernel"
    print(f"\n30 columns, memory {memory / 1e9:.1f} GB, {held}; seconds, GB, rows a second on one thread")
    stages = " ".join(f"{stage:>8}" for stage in STAGES)
    print(f"{'rows':>11} {stages} {'own GB':>8} {'trained/s':>11} {'predicted/s':>12}")
    for one in found:
        seconds = " ".join(f"{one['stages'][stage]:8.2f}" for stage in STAGES)
        speeds = f"{one['rows_a_second']:11,.0f} {one['predicted_a_second']:12,.0f}"
        print(f"{one['rows']:11,} {seconds} {one['own'] / 1e9:8.2f} {speeds}")
    figure = go.Figure(
        [go.Scatter(x=[o["rows"] for o in found], y=[o["stages"][s] for o in found], name=s) for s in STAGES]
    )
    figure.update_xaxes(type="log", title="rows").update_yaxes(type="log", title="seconds")
    figure.write_html(out / "rows.html", include_plotlyjs=True)
    print(f"plot: {out / 'rows.html'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="1e4,1e5,1e6,2e7")
    parser.add_argument("--memory", default="3GB")
    parser.add_argument("--out", type=Path, default=Path("rows-run"))
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    memory = read_size(asked.memory)
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.one:
        print(json.dumps(measure(asked.one, asked.out / "cache", memory // 3)))
        return
    found = []
    for rows in (int(float(text)) for text in asked.rows.split(",")):
        table = asked.out / f"{rows}.parquet"
        if not table.exists():
            write_table(table, rows)
        command = [sys.executable, __file__, "--one", str(table), "--memory", asked.memory, "--out", str(asked.out)]
        output, held = limited(command, memory)
        found.append(json.loads(output.splitlines()[-1]) | {"held": held})
        (asked.out / "rows.json").write_text(json.dumps(found, indent=1))
        show(found, memory, asked.out)


if __name__ == "__main__":
    main()
