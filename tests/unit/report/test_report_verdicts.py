from itertools import product
from typing import Any

import pytest
import report_example as example
from hypothesis import given
from hypothesis import strategies as st

from goodfit.report.curves import curve_figure
from goodfit.report.figures import Figure, calibration_figure
from goodfit.report.verdicts import OUTCOMES, RESTS_ON, Board, arrange, badge

HUES = dict.fromkeys(example.RECIPES, 0)
SUMMARY = example.summary()
SECTIONED: dict[str, Figure] = {
    "curves": curve_figure(example.history(members=1), (), (), HUES),
    "calibration": calibration_figure(SUMMARY["calibration"], HUES),
}


def board(outcomes: dict[str, str]) -> Board:
    return arrange(example.diagnosed(outcomes), SECTIONED)


def drawn(found: Board) -> dict[str, list[str]]:
    """Titles of the figures by the verdict that draws them."""
    return {
        shown.verdict["name"]: [figure.title for figure in shown.figures]
        for group in found.groups.values()
        for shown in group
    }


def links(found: Board, name: str) -> list[str]:
    return [
        title
        for group in found.groups.values()
        for shown in group
        if shown.verdict["name"] == name
        for _, title in shown.links
    ]


DOSES, PARTS, CURVES = "What more regularization brings", "Of what the loss is made", "Loss by epoch"
STRONGER, ROWS = "What a stronger network or longer training brings", "What more rows bring"


def test_each_verdict_draws_what_it_rests_on() -> None:
    outcomes = dict.fromkeys(
        ("overfitting", "underfitting", "stopped_wrong", "more_rows_help", "miscalibrated"), "fired"
    )
    found = board(outcomes)
    assert drawn(found) == {
        "overfitting": [DOSES, PARTS, CURVES],
        "underfitting": [STRONGER],
        "stopped_wrong": ["What a later stop brings"],
        "more_rows_help": [ROWS],
        "miscalibrated": ["Calibration"],
    }
    assert found.moved == ["curves", "calibration"]
    assert found.rest == []


@pytest.mark.parametrize("outcome", ["undecided", "passed"])
def test_what_did_not_fire_draws_its_evidence_too(outcome: str) -> None:
    found = drawn(board({"overfitting": outcome, "underfitting": outcome, "more_rows_help": outcome}))
    curves = [CURVES] if outcome == "undecided" else []  # folded up they would be out of sight
    assert found == {"overfitting": [DOSES, PARTS, *curves], "underfitting": [STRONGER], "more_rows_help": [ROWS]}


def test_a_good_fit_draws_all_changes_and_those_that_passed_link_to_them() -> None:
    found = board({"overfitting": "passed", "underfitting": "passed", "good_fit": "fired"})
    assert drawn(found) == {"good_fit": ["What each change brings"], "overfitting": [PARTS], "underfitting": []}
    assert links(found, "underfitting") == ["What each change brings"]
    assert [shown.verdict["name"] for shown in found.groups["fired"]] == ["good_fit"]


def test_too_few_held_out_rows_leave_the_doses_to_overfitting_where_that_is_in_sight() -> None:
    found = board({"validation_too_small": "fired", "overfitting": "undecided"})
    assert drawn(found)["overfitting"] == [DOSES, PARTS, CURVES]
    assert drawn(found)["validation_too_small"] == ["What the other changes bring"]
    assert links(found, "validation_too_small") == [DOSES]


@given(st.dictionaries(st.sampled_from(sorted(RESTS_ON)), st.sampled_from(list(OUTCOMES))))
def test_every_piece_of_evidence_is_drawn_once_and_every_link_leads_to_one(outcomes: dict[str, str]) -> None:
    found = board(outcomes)
    ids = [figure.id for figure in found.figures] + [name for name in SECTIONED if name not in found.moved]
    assert len(ids) == len(set(ids))
    assert {"parts", "growth", "curves", "calibration"} <= set(ids)
    lines = [row for figure in found.figures if figure.id.startswith("changes") for row in figure.rows]
    assert len([row for row in lines if row[1] != "as it is"]) == len(example.changes())
    addresses = {address for group in found.groups.values() for shown in group for address, _ in shown.links}
    assert addresses <= {f"#figure-{name}" for name in ids}
    assert sum(map(len, found.groups.values())) == len(outcomes)


@given(st.dictionaries(st.sampled_from(sorted(RESTS_ON)), st.sampled_from(list(OUTCOMES))))
def test_what_is_in_sight_never_links_to_what_is_folded_up(outcomes: dict[str, str]) -> None:
    found = board(outcomes)
    folded = {f"#figure-{figure.id}" for shown in found.groups["passed"] for figure in shown.figures}
    for outcome in ("fired", "undecided"):
        assert not folded & {address for shown in found.groups[outcome] for address, _ in shown.links}


def test_without_any_evidence_there_is_nothing_to_draw() -> None:
    verdicts = example.diagnosed(dict.fromkeys(RESTS_ON, "fired"))["verdicts"]
    found = arrange({"verdicts": verdicts}, {})
    assert (found.figures, found.moved, found.rest) == ([], [], [])
    assert not [shown for shown in found.groups["fired"] if shown.links]
    empty = {"changes": [], "dose_parts": {"score": "Brier score", "rows": []}, "growth": {"rows": [], "mean": []}}
    assert arrange({"verdicts": verdicts} | empty, {}).figures == []


def test_the_gravest_come_first_and_the_good_last() -> None:
    found = board({"good_fit": "fired", "more_rows_help": "fired", "overfitting": "fired", "underfitting": "fired"})
    names = [shown.verdict["name"] for shown in found.groups["fired"]]
    assert names == ["overfitting", "underfitting", "more_rows_help", "good_fit"]


def verdict(name: str, severity: str, outcome: str) -> dict[str, Any]:
    return {"name": name, "severity": severity, "outcome": outcome}


@pytest.mark.parametrize(("overfitting", "underfitting"), list(product(OUTCOMES, OUTCOMES)))
def test_the_badge_says_an_issue_a_tip_that_it_can_not_tell_or_that_there_is_none(
    overfitting: str, underfitting: str
) -> None:
    asked = [verdict("overfitting", "issue", overfitting), verdict("underfitting", "issue", underfitting)]
    tip, good = verdict("benign_gap", "tip", "fired"), verdict("good_fit", "good", "fired")
    if "fired" in (overfitting, underfitting):
        assert badge([good, tip, *asked]) == ("Issue", "issue")
    else:
        assert badge([good, *asked, tip]) == ("Tip", "tip")
        told = "undecided" not in (overfitting, underfitting) and overfitting != "not applicable"
        for verdicts in (asked, [good, *asked]):
            assert badge(verdicts) == (("No issue found", "good") if told else ("Can't tell", "undecided"))


def test_verdicts_of_another_time_have_a_badge_too() -> None:
    assert badge([]) == ("No issue found", "good")
    assert badge([verdict("old", "info", "fired")]) == ("Note", "info")
    assert badge([verdict("old", "strange", "fired")]) == ("strange", "info")
