"""What a blend's loss is said to be against what it is: chosen among many candidates, whose true risk is known.

    python benchmarks/truth_selection.py [--simulations 200] [--workers 2] [--rival]

A simulation draws rows and what candidates predict for them, chooses and tempers a blend, and measures its loss: in
regression in closed form, else on fresh rows whose probabilities are known. Printed, in percent of the true loss:

    true      the blend's true loss, in its own unit
    naive     bias of its loss on the rows that it was chosen by, and that bias's standard error
    corrected the same of `corrected`
    rival     the same of the plain bootstrap of the whole choice (asked for by --rival; it takes as long again)
    95 %      share of the intervals that hold the true loss

Rows that happen to be easy aren't bias: from each estimate the luck of predicting the truth itself is taken off, whose
mean is 0.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from goodfit.blending import Choice, choose, corrected, mixed
from goodfit.metrics import Task
from goodfit.picking import row_losses
from goodfit.statistics import wilson
from goodfit.tempering import tempered

Floats = NDArray[np.float64]
FRESH = 4_000
MEMBERS = 6
SPREAD = 1.5
"""Deviation of the true logits, and of the true mean in regression, where the noise has deviation 1."""


@dataclass(frozen=True)
class Law:
    """How candidates err.

    Args:
        noise: lowest and highest deviation of a candidate's own error; drawn evenly on a scale of ratios.
        shared: deviation of the error that all have in common.
        sharpness: deviation of the logarithm of what multiplies a candidate's logits.
    """

    noise: tuple[float, float]
    shared: float = 0.0
    sharpness: float = 0.0


LAWS = {
    "equals": Law((1.0, 1.0)),
    "a range": Law((0.3, 3.0), shared=0.5, sharpness=0.3),
    "near copies": Law((0.45, 0.55), shared=1.0, sharpness=0.1),
}


@dataclass(frozen=True)
class Case:
    """A kind of problem: classes (0: regression, 2 with a rarer one if `rare`), rows, candidates and a law."""

    classes: int
    law: str
    rows: int
    candidates: int
    most: int = MEMBERS
    rare: bool = False

    @property
    def task(self) -> Task:
        return "regression" if self.classes == 0 else "binary" if self.classes == 2 else "multiclass"


CASES = (
    Case(0, "equals", 200, 60),
    Case(0, "equals", 200, 60, most=1),
    Case(0, "a range", 200, 60, most=1),
    Case(0, "a range", 2000, 100),
    Case(0, "near copies", 500, 30),
    Case(2, "equals", 200, 60),
    Case(2, "a range", 200, 1),
    Case(2, "a range", 200, 10),
    Case(2, "a range", 200, 20, rare=True),
    Case(2, "a range", 1000, 10, most=3),
    Case(2, "near copies", 500, 100, most=1),
    Case(4, "a range", 200, 10),
)


@dataclass(frozen=True)
class Simulation:
    """What one simulation found; `luck` is how much too low the loss of the truth itself was on these rows."""

    truth: float
    luck: float
    naive: float
    value: float
    low: float
    high: float
    rival: float


def simulate(case: Case, seed: int, rival: bool = False) -> Simulation:
    """Draw rows and predictions, choose, and compare with the truth."""
    random = np.random.default_rng([seed, case.rows, case.candidates, case.classes])
    law = LAWS[case.law]
    noise = np.exp(random.uniform(*np.log(law.noise), case.candidates))
    sharpness = np.exp(law.sharpness * random.standard_normal(case.candidates))
    draw = _Draw(case, noise, sharpness, random)
    truth, predictions = draw.rows(case.rows, np.arange(case.candidates))
    target = _targets(truth, case.task, random)
    choice = choose(predictions, target, weights=None, task=case.task, most=case.most, seed=seed)
    said = corrected(predictions, target, weights=None, task=case.task, most=case.most, seed=seed)
    luck = _risk(case) - float(row_losses(truth, target, case.task).mean())
    other = _bootstrap(predictions, target, case, seed) if rival else np.nan
    estimate = said.estimate
    true = draw.true_loss(choice)
    return Simulation(true, luck, said.naive, estimate.value, estimate.low, estimate.high, other)


@dataclass(frozen=True)
class _Draw:
    """Rows of a case, and what its candidates predict for them."""

    case: Case
    noise: Floats
    sharpness: Floats
    random: np.random.Generator

    def rows(self, count: int, who: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """What is true of rows `(n, C)`, and what these candidates predict `(T, n, C)`."""
        columns = max(self.case.classes, 1)
        center = _logits(self.case, self.random, count)
        common = LAWS[self.case.law].shared * self.random.standard_normal((count, columns))
        own = self.random.standard_normal((len(who), count, columns)) * self.noise[who, None, None]
        seen = center + common + own
        if self.case.task == "regression":
            return center, seen
        return softmax(center, axis=-1), softmax(seen * self.sharpness[who, None, None], axis=-1)

    def true_loss(self, choice: Choice) -> float:
        """Of a blend: noise and errors in closed form, or what fresh rows cost beyond the truth's own risk."""
        if self.case.task == "regression":
            share = choice.counts / choice.counts.sum()
            return float(1 + LAWS[self.case.law].shared ** 2 + (share**2 * self.noise**2).sum())
        picked = np.flatnonzero(choice.counts)
        truth, predictions = self.rows(FRESH, picked)
        predicted = tempered(mixed(predictions, choice.counts[picked]), choice.temperature)
        return _risk(self.case) + float((truth * (np.log(truth) - np.log(predicted))).sum(1).mean())


def _logits(case: Case, random: np.random.Generator, count: int) -> Floats:
    """What the truth is made of, `(count, C)`."""
    center = SPREAD * random.standard_normal((count, max(case.classes, 1)))
    center[:, 0] += 4 * case.rare
    return center


def _targets(truth: Floats, task: Task, random: np.random.Generator) -> NDArray[np.float64] | NDArray[np.int64]:
    """Numbers around the truth, or codes with its probabilities."""
    if task == "regression":
        return np.asarray(truth[:, 0] + random.standard_normal(len(truth)))
    return np.asarray((np.log(truth) + random.gumbel(size=truth.shape)).argmax(1))


@cache
def _risk(case: Case) -> float:
    """The mean loss of predicting the truth. Its error is in the luck and in the true loss alike: it is in no bias."""
    if case.task == "regression":
        return 1.0
    logs = log_softmax(_logits(case, np.random.default_rng(0), 400_000), axis=1)
    return float(-(np.exp(logs) * logs).sum(1).mean())


def _bootstrap(predictions: Floats, target: NDArray[np.float64] | NDArray[np.int64], case: Case, seed: int) -> float:
    """The loss that Tsamardinos et al. give, of rows not drawn, less what is owed to these being hard or easy."""
    random, rows, falls = np.random.default_rng(seed), len(target), []
    whole = _losses(predictions, target, np.ones(rows), case)
    for _ in range(100):
        drawn = np.bincount(random.integers(rows, size=rows), minlength=rows)
        falls.append((_losses(predictions, target, drawn, case) - whole)[drawn == 0].mean())
    return float(whole.mean() + np.mean(falls))


def _losses(
    predictions: Floats, target: NDArray[np.float64] | NDArray[np.int64], weights: NDArray[np.int64], case: Case
) -> Floats:
    """Of each row, by what is chosen on rows of these weights."""
    choice = choose(predictions, target, weights=weights, task=case.task, most=case.most)
    return row_losses(tempered(mixed(predictions, choice.counts), choice.temperature), target, case.task)


def biases(found: list[Simulation], name: Literal["naive", "value", "rival"]) -> tuple[float, float]:
    """The mean error of an estimate in percent of the true loss, and its standard error."""
    errors = np.array([getattr(one, name) + one.luck - one.truth for one in found])
    level = 100 / np.mean([one.truth for one in found])
    return float(errors.mean() * level), float(errors.std(ddof=1) / np.sqrt(len(errors)) * level)


def covered(found: list[Simulation]) -> int:
    """How many intervals hold the true loss."""
    return sum(one.low <= one.truth <= one.high for one in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rival", action="store_true")
    asked = parser.parse_args()
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # of each worker
    started, held = time.monotonic(), 0
    heads = ["naive", "corrected", *(["rival"] if asked.rival else [])]
    print(
        f"{'task':12}{'law':13}{'n':>5}{'T':>5}{'most':>6}{'true':>8}"
        + "".join(f"{h:>16}" for h in heads)
        + f"{'95 %':>18}"
    )
    with ProcessPoolExecutor(asked.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for case in CASES:
            times = asked.simulations
            found = list(pool.map(simulate, [case] * times, range(times), [asked.rival] * times, chunksize=5))
            held += covered(found)
            print(row(case, found, rival=asked.rival), flush=True)
    share = 100 * held / (len(CASES) * asked.simulations)
    print(f"{asked.simulations} simulations a line, {share:.1f} % of all intervals, {time.monotonic() - started:.0f} s")


def row(case: Case, found: list[Simulation], *, rival: bool) -> str:
    """A line of the table."""
    shown = [biases(found, "naive"), biases(found, "value"), *([biases(found, "rival")] if rival else [])]
    share = wilson(covered(found), len(found))
    told = f"{100 * share.value:.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"
    task = f"{case.task}{' rare' if case.rare else ''}"
    true = np.mean([one.truth for one in found])
    cells = "".join(f"{f'{bias:+.2f} ± {error:.2f}':>16}" for bias, error in shown)
    return f"{task:12}{case.law:13}{case.rows:>5}{case.candidates:>5}{case.most:>6}{true:>8.3f}{cells}{told:>18}"


if __name__ == "__main__":
    main()
