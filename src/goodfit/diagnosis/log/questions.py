"""The verdicts that a log allows, and why it allows no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from goodfit.diagnosis.log.findings import Finding, LogTurn
from goodfit.diagnosis.log.noise import LEAST_POINTS
from goodfit.diagnosis.verdict import Outcome, Severity, Verdict
from goodfit.statistics import Estimate

LEAST_RISE = 1e-3
"""Of the loss: less is no overfitting, and may be rounding alone."""

LEAST_FALL = 0.01
"""Of the loss, within the last eighth of the epochs: a loss that falls by less has come to its end."""

BLIND = 0.05
"""Of the loss: noise that hides a larger rise makes the curve useless."""

LONG, LATE = 20, 0.2
"""Points from which on noise is no matter of a short log; the share of the epochs after a turn that comes too late."""

SEVERITIES: dict[str, Severity] = {
    "overfitting": "issue",
    "underfitting": "issue",
    "diverged": "issue",
    "stopped_wrong": "tip",
    "validation_too_small": "issue",
    "good_fit": "good",
}
TITLES = {
    "overfitting": "Validation turns while training goes on falling",
    "underfitting": "Both losses still fall at the end",
    "diverged": "The loss was lost on the way",
    "stopped_wrong": "Training ended at the wrong time",
    "validation_too_small": "The validation curve is too noisy to tell",
    "good_fit": "Validation came to rest and did not turn",
}
ELSEWHERE: dict[str, tuple[Severity, str, str]] = {
    "collapsed": ("issue", "One prediction for every row", "a log holds no predictions"),
    "leak": ("issue", "Something gives the answers away", "a log holds no columns and no rows"),
    "label_noise": ("tip", "Some labels are wrong", "a log holds no labels"),
    "miscalibrated": ("tip", "Its probabilities are not to be taken at their word", "a log holds no probabilities"),
    "more_rows_help": ("tip", "More rows would lower the loss", "a log holds no training on fewer rows"),
    "accuracy_misleads": ("tip", "Accuracy cannot rank these networks", "a log doesn't say how common each class is"),
    "validation_overused": (
        "tip",
        "The validation rows were asked too often",
        "a log doesn't say how many choices were made on the validation rows",
    ),
    "benign_gap": (
        "tip",
        "A gap that no dose mends",
        "a log of one training doesn't say whether a regularizer would lower the validation loss",
    ),
}
NAMES = (*TITLES, *ELSEWHERE)
FEW = f"fewer than {LEAST_POINTS} epochs with a validation loss don't tell their noise"
NOISY = f"its noise hides rises below {BLIND:.0%} of the loss"


def ask(findings: Sequence[Finding]) -> tuple[Verdict, ...]:
    """Every question, of a log with a validation loss."""
    checks: dict[str, Callable[[Sequence[Finding]], Verdict]] = {
        "overfitting": _overfitting,
        "underfitting": _underfitting,
        "diverged": diverged,
        "stopped_wrong": _stopped_wrong,
        "validation_too_small": _too_small,
        "good_fit": _good_fit,
    }
    return (*(check(findings) for check in checks.values()), *_elsewhere())


def unanswered(reason: str, findings: Sequence[Finding] = ()) -> tuple[Verdict, ...]:
    """No question, but whether the loss was lost if there is one, for a reason."""
    asked = tuple(
        diverged(findings) if name == "diverged" and findings else _verdict(name, "not applicable", reason=reason)
        for name in TITLES
    )
    return (*asked, *_elsewhere())


def worst(findings: Sequence[Finding]) -> LogTurn | None:
    """The turn that is farthest beyond its noise."""
    turns = [finding.turn for finding in findings if finding.turn]
    return max(turns, key=lambda turn: turn.rise.low / abs(turn.loss or 1.0), default=None)


def overfits(finding: Finding) -> bool:
    """Whether validation rises beyond noise, and by a thousandth, while training doesn't rise beyond its own."""
    turn = finding.turn
    return bool(
        turn and turn.train_fall is not None and _turns(turn) and not finding.train_rises and turn.rise.value > 0
    )


def diverged(findings: Sequence[Finding]) -> Verdict:
    """Fires if a loss stopped being finite for good, or rose tenfold above what it had fallen."""
    gone = [lost for finding in findings for lost in finding.lost]
    numbers: dict[str, float | str] = {"runs that diverged": float(len(gone))}
    if gone:
        numbers["first at"] = min(at for _, at in gone)
    return _verdict(
        "diverged", "fired" if gone else "passed", numbers, 0.0, "lower the learning rate, or clip gradients"
    )


def _overfitting(findings: Sequence[Finding]) -> Verdict:
    turned = [finding for finding in findings if overfits(finding)]
    turn = worst(turned or findings)
    if turn is None:
        return _verdict("overfitting", "undecided", reason=FEW)
    threshold = LEAST_RISE * abs(turn.loss)
    numbers = _numbers(turn) | ({"trainings that overfit": float(len(turned))} if len(findings) > 1 else {})
    advice = f"keep the weights of {turn.unit} {turn.epoch:.10g}, and find the regularizer that helps with goodfit fit"
    if turned:
        return _verdict("overfitting", "fired", numbers, threshold, advice)
    if _turns(turn) and turn.train_fall is None:
        reason = "the log has no training loss: a validation loss also rises where training goes astray"
        return _verdict("overfitting", "undecided", numbers, threshold, advice, reason)
    if any(_blind(finding) for finding in findings):
        return _verdict("overfitting", "undecided", numbers, threshold, advice, NOISY)
    return _verdict("overfitting", "passed", numbers, threshold, advice)


def _underfitting(findings: Sequence[Finding]) -> Verdict:
    both = [(v, t) for finding in findings for v, t in [finding.falls] if v is not None and t is not None]
    if not both:
        trained = any(finding.falls[0] is not None for finding in findings)
        return _verdict("underfitting", "undecided", reason="the log has no training loss" if trained else FEW)
    held_out, train = max(both, key=lambda falls: falls[0].low)
    fired = [falls for falls in both if _falls(falls[0]) and _falls(falls[1])]
    numbers: dict[str, float | str] = {
        "fall of the validation loss at the end": held_out.value,
        "fall, low": held_out.low,
        "fall, high": held_out.high,
        "fall of the training loss at the end": train.value,
    }
    advice = "train longer; if that ends no lower, with more capacity or less regularization"
    return _verdict("underfitting", "fired" if fired else "passed", numbers, LEAST_FALL, advice)


def _stopped_wrong(findings: Sequence[Finding]) -> Verdict:
    told = [finding for finding in findings if finding.turn]
    if not told:
        return _verdict("stopped_wrong", "undecided", reason=FEW)
    early = [finding for finding in told if finding.falls[0] and _falls(finding.falls[0])]
    late = [turn for finding in told if (turn := finding.turn) and _turns(turn) and turn.after > LATE]
    turn = worst(told)
    assert turn is not None
    numbers: dict[str, float | str] = {"share of the epochs after the turn": turn.after, "turn at": turn.epoch}
    advice = f"stop early, with a patience, or keep the weights of {turn.unit} {turn.epoch:.10g}"
    if early and not late:
        advice = "train longer: validation still fell when it ended"
    numbers["it ended"] = "too late" if late else "too early" if early else "in time"
    return _verdict("stopped_wrong", "fired" if early or late else "passed", numbers, LATE, advice)


def _too_small(findings: Sequence[Finding]) -> Verdict:
    told = [finding for finding in findings if finding.turn]
    if not told:
        return _verdict("validation_too_small", "undecided", reason=FEW)
    hidden = max(_hidden(finding) for finding in told)
    numbers: dict[str, float | str] = {"smallest rise that could be seen, as a share of the loss": hidden}
    blind = [finding for finding in told if _blind(finding)]
    advice = "hold out more rows, or lower the learning rate towards the end"
    if blind and all(len(finding.at) < LONG for finding in blind):
        reason = f"{NOISY}, which so few epochs may by themselves"
        return _verdict("validation_too_small", "undecided", numbers, BLIND, advice, reason)
    return _verdict("validation_too_small", "fired" if blind else "passed", numbers, BLIND, advice)


def _good_fit(findings: Sequence[Finding]) -> Verdict:
    if not all(finding.turn for finding in findings):
        return _verdict("good_fit", "undecided", reason=FEW)
    wrong = any(
        finding.lost or (finding.turn and _turns(finding.turn)) or (finding.falls[0] and _falls(finding.falls[0]))
        for finding in findings
    )
    if not wrong and any(_blind(finding) for finding in findings):
        return _verdict("good_fit", "undecided", reason=NOISY)
    return _verdict("good_fit", "passed" if wrong else "fired")


def _turns(turn: LogTurn) -> bool:
    return turn.beyond_noise and turn.rise.value > LEAST_RISE * abs(turn.loss)


def _falls(fall: Estimate) -> bool:
    return fall.low > 0 and fall.value > LEAST_FALL


def _hidden(finding: Finding) -> float:
    turn = finding.turn
    return turn.visible / abs(turn.loss) if turn and turn.loss else 0.0


def _blind(finding: Finding) -> bool:
    """Whether noise hides a rise that would matter, and neither a rise nor a fall was seen."""
    falls = finding.falls[0] is not None and _falls(finding.falls[0])
    return bool(finding.turn and not finding.turn.beyond_noise and not falls and _hidden(finding) > BLIND)


def _numbers(turn: LogTurn) -> dict[str, float | str]:
    numbers: dict[str, float | str] = {
        "validation turns at": turn.epoch,
        "rise since": turn.rise.value,
        "rise, low": turn.rise.low,
        "rise, high": turn.rise.high,
        "smallest rise beyond noise": turn.visible,
    }
    if turn.train_fall is not None:
        numbers["fall of the training loss since"] = turn.train_fall
    return numbers | ({"training": turn.part} if turn.part else {})


def _elsewhere() -> tuple[Verdict, ...]:
    return tuple(
        Verdict(name, title, severity, "not applicable", reason=reason)
        for name, (severity, title, reason) in ELSEWHERE.items()
    )


def _verdict(
    name: str,
    outcome: Outcome,
    numbers: dict[str, float | str] | None = None,
    threshold: float | None = None,
    advice: str = "",
    reason: str = "",
) -> Verdict:
    return Verdict(name, TITLES[name], SEVERITIES[name], outcome, numbers or {}, threshold, advice, reason)
