"""goodfit beside what people use instead, on tables: the same folds, the same two cores, the same budget a fit.

    python benchmarks/peers.py [--data FOLDER] [--budget 60] [--folds 5] [--only goodfit,catboost] [--tables churn,ames]
                               [--fold 0,1] [--out FOLDER] [--report] [--again] [--disturbed]

Tables are the parquet files of a folder, whose column `target` is predicted (more than 20 numbers: a quantity); without
the folder, scikit-learn's own. Peers: logistic or ridge regression, scikit-learn's MLP, random forest and histogram
boosting; XGBoost, LightGBM and CatBoost, as they come and tuned; RealMLP-TD and TabM of pytabkit. Those whose package
isn't installed are left out and named; `pip install -e ".[peers]"` brings all.

Every fit has a process of its own, bound to two cores and two threads; the clock starts when packages are loaded. What
takes longer than three times the budget is ended and counts as failed, which ranks last. Results go to
FOLDER/results.jsonl, a line a fit; the same command goes on where it stopped, `--again` repeats what was chosen,
`--report` only prints. With ten tables and five folds all peers take about six hours at 60 seconds. The machine must be
idle: threads that wait for a busy core slow some libraries tenfold. How many fits other programs disturbed is said, and
`--disturbed` repeats these. `make bench-peers PEERS="--budget 10"` installs all that is needed and does the same.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

import peers_records
import psutil
from peers_figure import write_page
from peers_fit import PATIENCE, Job
from peers_models import PEERS, SHORT
from peers_ranks import standings
from peers_records import Key, Record
from peers_report import print_report
from peers_tables import names_of
from peers_task import THREADS

HERE = Path(__file__).resolve().parent
TABLES = HERE.parents[1] / "shared" / "data"


def plan(tables: Sequence[str], peers: Sequence[str], folds: Iterable[int], given: argparse.Namespace) -> list[Job]:
    """Fold by fold, so that what is there early says something of every table and peer."""
    return [
        Job(table, given.folds, fold, peer, given.budget)
        for fold in folds
        for table in tables
        for peer in peers
        if not (peer == "goodfit_10s" and given.budget <= SHORT)
    ]


def carried_out(job: Job, folder: Path | None, workplace: Path) -> Record:
    """The record of a fit in a process of its own, with the processors that other programs took meanwhile."""
    command = [sys.executable, str(HERE / "peers_fit.py"), json.dumps([asdict(job), folder and str(folder)])]
    limits = {"OMP_NUM_THREADS": str(THREADS), "LOKY_MAX_CPU_COUNT": str(THREADS), "CUDA_VISIBLE_DEVICES": ""}
    started, before = time.monotonic(), others()
    done = subprocess.run(
        command, env=os.environ | limits, cwd=workplace, capture_output=True, text=True, errors="replace", check=False
    )
    seconds = time.monotonic() - started
    elsewhere = {"elsewhere": round((others() - before) / seconds, 3)}
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1]) | elsewhere
    failed = {"kind": None, "scores": None, "seconds": round(seconds, 3), "reason": reason_of(done)}
    return asdict(job) | failed | elsewhere


def reason_of(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode == -signal.SIGALRM:
        return f"ended after {PATIENCE} times its budget"
    return (done.stderr.strip() or f"ended by signal {-done.returncode}").splitlines()[-1]


def others() -> float:
    """Seconds of the machine's processors that went to anything but the fits so far."""
    times, fits = psutil.cpu_times(), resource.getrusage(resource.RUSAGE_CHILDREN)
    return times.user + times.nice + times.system - fits.ru_utime - fits.ru_stime


def run(jobs: Sequence[Job], known: Container[Key], folder: Path | None, out: Path) -> None:
    """Carry out what isn't known yet, and append each record."""
    out.mkdir(parents=True, exist_ok=True)
    (out / ".gitignore").write_text("*\n", encoding="utf-8")
    left = [job for job in jobs if job.key not in known]
    for place, job in enumerate(left, 1):
        record = carried_out(job, folder, out)
        peers_records.append(out / "results.jsonl", record)
        said = json.dumps(_rounded(record["scores"])) if record["scores"] else f"failed: {record['reason']}"
        seconds = f"{record['seconds']:.1f} s"
        print(f"{place} of {len(left)}", job.table, job.fold, job.peer, seconds, said, sep="  ", flush=True)


def available(names: Iterable[str]) -> list[str]:
    """The peers whose packages are installed; the others are named once."""
    lacking = {name: PEERS[name].lacking for name in names}
    for name, package in lacking.items():
        if package:
            print(f"{PEERS[name].title} is left out: {package} isn't installed", file=sys.stderr)
    return [name for name, package in lacking.items() if package is None]


def _rounded(scores: dict[str, float | None]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in scores.items() if value is not None}


def _names(text: str) -> list[str]:
    return [name for name in text.replace(",", " ").split() if name]


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=TABLES if TABLES.is_dir() else None)
    parser.add_argument("--budget", type=float, default=60.0, help="seconds a fit")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--fold", type=_names, help="some of the folds, such as 0,1; all by default")
    parser.add_argument("--only", type=_names, default=list(PEERS), help=f"some of {', '.join(PEERS)}")
    parser.add_argument("--tables", type=_names, help="some of the tables; all by default")
    parser.add_argument("--out", type=Path, default=Path("peer-runs"))
    parser.add_argument("--report", action="store_true", help="print from what is there")
    parser.add_argument("--again", action="store_true", help="repeat what has a record")
    parser.add_argument("--disturbed", action="store_true", help="repeat what ran while other programs did too")
    given = parser.parse_args(arguments)
    given.data = given.data and given.data.resolve()
    known = names_of(given.data)
    if not known:
        parser.error(f"{given.data} holds no parquet file: give a folder that does by --data")
    for name in {*given.only} - {*PEERS}:
        parser.error(f"there is no peer {name}: give some of {', '.join(PEERS)}")
    for name in {*(given.tables or known)} - {*known}:
        parser.error(f"there is no table {name}: give some of {', '.join(known)}")
    given.tables = given.tables or known
    given.fold = range(given.folds) if given.fold is None else [int(fold) for fold in given.fold]
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    given = _parsed(arguments)
    if not given.report:
        records = {} if given.again else peers_records.read(given.out / "results.jsonl")
        known = {key for key, record in records.items() if not (given.disturbed and peers_records.disturbed(record))}
        run(plan(given.tables, available(given.only), given.fold, given), known, given.data, given.out.resolve())
    report(given)


def report(given: argparse.Namespace) -> None:
    """Print and draw what there is of the chosen peers and tables."""
    every = peers_records.read(given.out / "results.jsonl").values()
    records = peers_records.chosen(every, budget=given.budget, folds=given.folds, peers=given.only)
    records = [record for record in records if record["table"] in given.tables]
    found = standings(records, [name for name in PEERS if name in {record["peer"] for record in records}])
    print_report(found, given.budget)
    if hindered := sum(map(peers_records.disturbed, records)):
        print(f"\n{hindered} of {len(records)} fits ran while other programs took processors: --disturbed repeats them")
    if without := {record["table"] for record in records} - {standing.table for standing in found}:
        print(f"\nleft out, as no fold has a record of every peer: {', '.join(sorted(without))}")
    if found:
        write_page(found, given.budget, given.out / "report.html")
        print(f"\n{given.out / 'report.html'}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on from here")
