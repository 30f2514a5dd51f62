"""What a study of doses found: losses, bias and variance along them, the best dose, and whether it beats none."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from goodfit.drawing import CALM, Axis, Json, areas, band, figure, layout, mark
from goodfit.multiplicity import LEVEL, Fall
from goodfit.saving import json_text
from goodfit.statistics import Estimate
from goodfit.studies.problem import Floats

UNKNOWN = Estimate(math.nan, math.nan, math.nan)
ORDERS_OF_A_LOG_AXIS = 20.0
UNEVEN = 10.0


@dataclass(frozen=True)
class Dose:
    """One dose of a study, its losses with their 95 % intervals; nan if a network diverged.

    Args:
        dose: the number.
        recipe: all of the recipe, as a text.
        training: mean loss on training rows, in inference mode.
        held_out: mean loss of each row by the networks that held it out: bias2 and variance added up.
        bias2: squared bias and noise together: what is lost even by the average network.
        variance: how much networks differ that learned from other rows, from other initial weights.
        best_share: in how many of the resamples this dose has the lowest held-out loss, in [0, 1].
        diverged: how many of its networks did.
    """

    dose: float
    recipe: str
    training: Estimate
    held_out: Estimate
    bias2: Estimate
    variance: Estimate
    best_share: float
    diverged: int


@dataclass(frozen=True, eq=False)
class DoseResponse:
    """What came of a study of doses.

    Args:
        technique: the regularizer's name in recipes.
        setting: the field that is varied.
        doses: from the neutral dose to the extreme.
        best: the dose of the lowest held-out loss; nan if networks diverged at every one.
        best_interval: the doses between which the best one lies in 95 % of the resamples of rows and repeats, from the
            one nearer to the neutral dose.
        improvement: by how much the held-out loss falls from the neutral dose to the best of those that beat it beyond
            chance (of all others, if none does), as a share, corrected for its having been picked; below 0 where all
            others are worse.
        improving: that dose; nan where there was none to test.
        p: how often the best of so many doses would look as good as that one if none were better than the neutral one.
        loss: "log loss", or "squared error" in the target's unit, squared.
    """

    technique: str
    setting: str
    doses: tuple[Dose, ...]
    best: float
    best_interval: tuple[float, float]
    improvement: Estimate
    improving: float
    p: float
    loss: str

    @property
    def neutral(self) -> Dose:
        """The dose at which the technique does nothing."""
        return self.doses[0]

    @property
    def beats_neutral(self) -> bool:
        """Whether some dose has a lower held-out loss than the neutral one, beyond chance (p < 0.05)."""
        return self.p < LEVEL

    def __repr__(self) -> str:
        low, high = self.best_interval
        return (
            f"DoseResponse({self.technique} {self.setting}: best={self.best:g} [{low:g}, {high:g}], "
            f"{self.improving:g} lowers the loss by {self.improvement.value:.1%}, beats_neutral={self.beats_neutral})"
        )

    def frame(self) -> pl.DataFrame:
        """A row a dose: losses, bias² with noise and variance, with their intervals."""
        rows: list[dict[str, Any]] = []
        for one in self.doses:
            row: dict[str, Any] = {"dose": one.dose, "recipe": one.recipe}
            for name in ("training", "held_out", "bias2", "variance"):
                estimate: Estimate = getattr(one, name)
                row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
            rows.append(row | {"best_share": one.best_share, "diverged": one.diverged})
        return pl.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it for programs, as strict JSON has it: what isn't finite, an infinite dose too, is None."""
        told = {
            "technique": self.technique,
            "setting": self.setting,
            "loss": self.loss,
            "doses": self.frame().to_dicts(),
            "best": self.best,
            "best_interval": list(self.best_interval),
            "improvement": self.improvement.to_dict(),
            "improving": self.improving,
            "p": self.p,
            "beats_neutral": self.beats_neutral,
        }
        return dict(json.loads(json_text(told)))

    def plot(self) -> Any:
        """A `plotly.graph_objects.Figure`: losses above, bias² with noise and variance below, the best dose marked."""
        x = _places([one.dose for one in self.doses])
        words = [f"{self.setting} {one.dose:g}" for one in self.doses]
        drawn = layout(
            f"{self.technique}: {self.setting}",
            [Axis(self.loss), Axis(f"parts of the {self.loss}", zero=True)],
            height=640,
        )
        ticks = [f"{one.dose:g}".replace("inf", "∞") for one in self.doses]
        drawn["xaxis"] |= {"tickvals": x.tolist(), "ticktext": [f"{ticks[0]}<br>(neutral)", *ticks[1:]]}
        traces: list[Json] = []
        for name, paint, dashed in (("training", CALM.training, True), ("held_out", CALM.held_out, False)):
            own: list[Estimate] = [getattr(one, name) for one in self.doses]
            ends, label = ([e.low for e in own], [e.high for e in own]), f"{name.replace('_', '-')} loss"
            traces += band(x, [e.value for e in own], ends, name=label, paint=paint, at=words, dashed=dashed)
        bias, variance = ([getattr(one, term).value for one in self.doses] for term in ("bias2", "variance"))
        parts = {"bias² and noise": (bias, CALM.bias), "variance": (variance, CALM.variance)}
        traces += areas(x, parts, at=words, axis=2)
        if math.isfinite(x[0]) and not math.isnan(self.best):
            at = {one.dose: float(place) for one, place in zip(self.doses, x, strict=True)}
            span = (at[self.best_interval[0]], at[self.best_interval[1]])
            mark(drawn, at[self.best], f"lowest held-out loss: {self.best:g}", span=span)
        return figure(traces, drawn)


def respond(
    technique: str, setting: str, doses: tuple[Dose, ...], losses: Floats, *, fall: Fall | None, name: str
) -> DoseResponse:
    """Read the best dose and its interval from each dose's held-out loss and its share of the resamples.

    Args:
        technique: the regularizer's name.
        setting: the field that is varied.
        doses: from the neutral one.
        losses: `(D,)` their held-out losses; nan where networks diverged.
        fall: the test of the other doses against the neutral one; None where there is nothing to test.
        name: of the loss.
    """
    if np.isnan(losses).all():
        best, ends = math.nan, (math.nan, math.nan)
    else:
        best = doses[int(np.nanargmin(losses))].dose
        reached = np.cumsum([one.best_share for one in doses])
        low, high = (int(np.searchsorted(reached, share).clip(max=len(doses) - 1)) for share in (0.025, 0.975))
        ends = (doses[low].dose, doses[high].dose)
    if fall is None:
        return DoseResponse(technique, setting, doses, best, ends, UNKNOWN, math.nan, math.nan, name)
    tested = [one.dose for one, loss in zip(doses[1:], losses[1:], strict=True) if np.isfinite(loss)]
    return DoseResponse(technique, setting, doses, best, ends, fall.fall, tested[fall.best], fall.p, name)


def _places(doses: list[float]) -> Floats:
    """Where doses are drawn, from the neutral one: evenly spread ones as they are, else by logarithm, else by rank."""
    neutral, others = doses[0], np.array(doses[1:])
    if math.isfinite(neutral):
        steps = np.abs(np.diff(doses))
        if steps.max() < UNEVEN * steps.min():
            return np.asarray(np.abs(np.array(doses) - neutral))
    if (others > 0).all() and np.isfinite(others).all() and np.ptp(np.log(others)) > math.log(ORDERS_OF_A_LOG_AXIS):
        places = np.abs(np.log10(others / others[0]))
        return np.concatenate([[-max(float(np.median(np.diff(places))), 0.3)], places])
    return np.arange(len(doses), dtype=np.float64)
