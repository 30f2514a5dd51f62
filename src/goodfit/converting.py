"""strength: a strength of regularization from one convention to another."""

from __future__ import annotations

import math
from numbers import Real
from reprlib import repr as shortened
from typing import Literal, get_args

from goodfit.conventions import CONVENTIONS, Circumstances, Convention, Part, Task, number_of, penalty_of
from goodfit.errors import InputError, nearest

Optimizer = Literal["sgd", "adam", "adamw"]


def strength(
    value: float,
    *,
    of: str,
    to: str,
    rows: float | None = None,
    batch_size: float | None = None,
    l1_ratio: float | None = None,
    task: Task | None = None,
    optimizer: Optimizer | None = None,
) -> float:
    r"""The number that says in one convention what another number says in another.

    goodfit's λ multiplies $\sum w^2$ or $\sum |w|$ beside a *mean* loss whose squared error is not halved. What a
    number x of another convention is in λ, with n rows and B rows a batch:

    | name | λ |
    |---|---|
    | goodfit.l2, keras.l2; goodfit.l1, keras.l1 | x |
    | torch.weight_decay (SGD, Adam) | x/2 |
    | goodfit.weight_decay, torch.adamw, keras.weight_decay: decoupled | x/2 under plain SGD, else none |
    | goodfit.elastic_net, with its `l1_ratio` r | L1: xr; L2: x(1 - r) |
    | sklearn.ridge (`alpha`) | x/n |
    | sklearn.lasso (`alpha`) | 2x |
    | sklearn.elasticnet (`alpha`), with its `l1_ratio` r | L1: 2xr; L2: x(1 - r) |
    | sklearn.logistic (`C`), with its `l1_ratio` r, usually 0 | L1: r/(nx); L2: (1 - r)/(2nx) |
    | sklearn.mlp (`alpha`) | x/(2B) for classification, x/B for regression |

    Args:
        value: the number to convert, 0 or more, which is no penalty; a `C` is above 0 and inf is no penalty.
        of: the convention that it is in, one of the names above.
        to: the convention that is wanted.
        rows: n, the rows learned from, or the sum of their weights; above 0. Needed by sklearn.ridge and logistic.
        batch_size: B, the rows of a batch; above 0. Needed by sklearn.mlp, whose solver "lbfgs" takes all rows as one.
        l1_ratio: r in [0, 1] of the elastic net among the two: 0 has no L1 part, 1 no L2 part. What is converted is the
            part that the other convention has; the other part is the caller's to convert likewise.
        task: "regression" or "classification". Needed by sklearn.mlp, where the other convention doesn't say it.
        optimizer: "sgd" for SGD without momentum, "adam" or "adamw". Needed between decoupled decay and L2, which are
            the same under "sgd" alone. All other conversions hold under any optimizer, for they are between penalties
            in the loss, or between decays.

    Returns:
        The number in the convention `to`: 0, or a `C` of inf, for no penalty.

    Raises:
        InputError: (a ValueError) a name isn't known, a number is out of its range or missing, or no number of one
            convention does what the other does: L1 and L2; decay and L2 but under plain SGD; two losses.

    Example:
        >>> import goodfit
        >>> goodfit.strength(1e-4, of="torch.weight_decay", to="goodfit.l2")
        5e-05
        >>> goodfit.strength(0.01, of="goodfit.l2", to="sklearn.ridge", rows=200)
        2.0

    Note:
        Adam's `weight_decay` is L2 in the gradient, AdamW's is decay, and is multiplied by the learning rate. Which
        parameters are penalized is not a matter of the number: torch takes biases too, the others here don't.
        `goodfit.Classifier(optimizer="sgd")` has momentum 0.9, so it isn't "sgd" here.
    """
    source, target = _convention(of, "of"), _convention(to, "to")
    number = _value(value, source)
    if optimizer is not None and optimizer not in get_args(Optimizer):
        raise InputError(f"optimizer is {_shown(optimizer)}; give 'sgd', 'adam' or 'adamw', or leave it out")
    counts = {"rows": _count(rows, "rows"), "batch_size": _count(batch_size, "batch_size")}
    ratio, purpose = _ratio(l1_ratio), _common_task(source, target, task)
    if source is target:
        return number
    given = Circumstances(_common_part(source, target), **counts, l1_ratio=ratio, task=purpose)
    _check_decay(source, target, optimizer)
    return number_of(penalty_of(number, source, given), target, given)


def _convention(name: str, setting: str) -> Convention:
    if isinstance(name, str) and name in CONVENTIONS:
        return CONVENTIONS[name]
    near = nearest(str(name), CONVENTIONS)
    hint = f"did you mean {near!r}?" if near else f"there are {', '.join(CONVENTIONS)}"
    raise InputError(f"{setting} is {_shown(name)}, which is no convention known; {hint}")


def _value(value: object, source: Convention) -> float:
    number = _float(value)
    if source.inverse and not number > 0.0:
        raise InputError(f"value is {_shown(value)}; give {source.name} as a number above 0, or inf for no penalty")
    if not source.inverse and not 0.0 <= number < math.inf:
        raise InputError(f"value is {_shown(value)}; give {source.name} as a number of 0 or more")
    return number


def _count(count: object, name: str) -> float | None:
    if count is not None and not 0.0 < _float(count) < math.inf:
        raise InputError(f"{name} is {_shown(count)}; give a number above 0")
    return None if count is None else _float(count)


def _ratio(ratio: object) -> float | None:
    if ratio is not None and not 0.0 <= _float(ratio) <= 1.0:
        raise InputError(f"l1_ratio is {_shown(ratio)}; give a number from 0 to 1")
    return None if ratio is None else _float(ratio)


def _shown(value: object) -> str:
    """A value in a few words and one line, whatever it is."""
    return " ".join(shortened(value).split())


def _float(value: object) -> float:
    """A number as a float; nan for what is none."""
    try:
        return float(value) if not isinstance(value, bool) and isinstance(value, Real) else math.nan
    except OverflowError:
        return math.nan


def _common_part(source: Convention, target: Convention) -> Part:
    """The penalty that both have."""
    common = source.parts & target.parts
    if len(common) > 1:
        raise InputError(
            f"{source.name} and {target.name} both have two parts, whose shares differ; "
            "convert to goodfit.l1 and to goodfit.l2, each by itself"
        )
    if not common:
        one, other = (part for convention in (source, target) for part in convention.parts)
        raise InputError(
            f"{source.name} is {one} and {target.name} is {other}: no strength makes one do what the other does; "
            f"give conventions that are both {one} or both {other}"
        )
    return next(iter(common))


def _common_task(source: Convention, target: Convention, task: Task | None) -> Task | None:
    """What the loss is for, if the conventions or the caller say it."""
    if task is not None and task not in get_args(Task):
        raise InputError(f"task is {_shown(task)}; give 'regression' or 'classification'")
    said = {convention.name: convention.task for convention in (source, target) if convention.task}
    if len(set(said.values())) > 1:
        raise InputError(
            f"{source.name} is for {source.task} and {target.name} for {target.task}: "
            "their losses differ, so no strength is the same; convert to goodfit.l1 or goodfit.l2 to have λ itself"
        )
    for name, its_task in said.items():
        if task is not None and task != its_task:
            raise InputError(
                f"task is {_shown(task)}, but {name} is for {its_task}; leave task out, or give another convention"
            )
    return next(iter(said.values()), task)


def _check_decay(source: Convention, target: Convention, optimizer: Optimizer | None) -> None:
    """Raise InputError for decay against a penalty in the loss, but under plain SGD."""
    if source.decoupled == target.decoupled or optimizer == "sgd":
        return
    decay, penalty = (source, target) if source.decoupled else (target, source)
    raise InputError(
        f"{decay.name} decays weights beside the loss, {penalty.name} is in it: under Adam no number makes one do what "
        "the other does; give optimizer='sgd' if yours is SGD without momentum, under which they are the same"
    )
