"""A population of networks by goodfit, by others, and by the products alone: microseconds a step, in one run.

All train perceptrons with two hidden layers on 8,000 rows of 30 numbers with a binary target, in batches of 256, by
AdamW with decoupled decay 0.01 and dropout 0.1 on inputs, 0.2 on hidden units; each member has its own order of rows.
The unit is the wall time of training all members, divided by members and by steps. Rivals that train one network after
another train fewer members: it makes no difference to a step. goodfit's figures include the loss on 2,048 rows after
each epoch, but for "steps alone"; the rivals measure nothing. The floor is what the matrix products of a step take by
themselves.

    python benchmarks/population.py [--members 32] [--widths 64 128 256] [--repeats 3] [--quality] [--json FILE]
    python benchmarks/population.py --device cuda

Each repeat runs everything once. Printed are the median over repeats and, in brackets, the least and the most. The
machine should have nothing else to do: engines whose threads wait for each other many times a step suffer most.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from contest import EPOCHS, Contest, Entry, make_data, ours, print_table, recipe_of, spread
from processes import Processes
from rivals import BATCH, INPUTS, ROWS, Task, batched, lean, ordinary, peak, products, timed, vmapped

from goodfit.regularizers import EarlyStopping
from goodfit.training import Execution, Run, Settings, train
from goodfit.training.native import load_library, multiplies_bf16

HELD = 1600
LONGER = 8
"""Epochs of whoever is too fast for two at 64 wide: a timing should last a third of a second."""

USERS = "what users write"
FAIR = "lean loop, a process of one thread per core (the fair rival)"
PLAIN = "the fair rival, no dropout"
FLOOR = "floor: float32 matrix products alone"
Figures = dict[str, object]


def contestants(members: int, processes: Processes) -> list[Entry]:
    everyone = Task(members, EPOCHS)
    return [
        Entry(USERS, partial(timed, ordinary), Task(2, EPOCHS)),
        Entry("lean loop", partial(timed, lean), Task(4, EPOCHS)),
        Entry(FAIR, partial(processes.timed, lean), everyone),
        Entry(PLAIN, partial(processes.timed, lean), Task(members, EPOCHS, dropout=False)),
        Entry(f"torch.func vmap of grad, {members} members", partial(timed, vmapped), everyone),
        Entry(f"baddbmm and autograd, {members} members", partial(timed, batched), everyone),
        Entry("goodfit portable", partial(ours, engine="portable"), everyone, (FAIR, USERS)),
        *(compiled(members) if load_library() else []),
        Entry(FLOOR, partial(processes.timed, products), Task(members, LONGER)),
    ]


def compiled(members: int) -> list[Entry]:
    longer = Task(members, LONGER)
    entries = []
    for precision in ("float32", "bfloat16") if multiplies_bf16() else ("float32",):
        name, run = f"goodfit compiled {precision}", partial(ours, precision=precision)
        entries.append(Entry(name, run, longer, (FAIR, USERS)))
        entries.append(Entry(f"{name}, steps alone", partial(run, measures=False), longer, (FAIR, USERS)))
    return [
        *entries,
        Entry("goodfit compiled, no dropout", ours, Task(members, LONGER, dropout=False), (PLAIN,)),
        Entry(
            "goodfit compiled, batch norm", ours, Task(members, LONGER, batch_norm=True), ("goodfit compiled float32",)
        ),
    ]


def main_table(members: int, widths: Sequence[int], repeats: int) -> Figures:
    with Processes(torch.get_num_threads()) as processes:
        contest = Contest(contestants(members, processes), widths)
        contest.warm()
        best = peak()
        for repeat in range(repeats):
            best = max(best, peak())
            contest.round(f"repeat {repeat + 1} of {repeats}")
    print_speeds(contest)
    print(f"\nmost measured with large products: {best / 1e9:.0f} GFLOP/s in float32 over all threads")
    shares = {
        (entry.name, width): Task(1, 1, width).work
        / (1e-6 * statistics.median(contest.microseconds(entry.name, width)) * best)
        for entry in contest.entries
        for width in widths
    }
    cells = [(e.name, [f"{100 * shares[e.name, width]:.0f} %" for width in widths]) for e in contest.entries]
    print_table("share of it that the products of a step reach, by width", widths, cells)
    return {"gflops": best / 1e9, "shares": dump(shares), **figures(contest)}


def print_speeds(contest: Contest) -> None:
    names, widths = [entry.name for entry in contest.entries], contest.widths
    cells = [(name, [spread(contest.microseconds(name, width)) for width in widths]) for name in names]
    print_table("microseconds a step of one member, by width", widths, cells)
    for rival in names:
        cells = [
            (entry.name, [spread(contest.ratios(rival, entry.name, width), 2) for width in widths])
            for entry in contest.entries
            if rival in entry.rivals
        ]
        if cells:
            print_table(f"times faster than {rival}, by width", widths, cells)
    cells = [
        (name, [f"{contest.loss(name, width):.3f}" for width in widths])
        for name in names
        if not math.isnan(contest.loss(name, widths[0]))
    ]
    print_table(f"mean training loss after {EPOCHS} epochs, by width", widths, cells)


def figures(contest: Contest) -> Figures:
    keys = contest.trials
    losses = {key: contest.loss(*key) for key in keys}
    return {
        "microseconds": dump({key: contest.microseconds(*key) for key in keys}),
        "losses": dump({key: None if math.isnan(loss) else loss for key, loss in losses.items()}),
    }


def dump(values: Mapping[tuple[str, int], object]) -> Figures:
    return {f"{name}, width {width}": value for (name, width), value in values.items()}


def compaction(members: int, repeats: int, epochs: int = 40, width: int = 128) -> Figures:
    """Half of the members stop after a tenth of the epochs: no improvement is large enough for them."""
    everything, data = torch.arange(ROWS).numpy(), make_data()
    settings = Settings(hidden=(width, width), max_epochs=epochs)
    recipe = recipe_of(Task(members, epochs))
    halting = recipe + EarlyStopping(patience=epochs // 10 - 1, min_delta=1e9)
    seconds: dict[str, list[float]] = {"all": [], "half": []}
    for _ in range(repeats):
        for name, other in (("all", recipe), ("half", halting)):
            recipes = [recipe, other] * (members // 2)
            runs = [Run(own, seed, everything[HELD:], everything[:HELD]) for seed, own in enumerate(recipes)]
            start = time.perf_counter()
            results = train(data, runs, settings)
            seconds[name].append(time.perf_counter() - start)
    ratios = [half / whole for half, whole in zip(seconds["half"], seconds["all"], strict=True)]
    trained = sorted({result.epochs for result in results})
    share = sum(result.epochs for result in results) / (epochs * len(results))
    print(
        f"\nhalf of {members} members, {width} wide, stop after {trained[0]} of {trained[-1]} epochs: time ratio "
        f"{spread(ratios, 2)}, share of the steps {share:.2f}"
    )
    return {"seconds": seconds, "share_of_steps": share}


def quality(variants: Mapping[str, tuple[Execution, str]], seeds: int, epochs: int = 10, width: int = 64) -> Figures:
    """Held-out losses of the same members by each variant; the first is the reference."""
    everything, data = torch.arange(ROWS).numpy(), make_data()
    recipe = recipe_of(Task(seeds, epochs))
    runs = [Run(recipe, seed, everything[HELD:], everything[:HELD]) for seed in range(seeds)]
    losses: dict[str, list[float]] = {}
    for name, (execution, precision) in variants.items():
        settings = Settings(hidden=(width, width), max_epochs=epochs, precision=precision)
        results = train(data, runs, settings, execution=execution)
        losses[name] = [float(result.history.validation[-1]) for result in results]
    reference = np.array(next(iter(losses.values())))
    cells = []
    for name, values in losses.items():
        apart = np.array(values) - reference
        pairs = ((np.mean(values), np.std(values, ddof=1)), (apart.mean(), apart.std(ddof=1)))
        cells.append((name, [f"{mean:.6f} (sd {deviation:.6f})" for mean, deviation in pairs]))
    title = f"held-out loss of {seeds} seeds on {HELD:,} rows, {width} wide, {epochs} epochs"
    print_table(title, ["mean over seeds", f"paired, less {next(iter(losses))}"], cells)
    return {"held_out": losses}


def variants_of(device: str) -> dict[str, tuple[Execution, str]]:
    portable = Execution(engine="portable")
    if device != "cpu":
        there = Execution(device=device, engine="portable")
        return {"portable on the CPU": (portable, "float32"), f"portable on {device}": (there, "float32")}
    native = Execution(engine="compiled")
    variants = {"portable": (portable, "float32")}
    if load_library():
        variants["compiled"] = (native, "float32")
        if multiplies_bf16():
            variants["compiled bfloat16"] = (native, "bfloat16")
    return variants


def on_device(device: str, populations: Sequence[int], repeats: int, epochs: int = LONGER) -> Figures:
    """Populations of 64 wide on a GPU, against one by one on the same GPU."""
    width, rivals = 64, (USERS, "lean loop")
    names = {members: f"goodfit, {members} member{'s' * (members > 1)}" for members in populations}
    entries = [
        Entry(name, partial(timed, run), Task(2, EPOCHS, device=device))
        for name, run in zip(rivals, (ordinary, lean), strict=True)
    ]
    for members, name in names.items():
        entries.append(Entry(name, partial(ours, engine="portable"), Task(members, epochs, device=device), rivals))
    contest = Contest(entries, [width])
    contest.warm()
    for repeat in range(repeats):
        contest.round(f"repeat {repeat + 1} of {repeats}")
    print_speeds(contest)
    memory = {entry.name: max(trial.memory for trial in contest.of(entry.name, width)) for entry in entries}
    cells = [(name, [f"{size / 2**20:.0f}"]) for name, size in memory.items()]
    print_table("peak memory of the GPU, MiB (its allocations of before included)", [width], cells)
    one, *several = populations
    print()
    alone = [trial.seconds for trial in contest.of(names[one], width)]
    for members in several:
        together = [trial.seconds for trial in contest.of(names[members], width)]
        times = [b / a for a, b in zip(alone, together, strict=True)]
        print(f"time of {members} members against one: {spread(times, 2)}")
    return {**figures(contest), "memory": memory}


def machine() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=32)
    parser.add_argument("--widths", type=int, nargs="+", default=[64, 128, 256])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--device", default="cpu", help="another than cpu: populations there, against one by one")
    parser.add_argument("--quality", action="store_true", help="held-out losses of all engines too")
    parser.add_argument("--only", choices=["table", "compaction", "quality"], help="this section alone")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--smoke", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error(f"torch sees no GPU here, so nothing can be measured on {args.device}")
    return args


def sections(args: argparse.Namespace) -> Figures:
    """Those asked for; a smoke run makes them small and takes the GPU's on whichever device."""
    done: Figures = {}
    repeats = 1 if args.smoke else args.repeats
    if args.device == "cpu":
        wanted = {args.only} if args.only else {"table", "compaction"} | ({"quality"} if args.quality else set())
    else:
        wanted = {"quality"}
    if "table" in wanted:
        members, widths = (4, [64]) if args.smoke else (args.members, args.widths)
        done["table"] = main_table(members, widths, repeats)
    if "compaction" in wanted:
        done["compaction"] = compaction(4 if args.smoke else args.members, min(repeats, 3))
    if args.device != "cpu" or args.smoke:
        populations, epochs = ((1, 4, 8), EPOCHS) if args.smoke else ((1, 32, 256, 1024), LONGER)
        done["device"] = on_device(args.device, populations, repeats, epochs)
    if "quality" in wanted:
        done["quality"] = quality(variants_of(args.device), *((3, 1) if args.smoke else (24,)))
    return done


def main() -> None:
    args = arguments()
    where = torch.cuda.get_device_name(args.device) if args.device.startswith("cuda") else machine()
    threads = torch.get_num_threads()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else math.nan
    print(f"{where}, {threads} threads, load before {load:.1f}, torch {torch.__version__}")
    print(f"perceptrons with two hidden layers, {ROWS:,} rows of {INPUTS} numbers, batches of {BATCH}")
    done = sections(args)
    if args.json:
        about = {"machine": where, "threads": threads, "load": load, "torch": torch.__version__}
        args.json.write_text(json.dumps({**about, **done}, indent=1))


if __name__ == "__main__":
    main()
