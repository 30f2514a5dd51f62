"""What a task does on a node: train a group of runs, until they ended or to an epoch at which they are compared."""

from __future__ import annotations

import math
import time
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
from goodfit.training.loop import Standing, empty_ledger, epochs, job_of, resumed
from goodfit.training.memory import free_memory
from goodfit.training.population import Job

ROWS = ("inputs", "targets", "weights")
Arrays = dict[str, NDArray[Any]]
Aside = tuple[list[int], State]
"""The members of a turn that were put aside, and their state."""
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
    job, execution = _job(order, data, [runs[place] for place in order.places], settings, began)
    ledger, aside = empty_ledger(job), list[Aside]()
    turns: Sequence[dict[str, Tensor] | None] = [None]
    if saved is not None:
        ledger, turns = _put_aside(saved, order.dropped)
    left = sum(len(job.runs) if turn is None else len(turn["alive"]) for turn in turns)
    for turn in turns:
        count = len(job.runs) if turn is None else len(turn["alive"])
        standing = _standing(job, replace(execution, deadline=_share(execution.deadline, count, left)), ledger, turn)
        ledger, left = standing.ledger, left - count
        with closing(epochs(job, standing)) as each:
            for _ in each:
                tell(standing.groups.progress(standing.epoch, settings.max_epochs, len(job.runs)))
                if standing.population and standing.epoch >= order.until:
                    aside.append((standing.population.members, standing.population.state))
                    standing.population, standing.groups.training = None, []
    return _told(ledger, aside, order.until)


def _job(order: Order, data: Data, runs: Sequence[Run], settings: Settings, began: float) -> tuple[Job, Execution]:
    device = torch.device(order.execution.device)
    beside = order.beside if device.type == "cpu" else 1  # a GPU is a task's own
    memory = order.execution.memory or free_memory(device) // beside
    execution = replace(order.execution, deadline=began + order.seconds, memory=memory)
    return job_of(data, runs, settings, execution, batch_norm=order.batch_norm), execution


def _standing(job: Job, execution: Execution, ledger: Ledger, turn: dict[str, Tensor] | None) -> Standing:
    """Where a turn that was put aside stood, without those of other turns; or the beginning."""
    if turn is None:
        return resumed(job, execution)
    standing = resumed(job, execution, snapshot(ledger, [], None, 0) | turn)
    standing.groups.waiting.clear()
    return standing


def _share(deadline: float, count: int, left: int) -> float:
    """When a turn of so many of the runs left should end."""
    now = time.monotonic()
    return deadline if math.isinf(deadline) else now + (deadline - now) * count / max(left, 1)


def _put_aside(saved: Arrays, dropped: Sequence[int]) -> tuple[Ledger, list[dict[str, Tensor]]]:
    """A ledger and the states of turns, of one's own, without the runs that were dropped."""
    tensors = {name: torch.tensor(array) for name, array in saved.items()}
    ledger = Ledger(*(tensors[f"ledger.{f.name}"] for f in fields(Ledger)))
    ledger.outcome[list(dropped)] = OUTCOMES.index("dropped")
    turns: list[dict[str, Tensor]] = []
    gone = torch.tensor(dropped, dtype=torch.int64)
    for place in range(int(tensors["turns"])):
        own = {name.partition("/")[2]: t for name, t in tensors.items() if name.startswith(f"{place}/")}
        stay = ~torch.isin(own["alive"], gone)
        if stay.any():
            turns.append({name: t[stay] for name, t in own.items()} | {"epoch": tensors["epoch"]})
    return ledger, turns


def _told(ledger: Ledger, aside: Sequence[Aside], epoch: int) -> tuple[Answer, Arrays | None]:
    """The group's ledger, and the states of those that were put aside, each turn's for itself: so many fit together."""
    states: dict[str, Tensor] = {}
    for place, (members, state) in enumerate(aside):
        assert (ledger.outcome[members] == TRAINING).all()
        ledger.best[members], ledger.statistics[members] = state.best.cpu(), state.best_statistics.cpu()
        ledger.best_epoch[members] = state.best_epoch.cpu()
        states |= {f"{place}/state.{f.name}": getattr(state, f.name) for f in fields(State)}
        states[f"{place}/alive"] = torch.tensor(members, dtype=torch.int64)
    answer = Answer(_arrays({f.name: getattr(ledger, f.name) for f in fields(Ledger)}))
    if not aside:
        return answer, None
    counts = {"epoch": torch.tensor(epoch), "turns": torch.tensor(len(aside))}
    return answer, _arrays({f"ledger.{f.name}": getattr(ledger, f.name) for f in fields(Ledger)} | states | counts)


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
    return {name: tensor.cpu().numpy() for name, tensor in tensors.items()}
