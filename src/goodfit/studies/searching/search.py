"""Search: batches of proposals until the time is up, and what came of each.

until the time for searching is used:
    proposals = ask Optuna for a batch of one shape
    trials    = train them over all folds as one population, the worse half dropped now and then
    store the networks of those that went to the end, tell Optuna the losses
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from goodfit.errors import InputError
from goodfit.networks import Layout
from goodfit.studies.rating import rated
from goodfit.studies.searching.asking import Proposer
from goodfit.studies.searching.batch import Batch, Trial, train_batch, work_an_epoch
from goodfit.studies.searching.choices import Choices, Proposal, Shape
from goodfit.studies.searching.defaults import first_drafts
from goodfit.studies.searching.pace import FEWEST_TRIALS, FIRST, SHARE_OF_SEARCHING, Pace
from goodfit.studies.searching.rooms import Rooms
from goodfit.studies.searching.standing import Standing, Watch
from goodfit.training import Execution, Progress

TRIALS, FIRST_TRIALS, FEW = 12, 4, 5
"""Of a batch, of the first where nothing well-tried is in the space, and of one too small to drop any."""


def search(
    rooms: Rooms,
    *,
    choices: Choices,
    proposer: Proposer,
    pace: Pace,
    execution: Execution,
    on_standing: Watch | None = None,
    known: Sequence[Batch] = (),
    on_batch: Callable[[Batch], None] | None = None,
) -> list[Batch]:
    """Train batch after batch until the time for searching is used.

    Args:
        rooms: the problem, its folds and encodings.
        choices: what may be proposed.
        proposer: who proposes.
        pace: the clock.
        execution: device, threads, memory.
        on_standing: called after each epoch.
        known: batches of a search that this one goes on with.
        on_batch: called with each batch that has ended, before Optuna is told.

    Raises:
        InputError: every network diverged.
    """
    batches = list(known)
    while proposed := next_batch(rooms, choices, proposer, pace, done=len(batches)):
        proposals, epochs = proposed
        shape = proposals[0].draft.shape
        prepared = rooms.of(shape, [p.draft.recipe for p in proposals])
        pace.begin()
        end = pace.until(SHARE_OF_SEARCHING if batches else FIRST)
        batch = train_batch(
            prepared,
            rooms.splits,
            proposals,
            shape.settings(choices.base, epochs),
            seed=rooms.seed,
            execution=replace(execution, deadline=end),
            on_epoch=_told(on_standing, pace, batches),
            halve=bool(batches) and len(proposals) > FEW,
        )
        if on_batch:
            on_batch(batch)
        for trial in batch.trials:
            proposer.tell(trial.number, judged(trial, rooms))
        pace.learn(batch.work, batch.seconds)
        batches.append(batch)
    if not any(trial.usable for batch in batches for trial in batch.trials):
        raise InputError("every network of the search diverged: lower the learning rate, or look for absurd values")
    return batches


def judged(trial: Trial, rooms: Rooms) -> float:
    """What Optuna is told of a trial, lower is better; nan for one without predictions to judge by a metric."""
    if rooms.metric is None:
        return trial.loss
    if trial.predicted is None:
        return math.nan
    rows = np.flatnonzero(np.isfinite(trial.predicted).all(1))
    return -rated(rooms.problem, trial.predicted[rows].astype(np.float64), rows, rooms.metric)


def next_batch(
    rooms: Rooms, choices: Choices, proposer: Proposer, pace: Pace, *, done: int
) -> tuple[list[Proposal], int] | None:
    """The next proposals, and how many epochs they may train; None when the time is used.

    The first batch tries what is well-tried, briefly; the second tries it again at length, beside others; the third
    begins with the first of it on numbers cut off, if that may be chosen.
    """
    longest, drafts = choices.base.max_epochs, first_drafts(rooms.problem.kind, choices)
    if not done:
        return _first_batch(rooms, choices, proposer, pace)
    if pace.left(SHARE_OF_SEARCHING) <= 0:
        return None
    cuts = choices.cuts[done - 1 : done]
    leaders = proposer.ask(1, [replace(d, shape=replace(d.shape, cut=cut)) for d in drafts[:1] for cut in cuts])
    shape = suiting(leaders[0].draft.shape, rooms, choices, pace)
    if shape != leaders[0].draft.shape:
        proposer.tell(leaders[0].number, math.nan)
        leaders = []
    trials, epochs = pace.affordable(work_to_the_end(shape, rooms, choices), TRIALS, longest)
    if not trials:
        for leader in leaders:
            proposer.tell(leader.number, math.nan)
        return None
    more = [replace(draft, shape=shape) for draft in drafts[len(leaders) : trials]] if done == 1 else []
    return leaders + proposer.ask(trials - len(leaders), more, like=shape), epochs


def _first_batch(rooms: Rooms, choices: Choices, proposer: Proposer, pace: Pace) -> tuple[list[Proposal], int]:
    """Well-tried recipes, as many as there is time for; where there is none for one, one of the smallest network."""
    longest, drafts = choices.base.max_epochs, first_drafts(rooms.problem.kind, choices)
    leaders = [] if drafts else proposer.ask(1)
    shape, most = (drafts or [leaders[0].draft])[0].shape, len(drafts) or FIRST_TRIALS

    def affordable(shape: Shape) -> tuple[int, int]:
        return pace.first(work_to_the_end(shape, rooms, choices) / longest, most, math.ceil(longest / 2))

    if not affordable(shape)[0]:
        for leader in leaders:
            proposer.tell(leader.number, math.nan)
        leaders = []
        shape = min(_alike(shape, choices), key=lambda each: (not each.pieces, work_to_the_end(each, rooms, choices)))
    trials, epochs = affordable(shape)
    more = [replace(draft, shape=shape) for draft in drafts[: max(trials, 1)]]
    return leaders + proposer.ask(max(trials, 1) - len(leaders), more, like=shape), epochs


def _alike(shape: Shape, choices: Choices) -> list[Shape]:
    """All shapes that treat numbers and batches as this one does."""
    return [replace(shape, hidden=hidden, pieces=pieces) for hidden in choices.hidden for pieces in choices.pieces]


def suiting(shape: Shape, rooms: Rooms, choices: Choices, pace: Pace) -> Shape:
    """The shape, or if it is too large for the time one with its batch size that isn't: the largest with pieces.

    Pieces bring more than width or many trials: where no shape with them suits, the smallest with them may do for a
    few trials. Without time for these it is the largest shape that suits, else the smallest.
    """
    every = _alike(shape, choices)
    works = {each: work_to_the_end(each, rooms, choices) for each in every}
    if pace.suits(works[shape]):
        return shape
    small = [each for each in every if pace.suits(works[each])]
    pieced = [each for each in small if each.pieces]
    barely = [each for each in every if each.pieces and pace.suits(works[each], FEWEST_TRIALS)]
    if pieced or not barely:
        return max(pieced or small, key=works.__getitem__, default=min(every, key=works.__getitem__))
    return min(barely, key=works.__getitem__)


def work_to_the_end(shape: Shape, rooms: Rooms, choices: Choices) -> float:
    """Multiplications of a trial that trains to the end on all folds."""
    settings = shape.settings(choices.base, choices.base.max_epochs)
    outputs = len(rooms.problem.classes) if rooms.problem.task == "multiclass" else 1
    layout = Layout((rooms.inputs(shape), *shape.hidden, outputs), False, rooms.picture, settings.channels)
    rows = sum(len(train) for train, _ in rooms.splits)
    return settings.max_epochs * work_an_epoch(rows, layout, settings.batch_size)


def _told(on_standing: Watch | None, pace: Pace, batches: Sequence[Batch]) -> Callable[[Progress], None] | None:
    if on_standing is None:
        return None
    trials: list[Trial] = [trial for batch in batches for trial in batch.trials]
    best = min((trial.loss for trial in trials if trial.usable), default=math.inf)

    def told(epoch: Progress) -> None:
        on_standing(Standing(max(0.0, pace.budget - pace.elapsed), best, len(trials), epoch))

    return told
