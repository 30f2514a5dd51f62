"""untrained: parameters that the optimizer does not know."""

from __future__ import annotations

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "untrained", "Parameters that the optimizer never moves"
SEVERITY: Severity = "issue"


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a parameter that requires a gradient is missing from the optimizer, or if that holds foreign ones.

    Both are usual where the optimizer was made before a layer was added, replaced or moved. Frozen parameters are
    counted and fire nothing.
    """
    optimizer = evidence.optimizer
    if optimizer is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no optimizer was given")
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    own = dict(evidence.module.named_parameters())
    missing = [name for name, parameter in own.items() if parameter.requires_grad and id(parameter) not in held]
    frozen = [parameter for parameter in own.values() if not parameter.requires_grad]
    foreign = len(held - {id(parameter) for parameter in own.values()})
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if missing or foreign else "passed",
        evidence={
            "parameters missing from the optimizer": float(len(missing)),
            "first of them": missing[0] if missing else "",
            "the optimizer's that are not the module's": float(foreign),
            "frozen parameters": float(len(frozen)),
            "numbers in them": float(sum(parameter.numel() for parameter in frozen)),
        },
        threshold=0.0,
        advice="make the optimizer from the finished module's parameters, or freeze those that are not to be trained"
        if missing
        else "if the loss has no parameters of its own, make the optimizer from the finished module's parameters",
    )
