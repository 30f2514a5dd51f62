"""Diagnose a network: train it and its changes on the same folds, and ask every question of what came of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from goodfit.data.ordering import time_splits
from goodfit.data.splits import holdout
from goodfit.diagnosis import Diagnosis, Evidence, Trial, diagnose, unanswered
from goodfit.diagnosis.underfitting import memorized
from goodfit.extrapolation import Extrapolation, extrapolate
from goodfit.rng import derive
from goodfit.studies.fitting import MOST_ROWS_OF_FOLDS
from goodfit.studies.interventions import Intervention, doses_for, paced, strengthened
from goodfit.studies.leaks import find_leaks
from goodfit.studies.preparing import Prepared, prepare
from goodfit.studies.problem import Floats, Ints, Problem
from goodfit.studies.samples import Sample, part_of, repeated_folds
from goodfit.studies.subject import Subject
from goodfit.studies.trials import FOLDS, evidence_of, trial_of
from goodfit.training import Checkpoint, Run, RunResult, Settings, train

FEWEST_ROWS = 40
REPEATS = ((4, 1_000), (2, 10_000))
"""How often the rows are cut into folds, up to how many rows; once beyond."""

SHARES = (0.125, 0.25, 0.5)
"""Of the training rows, to see what more of them bring."""


@dataclass(frozen=True, eq=False)
class Diagnosed:
    """What came of a diagnosis.

    Args:
        diagnosis: the verdicts.
        evidence: what they rest on; None where the rows allow no verdict.
        subject: whose network was asked about.
        prepared: the problem, merged, and its views; None likewise.
        grown: the place among the trials of the one that the learning curve is drawn of.
        sizes: `(P,)` training rows of the learning curve, empty if none was drawn.
        growth: `(S, P)` held-out losses at those sizes, a fold each.
    """

    diagnosis: Diagnosis
    evidence: Evidence | None
    subject: Subject
    prepared: Prepared | None
    grown: int
    sizes: Ints
    growth: Floats


def diagnose_problem(problem: Problem, subject: Subject) -> Diagnosed:
    """Try changes of a network on a problem and ask every question.

    All that can be trained side by side is one population: the network and its doses. Then come longer trainings and
    larger networks, unless the network has memorized its training rows, and the best dose on fewer rows.

    Args:
        problem: what to learn; equal rows are merged, and of more than 50,000 rows so many are drawn. Rows with times
            are cut into blocks, once.
        subject: the network that is asked about.
    """
    leaks = find_leaks(problem, seed=subject.plan.seed) if problem.rows else None
    problem = _at_most(problem.merged(), MOST_ROWS_OF_FOLDS, subject.plan.seed)
    reason = _too_few(problem)
    if reason:
        return Diagnosed(unanswered(reason), None, subject, None, 0, np.empty(0, np.int64), np.empty((0, 0)))
    repeats = repeats_for(problem.rows) if problem.kind in ("table", "text") else 1
    split = split_rows(problem, repeats, seed=subject.plan.seed)
    own = Intervention("dose", str(subject.recipe), subject.recipe, subject.settings)
    doses = [own, *doses_for(subject.recipe, subject.settings, problem.kind)]
    recipes, plan = [dose.recipe for dose in doses], subject.plan
    trains = [sample.train for sample in split.samples]
    prepared = prepare(
        problem,
        trains,
        recipes,
        standardize=plan.standardize,
        seed=plan.seed,
        threads=subject.execution.threads,
    )
    trials = _tried(prepared, split, subject, doses, checkpoint=subject.checkpoint)
    if not memorized(trials[0]):
        for _, alike in groupby(strengthened(subject.recipe, subject.settings), key=lambda change: change.settings):
            if time.monotonic() < subject.execution.deadline:
                trials += _tried(prepared, split, subject, list(alike))
    scored = np.unique(np.concatenate(split.scored))
    grown = _lowest(trials, problem.weights[scored])
    sizes, growth = _growth(prepared, split.samples[:FOLDS], subject, trials[grown])
    more = _continued(sizes, growth)
    evidence = evidence_of(
        prepared, trials, reference=0, chosen=0, scored=split.scored[: 2 * FOLDS], leaks=leaks, growth=more
    )
    return Diagnosed(diagnose(evidence), evidence, subject, prepared, grown, sizes, growth)


@dataclass(frozen=True, eq=False)
class Split:
    """Rows by network: those it learns from, those it watches, those it is asked about.

    Half of each fold is watched, by early stopping where there is any, and the other half is scored; with many groups
    the halves share none, with few they do, and training rows never share one with either. In every second
    repeat, of other folds, the halves change places, so that each row is scored by a network that neither learned from
    it nor watched it.

    Of rows with times those that are scored come after those that are watched, and these after those learned from; the
    earliest are never scored.

    Args:
        samples: training and watched rows of each network.
        scored: `scored[s]`, the other rows of the network's fold.
    """

    samples: tuple[Sample, ...]
    scored: tuple[Ints, ...]


def repeats_for(rows: int) -> int:
    """How often the rows are cut into folds anew: the fewer there are the oftener, and evenly where more than once."""
    return next((repeats for repeats, most in REPEATS if rows <= most), 1)


def split_rows(problem: Problem, repeats: int, *, seed: int) -> Split:
    """Cut a problem into folds, once or several times, and each fold into halves; rows with times once, in order."""
    if problem.times is not None:
        return _in_time(problem.times, seed)
    halved = problem if _groups(problem) >= 4 * FOLDS else replace(problem, groups=None)
    _, second = halved.hold_out(np.arange(problem.rows), 0.5, derive(seed, 5))
    watched = np.zeros(problem.rows, dtype=bool)
    watched[second] = True
    samples, scored = [], []
    strata = 2 * problem.strata + watched  # so that no fold lacks either half
    for place, sample in enumerate(repeated_folds(problem, FOLDS, repeats, seed=seed, strata=strata)):
        here = watched[sample.held_out] == (place // FOLDS % 2 == 0)
        samples.append(replace(sample, held_out=sample.held_out[here]))
        scored.append(sample.held_out[~here])
    return Split(tuple(samples), tuple(scored))


def _in_time(times: Floats, seed: int) -> Split:
    """Blocks of the later half: a network learns from all rows before one, watches it, and is asked about the next."""
    blocks = time_splits(times, FOLDS + 1)
    samples = [Sample(before, block, derive(seed, 0, part)) for part, (before, block) in enumerate(blocks[:-1])]
    return Split(tuple(samples), tuple(block for _, block in blocks[1:]))


def _tried(
    prepared: Prepared,
    split: Split,
    subject: Subject,
    changes: Sequence[Intervention],
    *,
    checkpoint: Checkpoint | None = None,
) -> list[Trial]:
    """Train changes of one shape and length on the same samples, in one population."""
    samples, each = split.samples, len(split.samples)
    rate = subject.plan.learning_rate
    runs = [
        prepared.run(change.recipe, place, sample.held_out, seed=sample.seed, learning_rate=rate)
        for change in changes
        for place, sample in enumerate(samples)
    ]
    results = _train(prepared, runs, subject, changes[0].settings, checkpoint)
    return [
        trial_of(prepared, results[i * each : (i + 1) * each], change.kind, change.name, scored=split.scored)
        for i, change in enumerate(changes)
    ]


def _lowest(trials: Sequence[Trial], weights: Floats) -> int:
    """The place of the dose of lowest held-out loss: what more rows are asked of."""
    means = [
        float(np.average(trial.losses, weights=weights)) if trial.kind == "dose" and trial.usable else np.inf
        for trial in trials
    ]
    return int(np.argmin(means))


def _train(
    prepared: Prepared,
    runs: Sequence[Run],
    subject: Subject,
    settings: Settings,
    checkpoint: Checkpoint | None = None,
) -> list[RunResult]:
    execution, on_epoch = subject.execution, subject.on_epoch
    return train(prepared.data, runs, settings, execution=execution, on_epoch=on_epoch, checkpoint=checkpoint)


def _growth(prepared: Prepared, samples: Sequence[Sample], subject: Subject, whole: Trial) -> tuple[Ints, Floats]:
    """Training rows and held-out losses `(S, P)` of a trial's recipe at each share of the rows, and at all of them.

    Fewer rows are trained for as many steps, thus more epochs: what longer training brings is another question.
    """
    results = []
    for share in SHARES:
        recipe, settings = paced(whole.results[0].run.recipe, subject.settings, 1 / share)
        parts = [part_of(prepared.problem, sample, share) for sample in samples]
        rate = subject.plan.learning_rate
        runs = [
            prepared.run(recipe, place, p.held_out, seed=p.seed, learning_rate=rate, part=p.train)
            for place, p in enumerate(parts)
        ]
        results += _train(prepared, runs, subject, settings)
    results += whole.results[: len(samples)]
    losses = [np.nan if r.failed else r.history.validation[r.best_epoch - 1] for r in results]
    rows = np.array([len(result.run.train) for result in results])
    return rows.reshape(-1, len(samples)).mean(1).astype(np.int64), np.reshape(losses, (-1, len(samples))).T


def _continued(sizes: Ints, losses: Floats) -> Extrapolation | None:
    if not np.isfinite(losses).all() or len(set(sizes.tolist())) < len(sizes):
        return None
    return extrapolate(sizes, losses, test_share=1 / (FOLDS - 1))


def _groups(problem: Problem) -> int:
    """How many groups there are; where each row is by itself, as many as rows."""
    return problem.rows if problem.groups is None else len(np.unique(problem.groups))


def _at_most(problem: Problem, rows: int, seed: int) -> Problem:
    if problem.rows <= rows:
        return problem
    _, drawn = holdout(problem.strata, rows / problem.rows, seed=derive(seed, 3))
    return problem.take(drawn)


def _too_few(problem: Problem) -> str:
    """Why a problem's rows allow no verdict; empty if they do."""
    if problem.rows < FEWEST_ROWS:
        return f"{problem.rows} different rows are too few; {FEWEST_ROWS} or more can tell something"
    if problem.times is not None and (
        np.ptp(problem.times) == 0 or len(time_splits(problem.times, FOLDS + 1)) <= FOLDS
    ):
        return f"rows are of too few times; {2 * FOLDS + 2} or more, of about as many rows each, can tell something"
    if _groups(problem) < FOLDS:
        return f"{_groups(problem)} groups are too few; {FOLDS} or more can tell something"
    if problem.task == "regression":
        return "" if float(np.std(problem.target)) > 0 else "the target is the same in every row"
    counts = np.bincount(problem.target, minlength=len(problem.classes))
    if np.sort(counts)[-2] < FOLDS:
        return f"only one class has {FOLDS} or more different rows"
    return ""
