"""Learning curves: training and held-out loss by epochs, rows, width or depth, on the same folds and seeds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import polars as pl

from goodfit.drawing import CALM, Axis, Json, band, dotted, figure, layout, mark, point
from goodfit.extrapolation import Extrapolation
from goodfit.saving import json_text
from goodfit.statistics import Estimate, mean_interval, paired_interval
from goodfit.studies.problem import Floats

Over = Literal["epochs", "rows", "width", "depth"]
OVERS: tuple[Over, ...] = get_args(Over)

TITLES = {
    "epochs": "epoch",
    "rows": "training rows",
    "width": "units of the first hidden layer",
    "depth": "hidden layers",
}


@dataclass(frozen=True)
class Point:
    """One point of a learning curve.

    Args:
        at: its epoch, rows, units or layers.
        training: mean loss on training rows, in inference mode.
        held_out: mean loss on held-out rows.
        gap: held-out less training loss, paired.
        diverged: how many of its networks did.
    """

    at: float
    training: Estimate
    held_out: Estimate
    gap: Estimate
    diverged: int


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """What came of a learning curve.

    Args:
        over: "epochs", "rows", "width" or "depth".
        at: `(P,)` epochs, training rows, units of the first hidden layer, or hidden layers.
        training: `(S, P)` loss on training rows of each sample (a fold of a repeat), in inference mode; nan if its
            network diverged.
        held_out: `(S, P)` loss on held-out rows, likewise.
        own: the place of the estimator's own point: its last epoch, all rows, its width, its depth.
        loss: "log loss", or "squared error" in the target's unit, squared.
        test_share: held-out rows over training rows: what intervals over overlapping folds are corrected by.
        extrapolation: over rows, the power law through the held-out losses and what twice the rows would bring.
    """

    over: Over
    at: Floats
    training: Floats
    held_out: Floats
    own: int
    loss: str
    test_share: float
    extrapolation: Extrapolation | None = None

    @property
    def points(self) -> list[Point]:
        """All points, with 95 % intervals over folds and seeds."""
        return [self._point(place) for place in range(len(self.at))]

    @property
    def best(self) -> Point | None:
        """The point of the lowest held-out loss; None if networks diverged at all of them.

        It is the lowest of several, so its loss flatters a little.
        """
        means = self.held_out.mean(0)
        return None if np.isnan(means).all() else self._point(int(np.nanargmin(means)))

    @property
    def gap(self) -> Estimate:
        """Held-out less training loss at the estimator's own point."""
        return self._point(self.own).gap

    def _point(self, place: int) -> Point:
        training, held_out = self.training[:, place], self.held_out[:, place]
        return Point(
            at=float(self.at[place]),
            training=mean_interval(training, test_share=self.test_share),
            held_out=mean_interval(held_out, test_share=self.test_share),
            gap=paired_interval(held_out, training, test_share=self.test_share),
            diverged=int(np.isnan(held_out).sum()),
        )

    def __repr__(self) -> str:
        best = self.best
        lowest = f"{best.held_out.value:.4g} at {best.at:g}" if best else "none"
        return f"LearningCurve(over={self.over!r}, points={len(self.at)}, loss={self.loss!r}, lowest held out={lowest})"

    def frame(self) -> pl.DataFrame:
        """A row a point: where, both losses and the gap with their intervals, and how many networks diverged."""
        rows: list[dict[str, Any]] = []
        for one in self.points:
            row: dict[str, Any] = {self.over: one.at if self.over == "width" else round(one.at)}
            for name, estimate in (("training", one.training), ("held_out", one.held_out), ("gap", one.gap)):
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row | {"diverged": one.diverged})
        return pl.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it for programs, as strict JSON has it: what isn't finite is None."""
        best = self.best
        told = {
            "over": self.over,
            "loss": self.loss,
            "samples": len(self.held_out),
            "points": self.frame().to_dicts(),
            "best": None if best is None else {"at": best.at, "held_out": best.held_out.to_dict()},
            "own": float(self.at[self.own]),
            "gap": self.gap.to_dict(),
            "extrapolation": None if self.extrapolation is None else self.extrapolation.to_dict(),
        }
        return dict(json.loads(json_text(told)))

    def plot(self) -> Any:
        """A `plotly.graph_objects.Figure`: both losses with their bands, the lowest held-out loss marked."""
        points, x = self.points, self._places(self.at)
        drawn = layout(TITLES[self.over], [Axis(self.loss)])
        if self.over != "epochs":
            drawn["xaxis"] |= {"tickvals": x.tolist(), "ticktext": [f"{value:,.0f}" for value in self.at]}
        words = [f"{self.over} {value:,.0f}" for value in self.at]
        traces: list[Json] = []
        for name, paint, dashed in (("training", CALM.training, True), ("held_out", CALM.held_out, False)):
            own: list[Estimate] = [getattr(one, name) for one in points]
            ends, label = ([e.low for e in own], [e.high for e in own]), f"{name.replace('_', '-')} loss"
            traces += band(x, [e.value for e in own], ends, name=label, paint=paint, at=words, dashed=dashed)
        if self.extrapolation is not None and np.isfinite(self.extrapolation.floor):
            traces += self._continued(self.extrapolation, drawn)
        best = self.best
        if best is not None and self.over != "rows":
            mark(drawn, float(self._places(np.array(best.at))), "lowest held-out loss")
        return figure(traces, drawn)

    def _places(self, at: Floats) -> Floats:
        """Where points are drawn: rows and width by their logarithm."""
        return np.asarray(np.log2(at) if self.over in ("rows", "width") else at)

    def _continued(self, law: Extrapolation, drawn: Json) -> list[Json]:
        """The fitted law up to the rows foreseen, and the loss there."""
        most = law.factor * float(self.at.max())
        rows = np.geomspace(self.at.min(), most, 50)
        drawn["xaxis"]["tickvals"].append(float(np.log2(most)))
        drawn["xaxis"]["ticktext"].append(f"{most:,.0f}")
        name, ends = f"foreseen with {law.factor:g} times the rows", (law.loss.low, law.loss.high)
        return [
            dotted(self._places(rows), [law.at(n) for n in rows], name="power law", paint=CALM.held_out),
            point(float(np.log2(most)), law.loss.value, ends, name=name, paint=CALM.held_out),
        ]
