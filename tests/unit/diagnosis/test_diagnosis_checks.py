"""All questions are asked, each has an answer with numbers or a reason, and answers are plain data."""

import json

import numpy as np
import pytest
from verdict_evidence import (
    CLEAN,
    ROWS,
    diverging,
    evidence,
    growth,
    networks,
    row_losses,
    times,
    trial,
    with_train_loss,
)

from goodfit.diagnosis import CHECKS, QUESTIONS, Diagnosis, Verdict, diagnose, unanswered
from goodfit.saving import json_text

NAMES = (
    "overfitting",
    "underfitting",
    "collapsed",
    "diverged",
    "leak",
    "validation_too_small",
    "stopped_wrong",
    "label_noise",
    "miscalibrated",
    "more_rows_help",
    "accuracy_misleads",
    "validation_overused",
    "benign_gap",
    "good_fit",
)
DOSES = (trial("l2=0.001", times(1.1)), trial("l1=0.01", times(0.999)))
STRONGER = trial("hidden=(8,)", times(1.1), kind="capacity", recipe="none", results=with_train_loss(0.3))
PATIENT = trial("early_stopping=40", times(1.0), kind="patience")
FULL = {"leaks": CLEAN, "growth": growth()}
NOTHING = {"scores": {}, "baseline": {}, "rows": np.arange(0), "target": np.arange(0), "held": ()}

EVERY = {
    "sane": evidence(trial(), *DOSES, STRONGER, **FULL),
    "a fit alone": evidence(),
    "stopped": evidence(trial("early_stopping=10"), *DOSES, STRONGER, PATIENT, **FULL),
    "overfits": evidence(trial(), trial("l2=0.01", times(0.4)), STRONGER, **FULL),
    "unsure": evidence(
        trial(), trial("l2=0.01", row_losses(0.49, seed=1)), **FULL | {"growth": growth(reliable=False)}
    ),
    "numbers": evidence(trial(), *DOSES, STRONGER, task="regression", **FULL),
    "turned": evidence(trial(results=networks(train=(1, 0.5, 0.1), validation=(1.0, 0.1, 2.0)))),
    "collapsed": evidence(trial(), predicted=np.full((ROWS, 2), 0.5), best=np.full((ROWS, 2), 0.5)),
    "one diverged": evidence(diverging(trial()), *DOSES, STRONGER, **FULL),
    "all diverged": evidence(
        trial(losses=np.full(ROWS, np.nan), results=networks(outcome="diverged")),
        predicted=np.full((ROWS, 2), np.nan),
        best=np.full((ROWS, 2), np.nan),
        scores={},
        baseline={},
    ),
    "nothing held out": evidence(
        trial(losses=[], results=()), predicted=np.zeros((0, 2)), best=np.zeros((0, 2)), **NOTHING
    ),
}


def test_every_question_is_answered_in_order():
    diagnosis = diagnose(EVERY["sane"])
    assert tuple(verdict.name for verdict in diagnosis.verdicts) == NAMES
    assert tuple(question.NAME for question in QUESTIONS) == NAMES
    assert len(CHECKS) == len(NAMES) == 14
    assert diagnosis.fired == ("more_rows_help", "good_fit")
    assert repr(diagnosis) == f"Diagnosis(fired=['more_rows_help', 'good_fit'], verdicts={list(NAMES)})"
    missing = [verdict.name for verdict in diagnosis.verdicts if verdict.outcome == "not applicable"]
    assert missing == ["stopped_wrong"]


@pytest.mark.parametrize("name", EVERY)
def test_verdicts_are_plain_data_with_a_reason_where_they_are_open_or_not_asked(name):
    for verdict in diagnose(EVERY[name]).verdicts:
        plain = verdict.to_dict()
        assert json.loads(json_text(plain), parse_constant=pytest.fail)["name"] == verdict.name
        assert list(plain) == ["name", "title", "severity", "outcome", "evidence", "threshold", "advice", "reason"]
        assert plain["severity"] in {"issue", "tip", "good"}
        assert plain["outcome"] in {"fired", "passed", "undecided", "not applicable"}
        assert bool(verdict.reason) == (verdict.outcome in {"undecided", "not applicable"}), verdict
        assert verdict.fired == (verdict.outcome == "fired")
        assert verdict.title
        if verdict.outcome == "not applicable":
            assert (verdict.threshold, verdict.evidence) == (None, {})
        elif verdict.outcome != "undecided":
            assert verdict.advice
            assert verdict.threshold >= 0
        assert all(isinstance(value, float | str) for value in verdict.evidence.values())
        assert all(np.isfinite(value) for value in verdict.evidence.values() if isinstance(value, float)), verdict


def test_a_network_that_diverged_leaves_other_questions_to_be_asked():
    """Of one network of five: there is nothing to compare, but its rows and the best dose's can be judged."""
    found = diagnose(EVERY["one diverged"])
    assert "diverged" in found.fired
    for name in ("overfitting", "underfitting", "validation_too_small", "benign_gap", "good_fit"):
        assert (found[name].outcome, "diverged" in found[name].reason) == ("not applicable", True)
    for name in ("leak", "label_noise", "validation_overused"):
        assert found[name].outcome in {"passed", "undecided"}


def test_good_news_is_good_and_bad_news_is_an_issue():
    severities = {verdict.name: verdict.severity for verdict in diagnose(EVERY["sane"]).verdicts}
    assert [name for name, severity in severities.items() if severity == "good"] == ["good_fit"]
    issues = {name for name, severity in severities.items() if severity == "issue"}
    assert issues == {"overfitting", "underfitting", "collapsed", "diverged", "leak", "validation_too_small"}


def test_rows_that_allow_no_verdict_leave_all_questions_unasked_for_one_reason():
    diagnosis = unanswered("7 rows are too few")
    assert tuple(verdict.name for verdict in diagnosis.verdicts) == NAMES
    assert {(v.outcome, v.reason) for v in diagnosis.verdicts} == {("not applicable", "7 rows are too few")}
    assert [v.title for v in diagnosis.verdicts] == [question.TITLE for question in QUESTIONS]


def test_a_verdict_is_found_by_its_name():
    one, two = Verdict("a", "A", "tip", "fired"), Verdict("b", "B", "issue", "passed", evidence={"x": 1.0})
    diagnosis = Diagnosis((one, two))
    assert diagnosis["b"] is two
    assert diagnosis.fired == ("a",)
    assert two.to_dict()["evidence"] == {"x": 1.0}
    assert diagnosis.to_dict() == {"fired": ["a"], "verdicts": [one.to_dict(), two.to_dict()]}
    with pytest.raises(KeyError):
        diagnosis["c"]
