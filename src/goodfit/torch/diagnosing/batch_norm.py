"""batch_norm: running statistics that aren't those of the training rows, or that can't be trusted."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.watching import Moments

NAME, TITLE = "batch_norm", "Batch norm's running statistics are wrong"
SEVERITY: Severity = "issue"
LARGEST_SHIFT = 1.0
"""Of a channel's deviation, as root mean square over the channels."""
LARGEST_RATIO = 3.0
"""Between running and measured variance, either way, as root mean square of its logarithm over the channels."""
FEWEST = 8
"""Values of a channel in a usual batch: fewer make statistics that are mostly chance."""
FLOOR = 0.01
"""Of a layer's mean variance: below it a channel counts as constant, and its variance isn't compared."""


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a batch norm predicts with statistics that aren't those of what the training rows send into it.

    That is, if they aren't finite, were never updated, are of the batch at hand (in training mode as given, or
    without running statistics), differ by a deviation or by a factor of 3, or come from batches of fewer than 8
    values a channel. Measured in inference mode: what goes into a later batch norm has gone through the earlier ones.

    Smaller differences are usual: weights move until the last step, and dropout in an earlier layer makes the variance
    larger in training.
    """
    layers = {name: part for name, part in evidence.module.named_modules() if isinstance(part, _BatchNorm)}
    if not layers:
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="the module has no batch norm")
    faults = {name: _fault(part, evidence, name) for name, part in layers.items()}
    faulty = [name for name, (fault, _) in faults.items() if fault]
    wanted = faulty or list(faults)
    worst = wanted[0]
    numbers = {key: max(found.get(key, 0.0) for _, found in faults.values()) for key in ("shift", "ratio")}
    sizes = [found["values"] for _, found in faults.values() if "values" in found]
    momentum = {layers[name].momentum for name in layers}
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if faulty else "passed",
        evidence={
            "layers": float(len(layers)),
            "layers with a fault": float(len(faulty)),
            "first of them": worst if faulty else "",
            "its fault": faults[worst][0],
            "largest shift of the means, in deviations": numbers["shift"],
            "largest ratio of the variances": numbers["ratio"],
            "values a channel in a usual batch": min(sizes, default=math.nan),
            "momentum": ", ".join(
                sorted("none: averages all batches alike" if m is None else f"{m:g}" for m in momentum)
            ),
        },
        threshold=LARGEST_SHIFT,
        advice=_advice(faults[worst][0], evidence),
    )


def _fault(part: _BatchNorm, evidence: ModuleEvidence, name: str) -> tuple[str, dict[str, float]]:
    """What is wrong with a batch norm, in words, and its numbers."""
    moments = evidence.moments.get(name)
    numbers = {"values": float(np.median(moments.batches))} if moments else {}
    if part.running_mean is None or part.running_var is None:
        return "it has no running statistics: a prediction depends on the rows beside it", numbers
    if not (torch.isfinite(part.running_mean).all() and torch.isfinite(part.running_var).all()):
        return "its running statistics are not finite", numbers
    if (part.running_var < 0).any():
        return "a running variance is below 0", numbers
    if _untouched(part):
        return "its running statistics were never updated", numbers
    if moments is not None and moments.values > 1:
        shift, ratio = _apart(part, moments)
        numbers |= {"shift": shift, "ratio": ratio}
        if not (shift <= LARGEST_SHIFT and ratio <= LARGEST_RATIO):
            return "its running statistics differ from those of the training rows", numbers
    if evidence.flags.get(name):
        return "it was given in training mode", numbers
    return ("its batches are tiny" if numbers.get("values", FEWEST) < FEWEST else ""), numbers


def _untouched(part: _BatchNorm) -> bool:
    assert part.running_mean is not None
    assert part.running_var is not None
    new = bool((part.running_mean == 0).all() and (part.running_var == 1).all())
    return new and (part.num_batches_tracked is None or int(part.num_batches_tracked) == 0)


def _apart(part: _BatchNorm, moments: Moments) -> tuple[float, float]:
    """How far running statistics lie from measured ones: the means in deviations, the variances as a factor."""
    assert part.running_mean is not None
    assert part.running_var is not None
    mean, variance = moments.mean, moments.variance
    least = max(float(part.eps), FLOOR * float(variance.mean()))
    shift = (part.running_mean.double() - mean) ** 2 / (variance + least)
    apart = torch.log((part.running_var.double() + least) / (variance + least))
    return float(shift.mean().sqrt()), math.exp(min(float((apart**2).mean().sqrt()), 100.0))


def _advice(fault: str, evidence: ModuleEvidence) -> str:
    if "training mode" in fault:
        return "call module.eval() before predicting"
    if "tiny" in fault or "no running" in fault:
        return "use larger batches with drop_last=True, or GroupNorm or LayerNorm, which know no batch"
    if "differ" in fault and any(isinstance(part, _DropoutNd) and part.p > 0 for part in evidence.module.modules()):
        return "put dropout behind the last batch norm, whose variance it shifts, or lower it; else compute them anew"
    return (
        "compute them anew: reset_running_stats(), momentum=None, then one pass in training mode over the training rows"
    )
