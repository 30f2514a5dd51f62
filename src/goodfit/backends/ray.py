"""Training on a Ray cluster: a population in groups of runs, a task each.

rows, runs    put into the object store, once; each node fetches them once
groups        of neighbours, so many that all processors have work to the end
for rung:     an epoch after which the worse half is dropped; the last is the end of the training
    tasks     train their groups to the rung, and leave their states in the object store
    driver    enters what they report in its ledger, and asks which runs to drop
"""

from __future__ import annotations

import math
import time
import warnings
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch

from goodfit.backends.connecting import join
from goodfit.backends.crew import Crew
from goodfit.backends.parts import MOST_FAILURES, TURNS, Part, cut, progress_of
from goodfit.backends.tasks import Post
from goodfit.backends.work import Report, pack
from goodfit.errors import InputError, LostRuns
from goodfit.training import Checkpoint, Data, Drop, Execution, Progress, Run, RunResult, Settings
from goodfit.training.checkpoint import fingerprint
from goodfit.training.compiled import Compiled
from goodfit.training.engine import Choice
from goodfit.training.ledger import OUTCOMES, TRAINING, Ledger, restore, snapshot
from goodfit.training.loop import empty_ledger, job_of, results_of
from goodfit.training.population import Job, order_of

SPARING = 20.0
"""How many times as long as the last saving took it waits before the next."""


@dataclass(eq=False)
class Kept:
    """What several trainings share, as long as this process doesn't leave the cluster.

    Args:
        session: which time this process has joined one.
        post: letters from tasks.
        rows: data that somebody holds, and where they lie in the object store.
    """

    session: str = ""
    post: Any = None
    rows: list[tuple[weakref.ref[Data], Any]] = field(default_factory=list)

    def join(self, ray: Any) -> None:
        """Begin anew if this process has joined another cluster, or the same one again."""
        context = ray.get_runtime_context()
        session = f"{context.get_node_id()}/{context.get_job_id()}"
        if session != self.session:
            self.session, self.post, self.rows = session, Post(ray), []

    def stored(self, data: Data) -> Any:
        """Where rows lie in the object store; they stay there as long as somebody holds them here."""
        self.rows = [(known, ref) for known, ref in self.rows if known() is not None]
        for known, ref in self.rows:
            if known() is data:
                return ref
        ref = self.post.ray.put(pack(data))
        self.rows.append((weakref.ref(data), ref))
        return ref


@dataclass(frozen=True)
class Ray:
    """Trains on a Ray cluster.

    Args:
        address: of the cluster, as `ray.init` takes it; None for the one that this process has joined, else that of
            `RAY_ADDRESS`, of this machine, or one of its own.
        patience: seconds without a free processor after which it gives up.
    """

    address: str | None = None
    patience: float = 60.0
    kept: Kept = field(default_factory=Kept, repr=False, compare=False)

    def train(
        self,
        data: Data,
        runs: Sequence[Run],
        settings: Settings,
        *,
        execution: Execution,
        on_epoch: Callable[[Progress], None] | None = None,
        checkpoint: Checkpoint | None = None,
        drop: Drop | None = None,
    ) -> list[RunResult]:
        """Train a population of runs: the results of `goodfit.training.train`, in the order of the runs.

        Raises:
            InputError: Ray or a cluster can't be had, its versions differ, or no processor of it comes free; every
                group failed.
        """
        ray = join(self.address)
        job = _planned(data, runs, settings, execution)
        print_ = fingerprint(data, runs, settings) if checkpoint else ""
        saved = checkpoint.load(print_) if checkpoint else None
        ledger = restore(saved, torch.device("cpu"))[0] if saved else empty_ledger(job)
        self.kept.join(ray)
        shared = (self.kept.stored(data), ray.put((list(runs), settings)))
        crew = Crew(
            self.kept.post, _on_nodes(execution, job), shared, batch_norm=job.layout.batch_norm, patience=self.patience
        )
        keeping = Keeping(ledger, checkpoint, print_)
        parts = _parts(job, ledger, crew, one_turn=drop is not None or math.isfinite(execution.deadline))
        try:
            _to_the_end(job, parts, crew, keeping, on_epoch=on_epoch, drop=drop)
        finally:
            keeping.save(last=True)
        _tell_lost(parts, ledger, len(runs))
        return results_of(job, ledger)


@dataclass(eq=False)
class Keeping:
    """The ledger of a training on a cluster, and its copy on disk.

    Args:
        ledger: what is known of all runs.
        checkpoint: where to save it; None for nowhere.
        print_: fingerprint of the job.
        unsaved: whether it holds more than the copy.
        took: seconds that the last saving took.
    """

    ledger: Ledger
    checkpoint: Checkpoint | None
    print_: str
    unsaved: bool = False
    took: float = 0.0

    def enter(self, part: Part, report: Report) -> None:
        """Enter what a task reports of its group."""
        places = torch.tensor(part.places)
        for f in fields(Ledger):
            getattr(self.ledger, f.name)[places] = torch.tensor(report[f.name])
        outcomes = report["outcome"]
        part.going = [place for place, outcome in zip(part.places, outcomes, strict=True) if outcome == TRAINING]
        self.unsaved = True

    def save(self, *, last: bool = False) -> None:
        """Save, unless that would take more than a small share of the time."""
        if self.checkpoint is None or not self.unsaved:
            return
        now = time.monotonic()
        if last or now - self.checkpoint.saved >= SPARING * self.took:
            self.checkpoint.save(snapshot(self.ledger, [], None, 0), self.print_)
            self.took, self.unsaved = time.monotonic() - now, False


def _planned(data: Data, runs: Sequence[Run], settings: Settings, execution: Execution) -> Job:
    """The training as this process would have it, which need not have the GPU that it asks for."""
    portable = execution.device == "cuda" and execution.engine == "auto"
    engine = "portable" if portable else execution.engine
    return job_of(data, runs, settings, replace(execution, device="cpu", threads=1, engine=engine))


def _on_nodes(execution: Execution, job: Job) -> Execution:
    """The execution of a task: the engine is that of the whole training, whatever techniques a group has."""
    engine: Choice = "compiled" if isinstance(job.engine, Compiled) else "portable"
    engine = engine if execution.device == "cpu" else execution.engine
    return replace(execution, engine=engine, threads=execution.threads or 1, backend=None)


def _parts(job: Job, ledger: Ledger, crew: Crew, *, one_turn: bool) -> list[Part]:
    """The runs that haven't ended, in groups: one a task, or several where none waits for another or for its share."""
    waiting = [place for place in order_of(job) if ledger.outcome[place] == TRAINING]
    return cut(waiting, max(1, crew.room.tasks) * (1 if one_turn else TURNS)) if waiting else []


def _to_the_end(
    job: Job,
    parts: Sequence[Part],
    crew: Crew,
    keeping: Keeping,
    *,
    on_epoch: Callable[[Progress], None] | None,
    drop: Drop | None,
) -> None:
    ledger, longest = keeping.ledger, job.settings.max_epochs
    done = len(job.runs) - sum(len(part.places) for part in parts)

    def news() -> None:
        keeping.save()
        if on_epoch:
            on_epoch(progress_of(parts, longest, len(job.runs), done))

    rungs = sorted(epoch for epoch in (drop.at if drop else ()) if epoch < longest)
    for epoch in [*rungs, longest]:
        going = [part for part in parts if part.going and not part.lost]
        if going:
            crew.train(going, epoch, on_report=keeping.enter, on_news=news)
        if drop and epoch < longest and any(part.going for part in parts):
            places = drop.choose(epoch, ledger.losses[:, :epoch, 1].numpy())
            _drop(places, parts, ledger)


def _drop(places: Any, parts: Sequence[Part], ledger: Ledger) -> None:
    """Those of the runs that have not ended are dropped."""
    dropped = [place for place in np.asarray(places).tolist() if ledger.outcome[place] == TRAINING]
    ledger.outcome[torch.tensor(dropped, dtype=torch.int64)] = OUTCOMES.index("dropped")
    for part in parts:
        part.end(dropped)


def _tell_lost(parts: Sequence[Part], ledger: Ledger, runs: int) -> None:
    """Say which groups were lost.

    Raises:
        InputError: all of them.
    """
    lost = [part for part in parts if part.lost]
    if not lost:
        return
    count = sum(len(part.going) for part in lost)
    failed = f"their training failed {MOST_FAILURES} times on the Ray cluster, at last because {lost[-1].why}"
    if count == runs:
        raise InputError(f"none of {runs} networks could be trained: {failed}")
    for part in lost:
        ledger.lose(part.going)
    warnings.warn(f"{count} of {runs} networks are left out: {failed}", LostRuns, stacklevel=4)
