"""Optuna as the one who proposes: trials are asked for in batches of one shape, and told how they did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from goodfit.regularizers.ranges import Dimension
from goodfit.rng import derive
from goodfit.studies.searching.choices import Choices, Draft, Proposal, Shape
from goodfit.studies.searching.database import damaged, opening, quiet, storage_of, using

STUDY = "goodfit"
STARTUP = 20
"""Trials that are drawn at random before the others learn from them."""
HIDDEN, PIECES, CUT, BATCH, RATE = "hidden", "pieces", "cut", "batch_size", "learning_rate"


class Proposer:
    """A study of Optuna's, in memory or in a database.

    Args:
        choices: what may be proposed.
        seed: of the proposals.
        storage: a URL of a database; None for memory.
        name: of the study there.
        anew: whether trials that it has already are forgotten.

    Raises:
        InputError: the database can't be used, here or later.
    """

    def __init__(
        self, choices: Choices, seed: int, storage: str | None = None, name: str = STUDY, *, anew: bool = False
    ) -> None:
        self.choices, self.seed, self.storage = choices, seed, storage or "memory"
        self.distributions = distributions_of(choices)
        with opening(self.storage):
            self.database = storage_of(storage) if storage else None
            self.study = _opened(self.database, name, anew=anew)

    def close(self) -> None:
        """Let go of the database."""
        if self.database is None:
            return
        with quiet():
            self.database.remove_session()
            self.database.engine.dispose()

    def ask(self, count: int, enqueued: Sequence[Draft] = (), *, like: Shape | None = None) -> list[Proposal]:
        """The next trials, all of one shape.

        Args:
            count: how many.
            enqueued: drafts to try first, all of one shape.
            like: their shape; None for that of the first.
        """
        with using(self.storage):
            self.study.sampler = self._sampler()
            for draft in enqueued:
                self.study.enqueue_trial(parameters_of(draft, self.choices))
            asked: list[Proposal] = []
            while len(asked) < count:
                if like and len(asked) >= len(enqueued):
                    self.study.enqueue_trial(_shape_parameters(like))
                trial = self.study.ask(self.distributions)
                proposal = Proposal(trial.number, draft_of(trial.params, self.choices))
                like = like or proposal.draft.shape
                if proposal.draft.shape == like:
                    asked.append(proposal)
                else:  # was left waiting by a search that was interrupted
                    self.study.tell(trial, state=TrialState.FAIL)
            return asked

    def _sampler(self) -> optuna.samplers.BaseSampler:
        """Seeded by how many trials there are, so that a search that goes on doesn't repeat itself."""
        return optuna.samplers.TPESampler(
            seed=derive(self.seed, len(self.study.get_trials(deepcopy=False))) % 2**32,
            n_startup_trials=STARTUP,
            multivariate=True,
            constant_liar=True,
        )

    def tell(self, number: int, loss: float) -> None:
        """Say how a trial did; one that has no finite loss has failed."""
        with using(self.storage):
            if math.isfinite(loss):
                self.study.tell(number, loss, skip_if_finished=True)
            else:
                self.study.tell(number, state=TrialState.FAIL, skip_if_finished=True)

    def catch_up(self, known: Sequence[tuple[Proposal, float]]) -> None:
        """Learn how trials of a search that stopped did, and give up those that were under way.

        Args:
            known: what was proposed, and how it did. What the database hasn't got, a new one in the place of one that
                was lost, gets it.

        Raises:
            InputError: the database says something else of them, or can't be read.
        """
        losses = {proposal.number: (proposal.draft, loss) for proposal, loss in known}
        with opening(self.storage):
            self.study.get_trials(deepcopy=False)  # all that it holds is read here
        with using(self.storage):
            there = len(self.study.get_trials(deepcopy=False))
            for number in range(there, max(losses, default=-1) + 1):
                self.study.add_trial(self._ended(*losses.get(number, (None, math.nan))))
            for number, (_, loss) in losses.items():
                self.tell(number, loss)
            for frozen in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
                self.study.tell(frozen.number, state=TrialState.FAIL)
            told = {frozen.number: frozen.value for frozen in self.study.get_trials(deepcopy=False)}
        for number, (_, loss) in losses.items():
            if told.get(number) != (loss if math.isfinite(loss) else None):
                raise damaged(self.storage, f"it tells of trial {number} what wasn't so")

    def _ended(self, draft: Draft | None, loss: float) -> FrozenTrial:
        """A trial that names every parameter: the lowest dose of a technique that is off."""
        if draft is None or not math.isfinite(loss):
            return create_trial(state=TrialState.FAIL)
        lowest = {name: _lowest(distribution) for name, distribution in self.distributions.items()}
        parameters = lowest | parameters_of(draft, self.choices)
        return create_trial(params=parameters, distributions=self.distributions, value=loss)


def _opened(database: optuna.storages.RDBStorage | None, name: str, *, anew: bool) -> optuna.Study:
    """The study of a name, there or new."""
    if anew and database and name in optuna.get_all_study_names(database):
        optuna.delete_study(study_name=name, storage=database)
    return optuna.create_study(storage=database, study_name=name, load_if_exists=True)


def distributions_of(choices: Choices) -> dict[str, BaseDistribution]:
    """All that is asked for, whatever is switched on: a search over a space that never changes knows most of it."""
    found: dict[str, BaseDistribution] = {
        HIDDEN: CategoricalDistribution([_word(h) for h in choices.hidden]),
        PIECES: CategoricalDistribution(list(choices.pieces)),
        CUT: CategoricalDistribution(list(choices.cuts)),
        BATCH: CategoricalDistribution(list(choices.batch_sizes)),
        RATE: FloatDistribution(*choices.learning_rate, log=True),
    }
    for dimension in choices.space.dimensions:
        if dimension.off:
            found[dimension.name.partition(".")[0]] = CategoricalDistribution([False, True])
        found[dimension.name] = _distribution(dimension)
    return found


def draft_of(parameters: dict[str, Any], choices: Choices) -> Draft:
    """What Optuna's parameters of a trial mean; numbers are read to three digits."""
    told = distributions_of(choices)
    parameters = {key: _short(value, told[key]) for key, value in parameters.items()}
    hidden = next(h for h in choices.hidden if _word(h) == parameters[HIDDEN])
    shape = Shape(hidden, parameters[PIECES], parameters[CUT], parameters[BATCH])
    return Draft(choices.space.recipe(parameters), shape, parameters[RATE])


def parameters_of(draft: Draft, choices: Choices) -> dict[str, Any]:
    """Optuna's parameters for a draft; what isn't among the choices is left to be proposed."""
    values = choices.space.values_of(draft.recipe) or {}
    known = distributions_of(choices)
    wanted = _shape_parameters(draft.shape) | {RATE: draft.learning_rate} | values
    return {key: value for key, value in wanted.items() if key in known and _within(value, known[key])}


def _short(value: Any, distribution: BaseDistribution) -> Any:
    if not isinstance(distribution, FloatDistribution):
        return value
    return min(max(float(f"{value:.3g}"), distribution.low), distribution.high)


def _lowest(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return distribution.low
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else None


def _within(value: Any, distribution: BaseDistribution) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    return (
        isinstance(distribution, FloatDistribution | IntDistribution) and distribution.low <= value <= distribution.high
    )


def _shape_parameters(shape: Shape) -> dict[str, Any]:
    return {HIDDEN: _word(shape.hidden), PIECES: shape.pieces, CUT: shape.cut, BATCH: shape.batch_size}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.whole:
        return IntDistribution(math.ceil(dimension.low), math.floor(dimension.high), log=dimension.log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _word(hidden: tuple[int, ...]) -> str:
    return "x".join(map(str, hidden)) or "linear"
