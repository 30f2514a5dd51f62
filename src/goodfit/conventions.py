"""What the strength of a penalty is called, and counted in, by goodfit, torch, Keras and scikit-learn.

Each number is told by what one of it is in goodfit's λ, which multiplies Σ |w| or Σ w² beside a mean loss whose squared
error is not halved. **To add a convention** write a line in `CONVENTIONS`, its twin in the tests and its row in
docs/strengths.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from goodfit.errors import InputError

Part = Literal["L1", "L2"]
Task = Literal["regression", "classification"]


@dataclass(frozen=True)
class Convention:
    """What one of a number is in goodfit's λ.

    Args:
        name: the library and what it calls the number.
        l1: λ of the L1 penalty that a number of 1 stands for; 0 where there is none.
        l2: the same of L2; of a decoupled decay, that of the L2 which acts alike under plain SGD.
        over: what λ is divided by: nothing, "rows" learned from, or "batch_size", the rows of a batch.
        task: the task that the number belongs to; None for any.
        mixed: whether it is the number of an elastic net, of which L1 has the share l1_ratio and L2 the rest.
        usual_ratio: the l1_ratio where none is said; None if it must be.
        decoupled: whether it decays the weights beside the loss.
        inverse: whether the penalty falls as the number grows.
        halves: whether it halves the squared error, so that for regression a penalty beside it counts twice.
    """

    name: str
    l1: float = 0.0
    l2: float = 0.0
    over: Literal["rows", "batch_size"] | None = None
    task: Task | None = None
    mixed: bool = False
    usual_ratio: float | None = None
    decoupled: bool = False
    inverse: bool = False
    halves: bool = False

    @property
    def parts(self) -> frozenset[Part]:
        """The penalties that it has."""
        units: dict[Part, float] = {"L1": self.l1, "L2": self.l2}
        return frozenset(part for part, unit in units.items() if unit)


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention("goodfit.l2", l2=1.0),
        Convention("goodfit.l1", l1=1.0),
        Convention("goodfit.elastic_net", l1=1.0, l2=1.0, mixed=True),
        Convention("goodfit.weight_decay", l2=0.5, decoupled=True),
        Convention("torch.weight_decay", l2=0.5),
        Convention("torch.adamw", l2=0.5, decoupled=True),
        Convention("keras.l2", l2=1.0),
        Convention("keras.l1", l1=1.0),
        Convention("keras.weight_decay", l2=0.5, decoupled=True),
        Convention("sklearn.ridge", l2=1.0, over="rows", task="regression"),
        Convention("sklearn.lasso", l1=2.0, task="regression"),
        Convention("sklearn.elasticnet", l1=2.0, l2=1.0, mixed=True, task="regression"),
        Convention(
            "sklearn.logistic",
            l1=1.0,
            l2=0.5,
            over="rows",
            task="classification",
            mixed=True,
            usual_ratio=0.0,
            inverse=True,
        ),
        Convention("sklearn.mlp", l2=0.5, over="batch_size", halves=True),
    )
}


@dataclass(frozen=True)
class Circumstances:
    """What a convention may need beside the number: None where it isn't known.

    Args:
        part: the penalty that is converted.
        rows: rows learned from, or the sum of their weights.
        batch_size: rows of a batch.
        l1_ratio: L1's share of an elastic net, in [0, 1].
        task: what the loss is for.
    """

    part: Part
    rows: float | None = None
    batch_size: float | None = None
    l1_ratio: float | None = None
    task: Task | None = None


def penalty_of(number: float, convention: Convention, given: Circumstances) -> float:
    """λ of the penalty that a number stands for.

    Raises:
        InputError: the convention needs what isn't given, or λ is beyond the range of a float.
    """
    unit = unit_of(convention, given)
    penalty = unit / number if convention.inverse else unit * number
    return _within_floats(penalty, number == (math.inf if convention.inverse else 0.0), convention)


def number_of(penalty: float, convention: Convention, given: Circumstances) -> float:
    """The number that stands for a penalty λ: `penalty_of` the other way.

    Raises:
        InputError: the convention needs what isn't given, or the number is beyond the range of a float.
    """
    unit = unit_of(convention, given)
    if not convention.inverse:
        return _within_floats(penalty / unit, penalty == 0.0, convention)
    return _within_floats(unit / penalty, False, convention) if penalty else math.inf


def unit_of(convention: Convention, given: Circumstances) -> float:
    """λ of the penalty that a number of 1 stands for.

    Raises:
        InputError: the convention needs what isn't given.
    """
    unit = convention.l1 if given.part == "L1" else convention.l2
    unit *= _share(convention, given)
    if convention.halves and _task(convention, given) == "regression":
        unit *= 2.0
    return unit / _count(convention, given)


def _share(convention: Convention, given: Circumstances) -> float:
    if not convention.mixed:
        return 1.0
    ratio = convention.usual_ratio if given.l1_ratio is None else given.l1_ratio
    if ratio is None:
        raise InputError(f"{convention.name} is an elastic net; give its l1_ratio, L1's share from 0 to 1")
    share = ratio if given.part == "L1" else 1.0 - ratio
    if share == 0.0:
        other = "above 0" if given.part == "L1" else "below 1"
        raise InputError(
            f"{convention.name} has no {given.part} penalty at l1_ratio {ratio:g}; give an l1_ratio {other}"
        )
    return share


def _task(convention: Convention, given: Circumstances) -> Task:
    if given.task is None:
        raise InputError(
            f"{convention.name} halves the squared error but no other loss; give task, 'regression' or 'classification'"
        )
    return given.task


def _count(convention: Convention, given: Circumstances) -> float:
    if convention.over is None:
        return 1.0
    if convention.over == "rows" and given.rows is None:
        raise InputError(f"{convention.name} stands beside a sum over the rows; give rows, how many it learns from")
    if convention.over == "batch_size" and given.batch_size is None:
        raise InputError(
            f"{convention.name} is divided by the rows of a batch; give batch_size (all rows for solver 'lbfgs')"
        )
    count = given.rows if convention.over == "rows" else given.batch_size
    assert count is not None
    return count


def _within_floats(result: float, vanishes: bool, convention: Convention) -> float:
    """The result, unless it overflowed, or fell to 0 where it should not."""
    if math.isinf(result) or (result == 0.0 and not vanishes):
        raise InputError(
            f"between {convention.name} and λ a strength becomes {result:g}, beyond any float; give another"
        )
    return result
