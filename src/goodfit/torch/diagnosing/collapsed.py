"""collapsed: the module predicts nearly the same for every row."""

from __future__ import annotations

from goodfit.diagnosis.collapsed import LEAST_SPREAD, NAME, SEVERITY, TITLE
from goodfit.diagnosis.verdict import Verdict
from goodfit.torch.diagnosing.chances import is_classifier, probabilities
from goodfit.torch.diagnosing.evidence import ModuleEvidence

LEAST_ROWS = 10


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if no output's deviation between validation rows reaches 0.001: of a probability, or of the target's own.

    Probabilities below 0.5 for every row of a rare class are no collapse: their ranking still tells.
    """
    seen = evidence.validation
    if seen.outputs is None or seen.infinite or len(seen.outputs) < LEAST_ROWS:
        reason = "outputs are not finite" if seen.infinite else "there is no fixed number of outputs for each row"
        if seen.outputs is not None and not seen.infinite:
            reason = f"{len(seen.outputs)} validation rows are too few; {LEAST_ROWS} or more can tell"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    classes = is_classifier(evidence)
    predicted = probabilities(evidence) if classes else seen.outputs.double().numpy()
    spread = float(predicted.std(0).max())
    scale = 1.0 if classes or not seen.deviation > 0 else seen.deviation
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if spread < LEAST_SPREAD * scale else "passed",
        evidence={"deviation of the predictions between rows": spread},
        threshold=LEAST_SPREAD * scale,
        advice="lower the learning rate or the dose of regularization, and see that the inputs are scaled",
    )
