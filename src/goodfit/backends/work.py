"""What a task does on a node: train a group of runs, until they ended or to an epoch at which they are compared."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from goodfit.errors import InputError
from goodfit.training import Data, Execution, Progress, Run, Settings
from goodfit.training.block import State
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger, snapshot
from goodfit.training.loop import Standing, epochs, job_of, resumed
from goodfit.training.memory import free_memory

ROWS = ("inputs", "targets", "weights")
Arrays = dict[str, NDArray[Any]]
Report = dict[str, NDArray[Any]]
"""A group's ledger; of runs that are to go on it holds what they would hand out."""


@dataclass(frozen=True)
class Order:
    """What a task is to train.

    Args:
        places: the group's runs.
        dropped: those among them, by their place in the group, that go on no more.
        until: the epoch after which those that have not ended are put aside.
        seconds: time left when the task begins.
        execution: device, threads, engine, memory.
        batch_norm: whether any run of the whole training has batch norm.
        beside: tasks on a node at most, this one included.
    """

    places: tuple[int, ...]
    dropped: tuple[int, ...]
    until: int
    seconds: float
    execution: Execution
    batch_norm: bool
    beside: int


@dataclass(frozen=True, eq=False)
class Answer:
    """What comes of an order.

    Args:
        report: what is known of the group's runs; None where the order was refused.
        refused: why, in a line.
    """

    report: Report | None
    refused: str = ""


def pack(data: Data) -> dict[str, Any]:
    """Rows as arrays, which lie in a node's memory once for all its tasks."""
    arrays = {name: getattr(data, name).contiguous().numpy() for name in ROWS}
    return arrays | {"task": data.task, "form": data.form}


def unpack(packed: Mapping[str, Any]) -> Data:
    """The rows; their memory may be others' too and is never written to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch says that arrays are not writable
        inputs, targets, weights = (torch.from_numpy(packed[name]) for name in ROWS)
    return Data(inputs, targets, weights, packed["task"], packed["form"])


def carry_out(
    order: Order,
    packed: Mapping[str, Any],
    planned: tuple[Sequence[Run], Settings],
    saved: Arrays | None,
    *,
    tell: Callable[[Progress], None],
    began: float,
) -> tuple[Answer, Arrays | None]:
    """Train a group.

    Args:
        order: which, and how far.
        packed: the rows.
        planned: all runs of the training, and their settings.
        saved: the state in which the group was put aside; None to begin.
        tell: called after each epoch.
        began: when the task began, `time.monotonic()`.

    Returns:
        What is known now, and the state of those that are to go on.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is to be said was said where the training was asked for
            return _trained(order, unpack(packed), planned, saved, tell=tell, began=began)
    except InputError as error:
        return Answer(None, str(error)), None


def _trained(
    order: Order,
    data: Data,
    planned: tuple[Sequence[Run], Settings],
    saved: Arrays | None,
    *,
    tell: Callable[[Progress], None],
    began: float,
) -> tuple[Answer, Arrays | None]:
    runs, settings = planned
    memory = order.execution.memory or free_memory(torch.device(order.execution.device)) // order.beside
    execution = replace(order.execution, deadline=began + order.seconds, memory=memory)
    own = [runs[place] for place in order.places]
    job = job_of(data, own, settings, execution, batch_norm=order.batch_norm)
    standing = resumed(job, execution, None if saved is None else _without(saved, order.dropped))
    aside: list[tuple[list[int], State]] = []
    with closing(epochs(job, standing)) as each:
        for _ in each:
            tell(standing.groups.progress(standing.epoch, settings.max_epochs, len(own)))
            if standing.population and standing.epoch >= order.until:
                aside.append((standing.population.members, standing.population.state))
                standing.population, standing.groups.training = None, []
    return _told(standing, aside, order.until)


def _without(saved: Arrays, dropped: Sequence[int]) -> dict[str, Tensor]:
    """A state of its own, without those that were dropped."""
    tensors = {name: torch.tensor(array) for name, array in saved.items()}
    stay = ~torch.isin(tensors["alive"], torch.tensor(dropped, dtype=torch.int64))
    tensors |= {name: t[stay] for name, t in tensors.items() if name.startswith("state.") or name == "alive"}
    tensors["ledger.outcome"][list(dropped)] = OUTCOMES.index("dropped")
    return tensors


def _told(standing: Standing, aside: Sequence[tuple[list[int], State]], epoch: int) -> tuple[Answer, Arrays | None]:
    """The group's ledger, and the state of those that were put aside."""
    ledger = standing.ledger
    if not aside:
        return Answer(_arrays({f.name: getattr(ledger, f.name) for f in fields(Ledger)})), None
    members = [member for own, _ in aside for member in own]
    state = State(*(torch.cat([getattr(own, f.name) for _, own in aside]) for f in fields(State)))
    assert (ledger.outcome[members] == TRAINING).all()
    ledger.best[members], ledger.statistics[members] = state.best.cpu(), state.best_statistics.cpu()
    ledger.best_epoch[members] = state.best_epoch.cpu()
    saved = _arrays(snapshot(ledger, members, state, epoch))
    return Answer(_arrays({f.name: getattr(ledger, f.name) for f in fields(Ledger)})), saved


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
