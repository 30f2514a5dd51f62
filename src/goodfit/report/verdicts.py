"""Verdicts in the order in which a reader needs them, each with the figures that it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from goodfit.report.changes import KINDS, change_figure
from goodfit.report.evidence import growth_figure, parts_figure
from goodfit.report.figures import Figure

SEVERITIES = {"issue": "Issue", "tip": "Tip", "info": "Note", "good": "Good"}
OUTCOMES = {
    "fired": "",
    "undecided": "Undecided",
    "passed": "Did not fire",
    "not applicable": "Not applicable",
}
RESTS_ON = {
    "overfitting": ("dose", "parts", "curves"),
    "underfitting": ("training", "capacity", "relaxed"),
    "stopped_wrong": ("patience",),
    "more_rows_help": ("growth",),
    "miscalibrated": ("calibration",),
    "benign_gap": ("dose", "curves"),
    "validation_too_small": tuple(KINDS),
    "good_fit": tuple(KINDS),
}
"""What each verdict asks to be drawn: kinds of change, and figures."""
GENERAL = ("benign_gap", "validation_too_small", "good_fit")
"""Verdicts that rest on other verdicts' evidence: they draw what those leave."""
SECTIONED = ("curves", "calibration")
"""Figures that have a section of their own until a verdict that the reader sees at once draws them."""


@dataclass(frozen=True)
class Shown:
    """A verdict, the figures drawn with it, and links to those drawn elsewhere: address and text."""

    verdict: Mapping[str, Any]
    figures: Sequence[Figure] = ()
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Board:
    """All verdicts by outcome; figures that no verdict draws; and the sections whose figure a verdict draws."""

    groups: Mapping[str, Sequence[Shown]]
    rest: Sequence[Figure] = ()
    moved: Sequence[str] = field(default_factory=list)

    @property
    def figures(self) -> list[Figure]:
        """All figures on it."""
        return [figure for group in self.groups.values() for shown in group for figure in shown.figures] + [*self.rest]


def badge(verdicts: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What stands above the headline, and its tone.

    Returns:
        The gravest severity that fired; "Can't tell" where nothing to mend fired and overfitting or underfitting is
        undecided, or overfitting could not be asked; else that there is no issue.

    Example:
        >>> badge([{"name": "overfitting", "severity": "issue", "outcome": "undecided"}])
        ("Can't tell", 'undecided')
        >>> badge([{"name": "good_fit", "severity": "good", "outcome": "fired"}])
        ('No issue found', 'good')
    """
    fired = [verdict["severity"] for verdict in _ordered(verdicts) if verdict["outcome"] == "fired"]
    if fired and fired[0] in ("issue", "tip"):
        return SEVERITIES[fired[0]], fired[0]
    outcomes = {verdict.get("name"): verdict["outcome"] for verdict in verdicts}
    unsure = "undecided" in (outcomes.get("overfitting"), outcomes.get("underfitting"))
    if unsure or outcomes.get("overfitting") == "not applicable":
        return "Can't tell", "undecided"
    return (
        ("No issue found", "good") if not fired or fired[0] == "good" else (SEVERITIES.get(fired[0], fired[0]), "info")
    )


def arrange(summary: Mapping[str, Any], sectioned: Mapping[str, Figure]) -> Board:
    """Order the verdicts, and give each figure to the one verdict that draws it.

    Those that a reader sees at once (fired, then undecided) come before those that are folded up; among them, verdicts
    with evidence of their own come before the general ones. What a verdict rests on and another draws, it links to.

    Args:
        summary: a run's JSON: "verdicts", "changes", "asked", "dose_parts", "growth"; each optional.
        sectioned: the figures named in `SECTIONED` that there are.

    Example:
        >>> arrange({"growth": {"rows": [100], "mean": [0.5]}}, {}).rest[0].id
        'growth'
    """
    verdicts = _ordered(summary.get("verdicts") or ())
    pieces = dict(sectioned) | {
        name: figure
        for name, figure in {
            "parts": parts_figure(summary["dose_parts"]) if summary.get("dose_parts") else None,
            "growth": growth_figure(summary["growth"]) if summary.get("growth") else None,
        }.items()
        if figure
    }
    changes = summary.get("changes") or ()
    there = [*dict.fromkeys(str(change["kind"]) for change in changes), *pieces]
    holders = _holders(verdicts, there)
    drawn = {
        place: _figures([name for name in wanted if name in there and holders[name] == place], place, summary, pieces)
        for place, wanted in [*enumerate(map(_wanted, verdicts)), (None, there)]
    }
    groups = {
        outcome: [
            Shown(verdict, drawn[place], _links(verdict, place, holders, drawn, pieces))
            for place, verdict in enumerate(verdicts)
            if verdict["outcome"] == outcome
        ]
        for outcome in OUTCOMES
    }
    rest = [figure for figure in drawn[None] if figure.id not in SECTIONED]
    return Board(groups, rest, [name for name in sectioned if holders[name] is not None])


def _ordered(verdicts: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Fired first, and the gravest of them first; then undecided, passed, not applicable, each in the order given."""
    outcomes, severities = list(OUTCOMES), list(SEVERITIES)

    def rank(verdict: Mapping[str, Any]) -> tuple[int, int]:
        outcome, severity = verdict["outcome"], verdict["severity"]
        fired = outcome == "fired" and severity in severities
        return outcomes.index(outcome), severities.index(severity) if fired else len(severities)

    return sorted((verdict for verdict in verdicts if verdict["outcome"] in outcomes), key=rank)


def _holders(verdicts: Sequence[Mapping[str, Any]], there: Sequence[str]) -> dict[str, int | None]:
    """Which verdict, by its place, draws each figure and kind of change; None: no verdict does."""
    holders: dict[str, int | None] = dict.fromkeys(there)
    turns = [(place, verdict) for place, verdict in enumerate(verdicts) if verdict["outcome"] != "not applicable"]
    for place, verdict in sorted(turns, key=lambda turn: (turn[1]["outcome"] == "passed", _general(turn[1]), turn[0])):
        folded = verdict["outcome"] == "passed"
        for name in _wanted(verdict):
            if name in holders and holders[name] is None and not (folded and (name in SECTIONED or _general(verdict))):
                holders[name] = place
    return holders


def _wanted(verdict: Mapping[str, Any]) -> Sequence[str]:
    return RESTS_ON.get(str(verdict.get("name")), ())


def _general(verdict: Mapping[str, Any]) -> bool:
    return verdict.get("name") in GENERAL


def _figures(
    names: Sequence[str], place: int | None, summary: Mapping[str, Any], pieces: Mapping[str, Figure]
) -> list[Figure]:
    """The figures of these names, the kinds of change among them in one."""
    kinds = [name for name in names if name not in pieces]
    name = f"changes-{'rest' if place is None else place}"
    changes = change_figure(summary["changes"], summary.get("asked"), kinds, name) if kinds else None
    return ([changes] if changes else []) + [pieces[name] for name in names if name in pieces]


def _links(
    verdict: Mapping[str, Any],
    place: int,
    holders: Mapping[str, int | None],
    drawn: Mapping[int | None, Sequence[Figure]],
    pieces: Mapping[str, Figure],
) -> list[tuple[str, str]]:
    """Addresses and titles of the figures that a verdict rests on and another place of the page draws."""
    if verdict["outcome"] == "not applicable":
        return []
    links = {}
    for name in _wanted(verdict):
        if name in holders and holders[name] != place:
            wanted = pieces[name].id if name in pieces else "changes-"
            found = next((figure for figure in drawn[holders[name]] if figure.id.startswith(wanted)), None)
            if found:
                links[f"#figure-{found.id}"] = found.title
    return list(links.items())
