"""decay_kind: weight decay under an adaptive optimizer, where it is an L2 penalty and no decay."""

from __future__ import annotations

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "decay_kind", "This weight decay is an L2 penalty"
SEVERITY: Severity = "tip"
ADAPTIVE = ("Adam", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "RMSprop", "SparseAdam", "Rprop")


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if an adaptive optimizer adds its weight decay to the gradient, and then divides by the gradient's size.

    Weights with large gradients are then decayed less than others. Under SGD both are the same.

    Source: Loshchilov and Hutter, Decoupled weight decay regularization, ICLR 2019.
    """
    optimizer = evidence.optimizer
    if optimizer is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no optimizer was given")
    name = type(optimizer).__name__
    coupled = [
        float(group.get("weight_decay", 0.0))
        for group in optimizer.param_groups
        if group.get("weight_decay") and not group.get("decoupled_weight_decay", False)
    ]
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if name in ADAPTIVE and coupled else "passed",
        evidence={"optimizer": name, "largest weight decay in the gradient": max(coupled, default=0.0)},
        threshold=0.0,
        advice="if decay is meant, take torch.optim.AdamW, and choose its dose anew: the two are not the same number",
    )
