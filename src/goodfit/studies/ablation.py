"""Ablation: what each technique of a recipe brings, alone and beside the others, on the same folds and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

import numpy as np

from goodfit.multiplicity import holm
from goodfit.regularizers import Recipe
from goodfit.regularizers.recipe import Regularizer
from goodfit.statistics import Estimate
from goodfit.studies.fitting import Candidate, Fit, Plan, fit
from goodfit.studies.paired import Paired, differs, mean_of_rows
from goodfit.studies.preparing import Prepared
from goodfit.studies.problem import Floats, Problem
from goodfit.studies.trials import candidate_trial
from goodfit.training import Execution, Progress, RunResult, Settings

Kind = Literal["none", "alone", "all", "without"]
Verdict = Literal["helps", "harms", "unclear"]

AS_LONG = 0.9
"""A network that ran out of time is compared with one that trained for at most so much longer: 1 / 0.9."""


@dataclass(frozen=True)
class Variant:
    """Part of a recipe.

    Args:
        kind: none of the techniques, one alone, all, or all without one.
        technique: the name of the one; "" with none and all.
        recipe: what is trained.
    """

    kind: Kind
    technique: str
    recipe: Recipe


@dataclass(frozen=True)
class Effect:
    """What a technique does to the mean held-out loss, in its unit; below 0 it helps.

    Args:
        technique: its name.
        alone: the loss with it alone, less that without any, with a 95 % interval over rows, groups and trainings;
            nan where a network diverged.
        p_alone: how often chance would bring as much, adjusted for all that is asked (Holm); nan where networks
            diverged, or where some ran out of time long before those that they are compared with.
        without: the loss with all techniques, less that with all but this one; the same where there are no others.
        p_without: likewise.
        verdict: by `without`: "helps" or "harms" if its p is below 0.05 and it is a thousandth of the loss or more.
    """

    technique: str
    alone: Estimate
    p_alone: float
    without: Estimate
    p_without: float
    verdict: Verdict


@dataclass(frozen=True, eq=False)
class Ablation:
    """What came of an ablation.

    Args:
        fit: its candidates are the variants, in order; the one with all techniques is chosen.
        variants: different recipes.
        losses: the mean held-out loss of each, with a 95 % interval likewise; nan if a network diverged.
        effects: one a technique; none where they were not asked about.
    """

    fit: Fit
    variants: tuple[Variant, ...]
    losses: tuple[Estimate, ...]
    effects: tuple[Effect, ...]

    @property
    def asked(self) -> bool:
        """Whether each technique was asked about; with none there is nothing to ask."""
        return bool(self.effects) or len(self.variants) == 1

    @property
    def complete(self) -> bool:
        """Whether no network ran out of time."""
        return not any(r.outcome == "out of time" for candidate in self.fit.candidates for r in candidate.results)

    def to_dict(self) -> dict[str, Any]:
        """Variants and effects as plain data."""
        return {
            "variants": [
                {"kind": v.kind, "technique": v.technique, "recipe": str(v.recipe), "loss": loss.to_dict()}
                for v, loss in zip(self.variants, self.losses, strict=True)
            ],
            "effects": [asdict(effect) for effect in self.effects],
            "complete": self.complete,
        }


def variants_of(recipe: Recipe) -> tuple[Variant, ...]:
    """What an ablation trains: none of the techniques, each alone, all, and all but each.

    A technique at its neutral dose is left away first. With two, to leave one out is to have the other alone: such a
    recipe appears once, and "none" and "all" keep their names.

    Example:
        >>> [str(variant.recipe) for variant in variants_of(Recipe.parse("l2=0.1, dropout=0.2, mixup=0"))]
        ['none', 'l2=0.1', 'dropout=0.2', 'l2=0.1, dropout=0.2']
    """
    parts = tuple(part for part in recipe if not _neutral(part))
    ends = [Variant("none", "", Recipe()), Variant("all", "", Recipe(parts))][: 1 + bool(parts)]
    known = {variant.recipe for variant in ends}
    alone = _unknown([Variant("alone", part.name, Recipe((part,))) for part in parts], known)
    left = _unknown([Variant("without", part.name, _less(parts, part)) for part in parts], known)
    return (ends[0], *alone, *ends[1:], *left)


def ablate(
    problem: Problem,
    recipe: Recipe,
    *,
    plan: Plan,
    settings: Settings,
    execution: Execution | None = None,
    on_epoch: Callable[[Progress], None] | None = None,
    prepared: Prepared | None = None,
    techniques: bool = True,
) -> Ablation:
    """Train the parts of a recipe in one population, on the same folds and seeds, and compare them row by row.

    Args:
        problem: what to learn; equal rows are merged.
        recipe: whose techniques are asked about.
        plan: as in `fit`; which recipe is used is not asked: it is the one with all techniques.
        settings: what all runs share.
        execution: device, threads, deadline.
        on_epoch: called after each epoch.
        prepared: the problem's encodings as `fit` takes them.
        techniques: whether each technique is asked about; without, none of them is set beside all.

    Raises:
        InputError: as `fit`.
    """
    variants = variants_of(recipe)
    if not techniques:
        variants = tuple(variant for variant in variants if variant.kind in ("none", "all"))
    whole = next((place for place, variant in enumerate(variants) if variant.kind == "all"), 0)
    fitted = fit(
        problem,
        [variant.recipe for variant in variants],
        plan=replace(plan, use=whole),
        settings=settings,
        execution=execution,
        on_epoch=on_epoch,
        prepared=prepared,
    )
    losses = [candidate_trial(fitted, place).losses for place in range(len(fitted.candidates))]
    means = tuple(_mean(fitted, own).mean for own in losses)
    effects = _effects(fitted, variants, losses, means) if techniques else ()
    return Ablation(fitted, variants, means, effects)


def _neutral(part: Regularizer) -> bool:
    """Whether every dose that has a neutral value is at it."""
    ranges = {f.name: f.metadata["range"] for f in fields(part) if "range" in f.metadata}
    doses = [name for name, allowed in ranges.items() if allowed.neutral is not None]
    return bool(doses) and all(getattr(part, name) == ranges[name].neutral for name in doses)


def _less(parts: tuple[Regularizer, ...], left_out: Regularizer) -> Recipe:
    return Recipe(tuple(part for part in parts if part is not left_out))


def _unknown(variants: Sequence[Variant], known: set[Recipe]) -> list[Variant]:
    """Those whose recipes are not known yet; from now on they are."""
    new = [variant for variant in variants if variant.recipe not in known]
    known.update(variant.recipe for variant in new)
    return new


def _effects(
    fitted: Fit, variants: Sequence[Variant], losses: Sequence[Floats], means: Sequence[Estimate]
) -> tuple[Effect, ...]:
    place = {variant.recipe: i for i, variant in enumerate(variants)}
    parts = variants[fitted.chosen].recipe.parts
    alone = [(place[Recipe((part,))], place[Recipe()]) for part in parts]
    without = [(fitted.chosen, place[_less(parts, part)]) for part in parts]
    asked = list(dict.fromkeys([*alone, *without]))
    found = {pair: _compared(fitted, losses, *pair) for pair in asked}
    adjusted = dict(zip(asked, holm([found[pair].p for pair in asked]).tolist(), strict=True))
    return tuple(
        Effect(
            part.name,
            found[one].mean,
            adjusted[one],
            found[other].mean,
            adjusted[other],
            _verdict(found[other].mean.value, adjusted[other], means[other[1]].value),
        )
        for part, one, other in zip(parts, alone, without, strict=True)
    )


def _compared(fitted: Fit, losses: Sequence[Floats], one: int, other: int) -> Paired:
    found = _mean(fitted, losses[one] - losses[other])
    fair = _as_long(fitted.candidates[one], fitted.candidates[other])
    return found if fair else replace(found, p=math.nan)


def _mean(fitted: Fit, values: Floats) -> Paired:
    """Of numbers by row, for the rows that any network held out."""
    problem, results = fitted.prepared.problem, fitted.best.results
    rows, fold = np.unique(np.concatenate([result.run.validation for result in results])), np.zeros(problem.rows)
    for place, result in enumerate(results):
        fold[result.run.validation] = place
    groups = None if problem.groups is None else problem.groups[rows]
    return mean_of_rows(values, problem.weights[rows], groups, trainings=fold[rows].astype(np.int64))


def _as_long(one: Candidate, other: Candidate) -> bool:
    """Whether no network of either ran out of time long before the other's on the same rows ended."""
    return all(not _cut(a, b) and not _cut(b, a) for a, b in zip(one.results, other.results, strict=True))


def _cut(result: RunResult, other: RunResult) -> bool:
    return result.outcome == "out of time" and result.epochs < AS_LONG * other.epochs


def _verdict(difference: float, p: float, loss: float) -> Verdict:
    if not differs(difference, p, loss):
        return "unclear"
    return "helps" if difference < 0 else "harms"
