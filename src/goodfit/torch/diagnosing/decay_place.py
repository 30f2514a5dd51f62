"""decay_place: weight decay on biases and norm layers."""

from __future__ import annotations

import inspect

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.parameters import kinds_of

NAME, TITLE = "decay_place", "Weight decay on biases or norm layers"
SEVERITY: Severity = "tip"
LEFT_ALONE = ("bias", "norm", "scale")


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if the optimizer decays what isn't a weight: a bias, a norm's scale or shift, or another vector.

    A penalty on them bounds no capacity and moves the predictions' level. AdamW decays by 0.01 unless told otherwise:
    that is said, and fires nothing by itself.
    """
    optimizer = evidence.optimizer
    if optimizer is None:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="no optimizer was given")
    groups = {id(p): group for group in optimizer.param_groups for p in group["params"]}
    counts = {"weights": 0, "bias": 0, "norm": 0, "scale": 0}
    wrong: list[str] = []
    for name, (parameter, kind) in kinds_of(evidence.module).items():
        decay = groups.get(id(parameter), {}).get("weight_decay", 0.0)
        if decay and parameter.requires_grad:
            counts[kind] += 1
            wrong += [name] if kind in LEFT_ALONE else []
    decays = sorted({float(group.get("weight_decay", 0.0)) for group in optimizer.param_groups})
    default = inspect.signature(type(optimizer).__init__).parameters.get("weight_decay")
    unasked = default is not None and default.default != 0 and default.default in decays
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if wrong else "passed",
        evidence={
            "weight decay": ", ".join(f"{decay:g}" for decay in decays),
            "is the optimizer's own default": "yes" if unasked else "no",
            "weights decayed": float(counts["weights"]),
            "biases decayed": float(counts["bias"]),
            "parameters of norms decayed": float(counts["norm"]),
            "other vectors decayed": float(counts["scale"]),
            "first of the wrong ones": wrong[0] if wrong else "",
        },
        threshold=0.0,
        advice="give the optimizer two groups: weights with weight_decay, all other parameters with weight_decay=0",
    )
