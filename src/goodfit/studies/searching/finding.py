"""Find: search, blend what was found, tell the winner's techniques apart, and set it beside what else could be used."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

from goodfit.errors import InputError
from goodfit.studies.ablation import Ablation, ablate, variants_of
from goodfit.studies.baselines import Baseline, train_baselines
from goodfit.studies.enlarging import offline
from goodfit.studies.fitting import Plan, splits_of
from goodfit.studies.problem import Problem
from goodfit.studies.rating import check_costs, check_metric, decision_of
from goodfit.studies.searching.asking import STUDY, Proposer
from goodfit.studies.searching.batch import Batch, Trial
from goodfit.studies.searching.choices import Choices, Proposal
from goodfit.studies.searching.choosing import MOST_NETWORKS, Chosen, choose
from goodfit.studies.searching.extent import SHORTENED, extent
from goodfit.studies.searching.pace import SHARE_OF_ABLATION, Pace
from goodfit.studies.searching.rooms import Rooms
from goodfit.studies.searching.search import judged, search, work_to_the_end
from goodfit.studies.searching.standing import Watch
from goodfit.studies.searching.store import Store
from goodfit.training import Execution


@dataclass(frozen=True, eq=False)
class Found:
    """What came of a search.

    Args:
        chosen: the final model, and what is known of it.
        ablation: the techniques of its weightiest trial, each alone and each left out, on the same folds.
        batches: all trials.
        baselines: what else could be used.
        choices: what was searched.
        seconds: of all this, those of a search that this one went on with included.
        budget: seconds granted.
    """

    chosen: Chosen
    ablation: Ablation
    batches: tuple[Batch, ...]
    baselines: tuple[Baseline, ...]
    choices: Choices
    seconds: float
    budget: float

    @property
    def trials(self) -> list[Trial]:
        """All trials, in order."""
        return [trial for batch in self.batches for trial in batch.trials]

    @property
    def lengths(self) -> tuple[int, int]:
        """Epochs that the ablation's longest network trained, and the longest of the trial that it is about."""
        every = [result.epochs for candidate in self.ablation.fit.candidates for result in candidate.results]
        return max(every), self.chosen.picks[0].trial.epochs

    @property
    def diagnosable(self) -> bool:
        """Whether the ablation's networks trained half as long as the winner's, so that they speak for it."""
        reached, whole = self.lengths
        return reached >= SHORTENED * whole


def find(
    problem: Problem,
    choices: Choices,
    *,
    plan: Plan,
    pace: Pace,
    execution: Execution,
    store: Store | None = None,
    networks: int = MOST_NETWORKS,
    on_standing: Watch | None = None,
) -> Found:
    """Search until the time is used, and choose.

    Args:
        problem: merged.
        choices: what may be chosen.
        plan: share held out, seed, standardization.
        pace: the clock.
        execution: device, threads, memory; its deadline is the pace's.
        store: where trials are kept, and those of an interrupted search are found; None for memory.
        networks: of the final model at most, 1 or more.
        on_standing: called after each epoch.

    Raises:
        InputError: fewer than 2 different rows; no rows held out; an unknown metric; costs that no threshold can be
            chosen by; every network diverged; the store fails.
    """
    if problem.rows < 2:
        raise InputError("one sample, or all rows are the same: give at least 2 different rows")
    if not plan.validation:
        raise InputError("validation=0 holds out no rows to choose a recipe by; give a recipe, or validation=0.2")
    check_metric(plan.metric, problem)
    splits = splits_of(problem, plan)
    check_costs(plan.costs, problem, [held for _, held in splits])
    rooms = Rooms(problem, splits, plan.standardize, plan.seed, plan.metric, execution.threads)
    known = store.batches(rooms) if store else []
    pace.spent += sum(batch.seconds for batch in known)
    for batch in known:
        pace.learn(batch.work, batch.seconds)
    study = (store.url, store.study) if store else (None, STUDY)
    with closing(Proposer(choices, plan.seed, *study, anew=not known)) as proposer:
        proposer.catch_up([(Proposal(t.number, t.draft), judged(t, rooms)) for batch in known for t in batch.trials])
        batches = search(
            rooms,
            choices=choices,
            proposer=proposer,
            pace=pace,
            execution=execution,
            on_standing=on_standing,
            known=known,
            on_batch=store.keep if store else None,
        )
    baselines = train_baselines(problem, rooms.splits, seed=plan.seed, deadline=pace.until(SHARE_OF_ABLATION))
    chosen = _decided(choose(rooms, batches, networks), problem, plan)
    ablation = _ablated(rooms, chosen, batches, choices, plan=plan, pace=pace, execution=execution)
    return Found(chosen, ablation, tuple(batches), baselines, choices, pace.elapsed, pace.budget)


def _decided(chosen: Chosen, problem: Problem, plan: Plan) -> Chosen:
    """With the threshold that the plan asks for, chosen by the rows that its networks held out."""
    decision = decision_of(problem, chosen.predicted, chosen.rows, plan)
    return replace(chosen, model=replace(chosen.model, decision=decision))


def _ablated(
    rooms: Rooms,
    chosen: Chosen,
    batches: list[Batch],
    choices: Choices,
    *,
    plan: Plan,
    pace: Pace,
    execution: Execution,
) -> Ablation:
    """The weightiest trial's recipe, trained again beside what is left of it without each of its techniques.

    On fewer folds and for fewer epochs where time is short: trainings that end are compared, not such as are cut off.
    """
    winner = chosen.picks[0].trial
    own = next(batch.settings for batch in batches if winner in batch.trials)
    shape, folds = winner.draft.shape, max(len(winner.results), 1)
    epoch = work_to_the_end(shape, rooms, choices) / choices.base.max_epochs / folds
    most = extent(
        pace.within(SHARE_OF_ABLATION, epoch),
        variants=len(variants_of(winner.draft.recipe)),
        folds=folds,
        epochs=winner.epochs,
    )
    return ablate(
        rooms.problem,
        winner.draft.recipe,
        plan=replace(
            plan,
            members=most.folds if rooms.problem.times is None else folds,
            learning_rate=winner.draft.learning_rate,
            pieces=shape.pieces,
            cut=shape.cut,
        ),
        settings=replace(own, max_epochs=most.epochs),
        execution=replace(execution, deadline=pace.until(SHARE_OF_ABLATION)),
        prepared=None if offline(winner.draft.recipe).parts else rooms.of(shape),
        techniques=most.techniques,
    )
