"""Verdicts on a terminal, and the exit status that they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table

from goodfit.commands.terminal import cell, print_cells, print_wrapped, say, say_aside
from goodfit.diagnosis import QUESTIONS, Diagnosis, Verdict
from goodfit.errors import InputError
from goodfit.visible import MOST

FIRED = 1
"""The exit status if a verdict of --fail-on fired."""

NAMES = tuple(question.NAME for question in QUESTIONS)
STYLES = {"issue": "red", "tip": "yellow", "good": "green"}
ORDER = ("fired", "undecided", "passed")
SAID = {"fired": "yes", "undecided": "can't tell", "passed": "no"}


def check_names(names: Sequence[str]) -> None:
    """Raise InputError for the first name that no verdict has."""
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise InputError(f"--fail-on {unknown[0]}: no verdict has this name; known are {', '.join(NAMES)}")


def exit_status(diagnosis: Diagnosis, fail_on: Sequence[str]) -> int:
    """1 if one of these verdicts fired, else 0; one that was not asked or stays open is said on standard error."""
    for name in fail_on:
        verdict = diagnosis[name]
        if verdict.outcome in {"undecided", "not applicable"}:
            say_aside(f"goodfit diagnose: note: {name} is {verdict.outcome}: {verdict.reason}")
    return FIRED if set(fail_on) & set(diagnosis.fired) else 0


def print_verdicts(verdicts: Iterable[Verdict], *, reasons: bool = True) -> None:
    """A line for each question that was asked, those that fired first; the others named below, and why."""
    every = list(verdicts)
    asked = sorted(
        (verdict for verdict in every if verdict.outcome != "not applicable"), key=lambda v: ORDER.index(v.outcome)
    )
    shown = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    for verdict in asked:
        style = STYLES[verdict.severity] if verdict.fired else "dim" if verdict.outcome == "passed" else ""
        cells = (SAID[verdict.outcome], verdict.name, _told(verdict))
        shown.add_row(*(cell(text, style, most=MOST) for text in cells))
    if asked:
        say()
        print_cells(shown)
    apart: dict[str, list[str]] = {}
    for verdict in every:
        if verdict.outcome == "not applicable":
            apart.setdefault(f" ({verdict.reason})" if reasons else "", []).append(verdict.name)
    say()
    for reason, names in apart.items():
        print_wrapped(f"not asked: {', '.join(names)}{reason}", style="dim", indent="  ")


def _told(verdict: Verdict) -> str:
    """What a line says of a verdict: its advice if it fired, else why it is open, else its question."""
    if verdict.fired and verdict.advice:
        return f"{verdict.title.lower()}{_by(verdict)}; {verdict.advice}"
    return verdict.reason if verdict.outcome == "undecided" else verdict.title.lower()


def _by(verdict: Verdict) -> str:
    """How much the loss falls, where that is what the verdict rests on."""
    fall = [verdict.evidence.get(key) for key in ("lower by", "lower by, low", "lower by, high")]
    if not all(isinstance(value, float) for value in fall):
        return ""
    value, low, high = (100 * float(x) for x in fall if isinstance(x, float))
    return f" (the loss falls by {value:.1f} % [{low:.1f}, {high:.1f}])"
