"""Bias, variance and noise of a learner: what its replicates predict for test rows, read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from goodfit.data.splits import distinct
from goodfit.decompositions import Loss, Term, Terms, decompose
from goodfit.drawing import CALM, Axis, Paint, figure, layout
from goodfit.errors import InputError
from goodfit.statistics import Estimate
from goodfit.studies.problem import Floats, Problem

LEAST_REPEATED = 30
"""Test rows with equal inputs, from which the noise is estimated where there are as many."""

JOINT = "bias2_and_noise"


@dataclass(frozen=True, eq=False)
class BiasVariance:
    """The expected error of a learner and its parts; `bias2 + variance + noise` is `expected_error`.

    Args:
        terms: of each test row.
        estimates: means over the test rows by name: "bias2" (or "bias2_and_noise"), "variance", "noise",
            "expected_error".
        loss: what was taken apart.
        replicates: networks or fits that count.
        left_out: those that diverged.
        note: what to know in reading the numbers.
    """

    terms: Terms
    estimates: Mapping[str, Estimate]
    loss: Loss
    replicates: int
    left_out: int
    note: str

    @property
    def separate(self) -> bool:
        """Whether bias and noise are told apart; if not, `bias2` holds both."""
        return self.terms.separate

    @property
    def bias2(self) -> Estimate:
        """Bias squared (bias, in 0-1 loss); with the noise in it where `separate` is False."""
        return self.estimates["bias2" if self.separate else JOINT]

    @property
    def variance(self) -> Estimate:
        """Variance over replicates."""
        return self.estimates["variance"]

    @property
    def noise(self) -> Estimate:
        """Noise; nan where `separate` is False."""
        return self.estimates.get("noise", Estimate(math.nan, math.nan, math.nan))

    @property
    def expected_error(self) -> Estimate:
        """The sum of the parts."""
        return self.estimates["expected_error"]

    def __repr__(self) -> str:
        parts = (f"{name}={e.value:.4g} [{e.low:.4g}, {e.high:.4g}]" for name, e in self.estimates.items())
        return f"BiasVariance(loss={self.loss!r}, replicates={self.replicates}, {', '.join(parts)})"

    def frame(self) -> pl.DataFrame:
        """The terms of each test row."""
        return pl.DataFrame({name: getattr(self.terms, term) for name, term in names(self.separate).items()})

    def to_dict(self) -> dict[str, Any]:
        """Estimates by name and how they came about, for programs."""
        return {
            "loss": self.loss,
            "terms": {name: estimate.to_dict() for name, estimate in self.estimates.items()},
            "separate": self.separate,
            "replicates": self.replicates,
            "left_out": self.left_out,
            "test_rows": len(self.terms.error),
            "note": self.note,
        }

    def plot(self) -> Any:
        """The parts stacked, with the interval of the expected error: a plotly figure."""
        return stacked_bars(self)


def names(separate: bool) -> dict[str, Term]:
    """What the terms are called in results."""
    if separate:
        return {"bias2": "bias2", "variance": "variance", "noise": "noise", "expected_error": "error"}
    return {JOINT: "bias2", "variance": "variance", "expected_error": "error"}


def read_replicates(
    predicted: Floats,
    test: Problem,
    *,
    loss: Loss,
    truth: NDArray[Any] | None = None,
    noise: Any = None,
) -> BiasVariance:
    """Take apart what replicates predict for test rows.

    Args:
        predicted: `(R, n, C)`; nan for a replicate that diverged, which is left out.
        test: the n rows.
        loss: see `decompose`.
        truth: likewise.
        noise: likewise.

    Raises:
        InputError: fewer than 2 replicates are left, or as `decompose` has it.
    """
    kept = np.isfinite(predicted[:, 0, 0])
    left_out = int((~kept).sum())
    if kept.sum() < 2:
        raise InputError(f"{left_out} of {len(kept)} replicates diverged; lower the learning rate")
    used = predicted if not left_out else predicted[kept]
    terms = decompose(used, test.target, loss=loss, truth=truth, noise=noise)
    notes = [f"{left_out} of {len(kept)} replicates diverged and are left out"] if left_out else []
    influence: dict[Term, Floats] = {}
    groups = None
    if not terms.separate:
        repeated = _Repeated.of(test, loss)
        notes.append(repeated.note)
        if repeated.usable:
            terms, influence, groups = repeated.separated(terms)
    estimates = {
        name: terms.mean(term, groups=groups, influence=influence.get(term))
        for name, term in names(terms.separate).items()
    }
    return BiasVariance(terms, estimates, loss, len(used), left_out, "; ".join(notes))


@dataclass(frozen=True, eq=False)
class _Repeated:
    """Test rows with equal inputs: how their targets differ is noise.

    Args:
        groups: `(n,)` rows of one number have equal inputs.
        spread: `(n,)` an unbiased estimate of a row's noise; 0 where no other row has its inputs.
        repeated: `(n,)` whether another row has.
        usable: whether they are enough, and a loss whose noise can be estimated so.
        note: what was found.
    """

    groups: NDArray[np.int64]
    spread: Floats
    repeated: NDArray[np.bool_]
    usable: bool
    note: str

    @classmethod
    def of(cls, test: Problem, loss: Loss) -> _Repeated:
        groups = distinct(test.table, np.zeros(test.rows), order="first").inverse
        counts = np.bincount(groups)[groups]
        values = np.eye(len(test.classes))[test.target] if len(test.classes) else test.target[:, None]
        means = np.stack([np.bincount(groups, column)[groups] / counts for column in values.T], axis=1)
        repeated = counts > 1
        spread = np.square(values - means).sum(1) * np.where(repeated, counts / np.maximum(counts - 1, 1), 0.0)
        many = int(repeated.sum())
        usable = loss in ("squared", "brier") and many >= LEAST_REPEATED and bool(spread.any())
        note = f"the noise is estimated from {many} test rows whose inputs are not unique; a copied row looks like one"
        if not usable:
            note = "bias and noise are one term; give truth to tell them apart"
        return cls(groups, spread, repeated, usable, note)

    def separated(self, terms: Terms) -> tuple[Terms, dict[Term, Floats], NDArray[np.int64] | None]:
        """The terms with the noise on its own, whose share in the rows they vary by, and rows that belong together."""
        n = len(self.groups)
        noise = float(self.spread[self.repeated].mean())
        scaled = self.spread * (n / int(self.repeated.sum()))
        spread_out = np.full(n, noise)
        apart = Terms(
            terms.bias2 - noise, terms.variance, spread_out, terms.error, True,
            terms.shared, terms.own, terms.third, terms.replicates,
        )  # fmt: skip
        centred = np.where(self.repeated, scaled - noise * n / int(self.repeated.sum()), 0.0) + noise
        influence: dict[Term, Floats] = {"bias2": terms.bias2 - centred, "noise": centred}
        return apart, influence, self.groups if self.groups.max() + 1 >= LEAST_REPEATED else None


def stacked_bars(result: BiasVariance) -> Any:
    """Bars of the parts, one on the other, beside the expected error with its interval."""
    paints = {"bias2": CALM.bias, JOINT: CALM.bias, "variance": CALM.variance, "noise": Paint.of(CALM.ink, 0.45)}
    titles = {"bias2": "bias²", JOINT: "bias² + noise", "variance": "variance", "noise": "noise"}
    bars: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": titles[name],
            "x": ["parts"],
            "y": [result.estimates[name].value],
            "marker": {"color": paint.soft, "line": {"color": paint.line, "width": 1.5}},
            "hovertemplate": f"{titles[name]}: %{{y:.4~g}}<extra></extra>",
        }
        for name, paint in paints.items()
        if name in result.estimates
    ]
    error = result.expected_error
    arms = {
        "type": "data",
        "array": [error.high - error.value],
        "arrayminus": [error.value - error.low],
    }
    whole = bars[0] | {
        "name": "expected error",
        "x": ["expected error"],
        "y": [error.value],
        "marker": {"color": CALM.held_out.soft, "line": {"color": CALM.held_out.line, "width": 1.5}},
        "error_y": {**arms, "color": CALM.held_out.line},
        "hovertemplate": "expected error: %{y:.4~g}<extra></extra>",
    }
    title = f"{result.loss.replace('_', ' ')}, mean of the test rows"
    return figure([*bars, whole], layout("", [Axis(title)]) | {"barmode": "relative"})
