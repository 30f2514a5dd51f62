"""How much goodfit stands: kills, full disks, damaged files, many fits in one process, threads.

    python benchmarks/endurance.py [--only kills,searches,disk,damage,growth,threads] [--times 1.0] [--work FOLDER]

kills     `goodfit fit` of one recipe, killed at 100 random moments; all files compared with an undisturbed run's
searches  a search within 8 s, killed at 40 random moments; batches compared, and which were trained again
disk      fits on a disk (tmpfs) with so many bytes free, drawn at random; needs the right to mount one
damage    10,000 model files: bits flipped, cut off, headers that lie
growth    500 fits in one process: slopes of memory, open files and threads
threads   one population with 1 and 2 threads, by both engines, each way twice in fresh processes

`--times 0.1` does a tenth of it. Exit status 1 where something was wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import endurance_damage
import endurance_growth
import endurance_kills
from endurance_kills import files_of, life, make_table, timeless


def kills(work: Path, times: float) -> list[str]:
    return said(endurance_kills.kill_fits(work, max(1, round(100 * times))))


def searches(work: Path, times: float) -> list[str]:
    return said(endurance_kills.kill_searches(work, max(1, round(40 * times))))


def said(tally: endurance_kills.Tally) -> list[str]:
    print(f"  {tally.kills} kills, {tally.completions} runs gone on with to their end")
    for found, count in tally.found.most_common():
        print(f"  {count:5} {found}")
    if tally.again:
        print(f"  {tally.again:5} batches in flight that were lost")
    return tally.wrong


def disk(work: Path, times: float) -> list[str]:
    """Refused while there is too little space, and gone on with once there is: the same files come of it."""
    folder, csv, draw, wrong = work / "disk", make_table(work / "table.csv"), random.Random(0), list[str]()
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("  no right to mount a small disk here")
        return []
    try:
        run, filler, refused = folder / "run", folder / "filler", Counter[str]()
        command = ["fit", str(csv), "--target", "left", "--recipe", "l2=0.001, early_stopping=5", "--out", str(run)]
        life(command, None)
        expected, size = timeless(files_of(run)), sum(map(len, files_of(run).values()))
        for _ in range(max(1, round(40 * times))):
            shutil.rmtree(run)
            filler.write_bytes(bytes(shutil.disk_usage(folder).free - int(draw.uniform(0, 1.2 * size))))
            status, told = life(command, None)
            refused[f"status {status}"] += 1
            left = [path.name for path in folder.rglob("*.new")]
            if status and (status != 2 or len(told.splitlines()) != 1 or "no space left" not in told or left):
                wrong.append(f"status {status}: {told[-300:]} {left}")
            filler.unlink()
            if status and life(command, None) != (0, ""):
                wrong.append("it didn't go on once there was space")
            if timeless(files_of(run)) != expected:
                wrong.append("it came out differently")
        print(f"  {dict(refused)}")
    finally:
        subprocess.run(["umount", str(folder)], check=False)
    return wrong


def damage(work: Path, times: float) -> list[str]:
    found, wrong = endurance_damage.tally(work, max(200, round(10_000 * times)))
    kinds = sorted({kind for kind, _ in found})
    outcomes = sorted({outcome for _, outcome in found})
    print(f"  {found.total()} files    " + "".join(f"{outcome:>12}" for outcome in outcomes))
    for kind in kinds:
        print(f"  {kind:26}" + "".join(f"{found[kind, outcome]:12}" for outcome in outcomes))
    return wrong


def growth(work: Path, times: float) -> list[str]:
    fits = max(20, round(500 * times))
    found = endurance_growth.growth(fits)
    print(f"  {fits} fits, the first fifth left out")
    for each in found:
        ends = f"{each.first:,.0f} at first, {each.last:,.0f} at last"
        print(f"  {each.name:24} {each.slope:+9.4f} ± {each.error:.4f} a fit; {ends}")
    return [f"{each.name} grows" for each in found if each.grows]


def threads(work: Path, times: float) -> list[str]:
    wrong = []
    for engine in ("compiled", "portable"):
        found = endurance_growth.compare_threads(engine)
        largest = f"largest difference of a weight {found['largest']:.1e}"
        alike = "bit for bit" if found["equal"] else largest
        print(f"  {engine:9} the same again: {found['again']}; with 1 and 2 threads: {alike}")
        if not found["again"] or (engine == "compiled" and not found["equal"]):
            wrong.append(f"{engine}: threads change what comes of a fit")
    return wrong


SECTIONS: dict[str, Callable[[Path, float], list[str]]] = {
    "kills": kills,
    "searches": searches,
    "disk": disk,
    "damage": damage,
    "growth": growth,
    "threads": threads,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--times", type=float, default=1.0)
    parser.add_argument("--work", type=Path, default=None)
    given = parser.parse_args()
    wrong: list[str] = []
    for name in given.only.split(","):
        place = tempfile.TemporaryDirectory() if given.work is None else contextlib.nullcontext(str(given.work))
        with place as folder:
            started = time.monotonic()
            print(f"{name}:", flush=True)
            own = SECTIONS[name](Path(folder), given.times)
            print(f"  wrong: {len(own)}, {time.monotonic() - started:.0f} s", *own[:20], sep="\n    ", flush=True)
            wrong += own
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
