"""How often each verdict is right: simulated problems whose truth is known, diagnosed, and judged on 5,000 fresh rows.

    python benchmarks/truth.py [--problems 600] [--seed 0] [--workers 2] [--out truth.jsonl]

A problem is drawn at random: its law, rows, label noise, imbalance, and a network that may be far too large, too small,
trained too briefly or stopped too early. What is true of it is measured with the very networks that the diagnosis
trained, on fresh rows: a verdict is right if *these* networks would gain from the change. Prints, for each verdict, how
often it fires by the size of the effect, how often it fires where there is none, and how often each 95 % interval
covers the truth.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

FRESH = 5_000
HEALTHY = 0.01
"""True excess up to which there is nothing to find."""
BANDS = ((0.02, 0.05), (0.05, 0.10), (0.10, 0.30), (0.30, np.inf))


@dataclass(frozen=True)
class Case:
    """A problem and a network, drawn at random."""

    seed: int
    classes: int
    shape: str
    sharpness: float
    label_noise: float
    rarest: float | None
    rows: int
    hidden: tuple[int, ...]
    max_epochs: int
    recipe: str


def draw_case(seed: int, *, rows: Sequence[int] = (200, 500, 1000, 2000, 5000, 20_000)) -> Case:
    """Draw a problem: every second network is wide, unregularized and trained for long; the others are as may be."""
    prone = seed % 2 == 1
    random = np.random.default_rng([seed, 77])
    shares = np.array([0.24, 0.26, 0.24, 0.16, 0.08, 0.02])[: len(rows)]
    count = int(random.choice(rows, p=shares / shares.sum()))
    classes = int(random.choice([0, 2, 2, 2, 3, 5]))
    width = int(random.choice([32, 64] if prone else [2, 4, 16, 64]))
    recipes = (
        "none",
        "none",
        "none",
        "early_stopping=10",
        "early_stopping=1",
        "l2=0.001, early_stopping=10",
        "l2=0.03",
        "dropout=0.3",
    )
    return Case(
        seed=seed,
        classes=classes,
        shape=str(random.choice(["linear", "nonlinear"])),
        sharpness=float(random.choice([1, 2, 4, 8])),
        label_noise=float(random.choice([0, 0, 0.1, 0.2, 0.3])) if classes else 0.0,
        rarest=float(random.choice([0.02, 0.05, 0.1])) if classes == 2 and random.random() < 0.35 else None,
        rows=count,
        hidden=(width,) * int(random.choice([1, 2])),
        max_epochs=int(random.choice([6, 20] if count == 20_000 else [20, 60] if prone else [6, 20, 60, 100])),
        recipe="none" if prone else str(random.choice(recipes)),
    )


def judge(case: Case) -> dict[str, Any]:
    """Diagnose a case and measure what is true of it."""
    from goodfit.examples.known_truth import KnownTruth
    from goodfit.regularizers import Recipe
    from goodfit.studies.diagnosing import diagnose_problem
    from goodfit.studies.fitting import Plan
    from goodfit.studies.problem import read_problem
    from goodfit.studies.subject import Subject
    from goodfit.studies.usual import usual_batch_size
    from goodfit.training import Execution, Settings

    started = time.monotonic()
    law = KnownTruth(
        case.classes,
        case.shape,
        sharpness=case.sharpness,
        label_noise=case.label_noise,
        rarest=case.rarest,
        seed=case.seed,
    )
    task = "multiclass" if case.classes else "regression"
    X, y = law.draw(case.rows, 0)
    if case.classes and np.sort(np.bincount(y, minlength=2))[-2] < 5:
        return {"case": asdict(case), "skipped": "a class with fewer than 5 rows"}
    problem = read_problem(X, y, task=task)
    settings = Settings(hidden=case.hidden, max_epochs=case.max_epochs, batch_size=usual_batch_size(case.rows))
    subject = Subject(Recipe.parse(case.recipe), settings, Plan(seed=case.seed), Execution(threads=1))
    found = diagnose_problem(problem, subject)
    spent = time.monotonic() - started
    truth = measure(found, law, case)
    verdicts = {v.name: {"outcome": v.outcome, "evidence": dict(v.evidence)} for v in found.diagnosis.verdicts}
    return {"case": asdict(case), "truth": truth, "verdicts": verdicts, "seconds": spent}


def measure(found: Any, law: Any, case: Case) -> dict[str, Any]:
    """The true loss of each trial's networks, what recalibration would bring, and what twice the rows would."""
    from goodfit.studies.problem import read_problem

    task = "multiclass" if case.classes else "regression"
    X, y = law.draw(FRESH, 1)
    known = np.isin(y, found.prepared.problem.classes) if case.classes else np.ones(FRESH, bool)
    fresh = read_problem(X[known], y[known], task=task)
    by_row = [fresh_losses(found.prepared, trial.results, fresh) for trial in found.evidence.trials]
    losses = [loss.mean(1) for loss in by_row]
    truth: dict[str, Any] = {
        "kinds": [trial.kind for trial in found.evidence.trials],
        "names": [trial.name for trial in found.evidence.trials],
        "losses": [float(loss.mean()) for loss in losses],
        "errors": [float(np.std((row - by_row[0]).mean(0)) / np.sqrt(fresh.rows)) for row in by_row],
        "sizes": found.sizes.tolist(),
        "growth": found.growth.tolist(),
        "train": [float(np.mean(trial.train_losses)) for trial in found.evidence.trials],
    }
    now, twice = losses[found.grown][:5], twice_the_rows(found, law, case, fresh)
    spread = np.hypot(now.std(ddof=1), twice.std(ddof=1)) / np.sqrt(5)
    truth |= {
        "growth_now": float(now.mean()),
        "growth_twice": float(twice.mean()),
        "growth_error": float(spread / now.mean()),
    }
    if case.classes:
        truth["recalibrated"], truth["recalibrated_error"] = recalibrated(found, fresh)
        shares = np.bincount(fresh.target, minlength=case.classes) / fresh.rows
        truth["majority"] = float(shares.max())
    return truth


def network_predictions(prepared: Any, result: Any, fresh: Any) -> np.ndarray:
    """What a network predicts for fresh rows."""
    import torch

    from goodfit.model import network_outputs
    from goodfit.training.losses import probabilities

    view = result.run.view
    inputs = torch.from_numpy(prepared.encoders[view].transform(fresh.table, np.float64))
    outputs = network_outputs(
        result.parameters[None], result.statistics[None], result.layout, result.run.recipe, inputs
    )
    values = probabilities(outputs, prepared.problem.task)[0].numpy()
    return prepared.scales[view].backward(values) if prepared.scales else values


def fresh_losses(prepared: Any, results: Sequence[Any], fresh: Any) -> np.ndarray:
    """The loss `(M, r)` of each network for each fresh row."""
    from goodfit.studies.samples import row_losses

    every = np.arange(fresh.rows)
    return np.array(
        [
            np.full(fresh.rows, np.nan)
            if result.outcome == "diverged"
            else row_losses(fresh, network_predictions(prepared, result, fresh), every)
            for result in results
        ]
    )


def twice_the_rows(found: Any, law: Any, case: Case, fresh: Any) -> np.ndarray:
    """The loss of the network trained on these rows and as many new ones, for as many steps."""
    from goodfit.studies.interventions import paced
    from goodfit.studies.problem import read_problem
    from goodfit.studies.samples import repeated_folds, train_samples

    X, y = (np.concatenate(parts) for parts in zip(law.draw(case.rows, 0), law.draw(case.rows, 2), strict=True))
    task = "multiclass" if case.classes else "regression"
    larger = read_problem(X, y, task=task).merged()
    if len(larger.classes) != len(found.prepared.problem.classes):
        return np.full(5, np.nan)
    samples = repeated_folds(larger, 5, 1, seed=case.seed)
    recipe = found.evidence.trials[found.grown].results[0].run.recipe
    recipe, settings = paced(recipe, found.subject.settings, 0.5)
    trained = train_samples(larger, replace(found.subject, settings=settings), [recipe], samples)
    return fresh_losses(trained.prepared, trained.results[0], fresh).mean(1)


def recalibrated(found: Any, fresh: Any) -> tuple[float, float]:
    """The share by which the best temperature and offsets lower the networks' log loss on fresh rows, and its error."""
    from scipy.special import log_softmax

    from goodfit.diagnosis.miscalibrated import SMALLEST, recalibration

    predicted = [
        network_predictions(found.prepared, result, fresh)
        for result in found.evidence.asked.results[: len(found.evidence.held)]
    ]
    logits = np.log(np.maximum(np.concatenate(predicted), SMALLEST))
    target = np.tile(fresh.target, len(predicted))
    every = np.arange(len(target))
    scale, offset = recalibration(logits, target, np.ones(len(target)))
    before = -logits[every, target]
    falls = before + log_softmax(logits * scale + offset, axis=1)[every, target]
    error = np.std(falls.reshape(len(predicted), -1).mean(0)) / np.sqrt(fresh.rows)
    return float(falls.mean() / before.mean()), float(error / before.mean())


def effects(row: dict[str, Any]) -> dict[str, float]:
    """The true size of what each verdict looks for: excess loss over the best change, or a share."""
    truth, case = row["truth"], row["case"]
    losses, train = np.array(truth["losses"]), np.array(truth["train"])
    kinds = np.array(truth["kinds"])
    own = losses[0]

    def excess(mask: np.ndarray) -> float:
        mask = mask & np.isfinite(losses)
        mask[0] = False
        return float(own / losses[mask].min() - 1) if mask.any() else float("nan")

    stronger = np.isin(kinds, ["training", "capacity", "relaxed"]) & (train < train[0])
    stopping = excess(kinds == "patience")
    found = {
        "overfitting": excess(kinds == "dose"),
        "underfitting": excess(stronger) if stronger.any() else 0.0,
        "stopped_wrong": stopping,
        "more_rows_help": float(truth["growth_now"] / truth["growth_twice"] - 1),
    }
    if case["classes"]:
        found |= {
            "miscalibrated": truth["recalibrated"] / (1 - truth["recalibrated"]),
            "label_noise": case["label_noise"],
        }
    return found


def coverage(row: dict[str, Any]) -> dict[str, bool]:
    """Whether the intervals in the evidence cover the truth."""
    truth, verdicts, found = row["truth"], row["verdicts"], {}
    by_name = dict(zip(truth["names"], truth["losses"], strict=True))
    errors = dict(zip(truth["names"], truth["errors"], strict=True))
    own = truth["losses"][0]
    for name in ("overfitting", "underfitting", "stopped_wrong"):
        evidence = verdicts[name]["evidence"]
        if "best change" in evidence and np.isfinite(evidence["lower by"]):
            true = 1 - by_name[evidence["best change"]] / own
            own_error = errors[evidence["best change"]] / own
            found[f"{name}: lower by"] = _covers(evidence, true, own_error)
    evidence = verdicts["more_rows_help"]["evidence"]
    if "lower by" in evidence and np.isfinite(truth["growth_twice"]):
        true = 1 - truth["growth_twice"] / truth["growth_now"]
        found["more_rows_help: lower by"] = _covers(evidence, true, truth["growth_error"])
    evidence = verdicts["miscalibrated"]["evidence"]
    if "lower by" in evidence:
        found["miscalibrated: lower by"] = _covers(evidence, truth["recalibrated"], truth["recalibrated_error"])
    return found


def _covers(evidence: dict[str, Any], true: float, error: float) -> bool:
    """Whether an interval covers a truth that was itself measured with some error."""
    value, low, high = (evidence[f"lower by{end}"] for end in ("", ", low", ", high"))
    half = (high - value) if true > value else (value - low)
    return abs(true - value) <= np.hypot(half, 1.96 * error) + 1e-5


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Hit rates by size of effect, false alarms, and what happens where it can't tell."""
    from goodfit.statistics import wilson

    lines = [f"{'verdict':16}{'none (<1 %)':>22}" + "".join(f"{_band(band):>22}" for band in BANDS) + f"{'>5 %':>22}"]
    names = ("overfitting", "underfitting", "stopped_wrong", "miscalibrated", "more_rows_help", "label_noise")
    for name in names:
        pairs = [
            (effects(row)[name], row["verdicts"][name]["outcome"])
            for row in rows
            if name in effects(row) and np.isfinite(effects(row)[name])
        ]
        pairs = [(effect, outcome) for effect, outcome in pairs if outcome != "not applicable"]
        cells = []
        for low, high in ((-np.inf, HEALTHY), *BANDS, (0.05, np.inf)):
            fired = [outcome == "fired" for effect, outcome in pairs if low <= effect < high]
            cells.append(_cell(wilson(sum(fired), len(fired)), len(fired)) if fired else "-")
        lines.append(f"{name:16}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def coverage_table(rows: Sequence[dict[str, Any]]) -> str:
    """How often each interval covers the truth."""
    from goodfit.statistics import wilson

    seen: dict[str, list[bool]] = {}
    for row in rows:
        for name, covered in coverage(row).items():
            seen.setdefault(name, []).append(covered)
    lines = [f"{'95 % interval':32}{'covers':>22}"]
    for name, covered in seen.items():
        share = wilson(sum(covered), len(covered))
        lines.append(f"{name:32}{_cell(share, len(covered)):>22}")
    return "\n".join(lines)


def confusion_table(rows: Sequence[dict[str, Any]]) -> str:
    """Which verdicts fire on which truths: a row a truth, shares of problems."""
    names = ("overfitting", "underfitting", "benign_gap", "good_fit", "validation_too_small")
    lines = [f"{'truth':36}{'problems':>9}" + "".join(f"{name:>22}" for name in names)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found = effects(row)
        over, under = found["overfitting"], found["underfitting"]
        truth = (
            "overfits and underfits (> 5 % each)"
            if min(over, under) > 0.05
            else "overfits (> 5 %)"
            if over > 0.05
            else "underfits (> 5 %)"
            if under > 0.05
            else "neither (< 1 % each)"
            if max(over, under) < HEALTHY
            else "in between"
        )
        groups.setdefault(truth, []).append(row)
    for truth, own in groups.items():
        shares = [np.mean([row["verdicts"][name]["outcome"] == "fired" for row in own]) for name in names]
        lines.append(f"{truth:36}{len(own):>9}" + "".join(f"{100 * share:>20.1f} %" for share in shares))
    return "\n".join(lines)


def _cell(share: Any, count: int) -> str:
    return f"{100 * share.value:5.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}] {count:4d}"


def _band(band: tuple[float, float]) -> str:
    low, high = (f"{100 * end:.0f}" for end in band) if np.isfinite(band[1]) else (f"{100 * band[0]:.0f}", "")
    return f"{low}-{high} %" if high else f">{low} %"


def run(problems: int, seed: int, workers: int, out: Path | None) -> list[dict[str, Any]]:
    """Judge many cases; those that a file holds already are taken from it."""
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out and out.exists() else []
    done = {row["case"]["seed"] for row in rows}
    cases = [draw_case(seed + i) for i in range(problems) if seed + i not in done]
    started = time.monotonic()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(judge, case) for case in cases]
        for count, future in enumerate(as_completed(futures), 1):
            rows.append(future.result())
            if out:
                with out.open("a") as file:
                    file.write(json.dumps(rows[-1]) + "\n")
            if count % 20 == 0:
                left = (time.monotonic() - started) / count * (len(cases) - count)
                print(f"{count} of {len(cases)}, {left / 60:.0f} min left", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    rows = [row for row in run(asked.problems, asked.seed, asked.workers, asked.out) if "truth" in row]
    print(f"\n{len(rows)} problems; share of verdicts that fired, in %, by true effect, with 95 % interval and count\n")
    print(table(rows), coverage_table(rows), confusion_table(rows), sep="\n\n")
    print(f"\nseconds a diagnosis, median: {np.median([row['seconds'] for row in rows]):.1f}")


if __name__ == "__main__":
    main()
