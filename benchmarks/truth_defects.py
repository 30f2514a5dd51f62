"""How often the verdicts on plain defects are right: each planted in sizes from none to plain, 400 times.

    python benchmarks/truth_defects.py [--simulations 400] [--workers 2]

leak: copies of rows, and a column made from the target. collapsed, diverged: a penalty and a learning rate that are far
too large, beside sound ones. accuracy_misleads: the share of the commonest class. validation_overused: the best of many
networks that are equally good, judged by few rows; its true optimism is known by construction.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

ROWS = 400


def leaked(planted: str, size: float, seed: int) -> bool:
    from goodfit.examples.known_truth import KnownTruth
    from goodfit.studies.leaks import find_leaks
    from goodfit.studies.problem import read_problem

    random = np.random.default_rng([seed, 11])
    X, y = KnownTruth(int(random.choice([2, 3])), sharpness=float(random.choice([1, 4])), seed=seed).draw(ROWS, seed)
    if planted == "copies":
        count = round(size * ROWS / 2)
        X[:count] = X[count : 2 * count]
    else:
        X = np.column_stack([X, np.where(random.random(ROWS) < size, y, random.permutation(y))])
    return fired("leak", leaks=find_leaks(read_problem(X, y, task="multiclass"), seed=seed))


def trained(name: str, settings: dict[str, Any], seed: int) -> bool:
    from goodfit.examples.known_truth import KnownTruth
    from goodfit.regularizers import Recipe
    from goodfit.studies.fitting import Plan, fit
    from goodfit.studies.problem import read_problem
    from goodfit.studies.trials import gather_evidence
    from goodfit.training import Execution, Settings

    shares = {"rarest": settings["rarest"]} if "rarest" in settings else {}
    X, y = KnownTruth(2, sharpness=3, seed=seed, **shares).draw(ROWS, seed)
    done = fit(
        read_problem(X, y),
        [Recipe.parse(settings.get("recipe", "none"))],
        plan=Plan(seed=seed, learning_rate=settings.get("learning_rate", 0.01)),
        settings=Settings(hidden=(8,), max_epochs=20, batch_size=32, optimizer=settings.get("optimizer", "adam")),
        execution=Execution(threads=1),
    )
    return fired(name, evidence=gather_evidence(done))


def overused(alternatives: int, rows: int, seed: int) -> bool:
    """Equally good networks whose losses are half shared: the winner's optimism is theirs to a few per cent."""
    random = np.random.default_rng([seed, 12])
    shared, own = random.exponential(0.5, rows), random.exponential(0.5, (alternatives, rows))
    return fired("validation_overused", losses=shared + own)


def true_optimism(alternatives: int, rows: int) -> float:
    """By how much of itself the winner's loss, 1 in truth, is too low on average."""
    random = np.random.default_rng(13)
    lowest = [
        (random.exponential(0.5, rows) + random.exponential(0.5, (alternatives, rows))).mean(1).min()
        for _ in range(400)
    ]
    return 1 - float(np.mean(lowest))


def fired(name: str, *, evidence: Any = None, leaks: Any = None, losses: np.ndarray | None = None) -> bool:
    """Whether a question fires on evidence that holds what it looks at."""
    from goodfit import diagnosis
    from goodfit.diagnosis import Evidence, Trial

    if evidence is None:
        own = np.zeros((1, 10)) if losses is None else losses
        rows = np.arange(own.shape[1])
        trials = tuple(Trial("dose", str(i), "none", (), loss) for i, loss in enumerate(own))
        evidence = Evidence(
            task="binary",
            trials=trials,
            reference=0,
            chosen=0,
            rows=rows,
            target=np.zeros(len(rows), np.int64),
            weights=np.ones(len(rows)),
            predicted=np.zeros((len(rows), 2)),
            best=np.zeros((len(rows), 2)),
            held=(),
            leaks=leaks,
        )
    question = next(q for q in diagnosis.QUESTIONS if name == q.NAME)
    return bool(question.check(evidence).fired)


def cases() -> list[tuple[str, str, Callable[..., bool], tuple[Any, ...]]]:
    """Verdict, what is planted, how, and with what."""
    shares, rates = (0.5, 0.9, 0.99, 1.0), (0.01, 1e3, 1e6)
    choices = ((2, 2000), (10, 2000), (10, 200), (50, 200), (50, 50))
    return [
        *(("leak", f"{s:.0%} of the rows have a copy", leaked, ("copies", s)) for s in (0.0, 0.05, 0.1, 0.2)),
        *(("leak", f"a column is the target in {s:.0%} of the rows", leaked, ("column", s)) for s in shares),
        *(("collapsed", f"recipe {r}", trained, ("collapsed", {"recipe": r})) for r in ("none", "l1=0.001", "l1=0.3")),
        *(
            (
                "diverged",
                f"SGD with learning rate {r:g}",
                trained,
                ("diverged", {"optimizer": "sgd", "learning_rate": r}),
            )
            for r in rates
        ),
        *(
            ("accuracy_misleads", f"{1 - r:.0%} of one class", trained, ("accuracy_misleads", {"rarest": r}))
            for r in (0.5, 0.3, 0.15, 0.1, 0.05)
        ),
        *(("validation_overused", _chosen(count, rows), overused, (count, rows)) for count, rows in choices),
    ]


def _chosen(count: int, rows: int) -> str:
    return f"best of {count} on {rows} rows, too low by {100 * true_optimism(count, rows):.1f} %"


def main() -> None:
    from goodfit.statistics import wilson

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    started = time.monotonic()
    print(f"{'verdict':22}{'what is true':48}{'fired, %':>22}")
    with ProcessPoolExecutor(asked.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for name, planted, simulate, arguments in cases():
            futures = [pool.submit(simulate, *arguments, seed) for seed in range(asked.simulations)]
            hits = sum(future.result() for future in futures)
            share = wilson(hits, asked.simulations)
            told = f"{100 * share.value:5.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"
            print(f"{name:22}{planted:48}{told:>22}", flush=True)
    print(f"{asked.simulations} simulations a line, {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
