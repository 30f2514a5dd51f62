"""weights: parameters are not finite, or far too large; norm and exact zeros of each layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.parameters import inputs_of, kinds_of

NAME, TITLE = "weights", "Weights that are not finite, or have exploded"
SEVERITY: Severity = "issue"
LARGEST_GAIN = 100.0


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a parameter or buffer is not finite, or a layer's gain is above 100.

    Gain: root mean square of the weights times the square root of a unit's inputs, by which inputs of size 1 grow. It
    is about 1 in a new layer. Buffers of batch norm are asked about by another question.
    """
    module = evidence.module
    owners = dict(module.named_modules())
    found: dict[str, float | str] = {}
    gains: dict[str, float] = {}
    zeros = total = 0
    for name, (parameter, kind) in kinds_of(module).items():
        if kind != "weights" or not parameter.numel():
            continue
        values = parameter.detach()
        none = int((values == 0).sum())
        norm = float(torch.linalg.vector_norm(values.double() if not values.is_complex() else values))
        found |= {f"norm of {name}": norm, f"zeros in {name}": none / values.numel()}
        fan = inputs_of(parameter, owners.get(name.rpartition(".")[0]))
        gains[name] = norm / math.sqrt(values.numel()) * math.sqrt(fan)
        zeros, total = zeros + none, total + values.numel()
    wrong = [name for name, tensor in _all(evidence) if not bool(torch.isfinite(tensor).all())]
    largest = max(gains, key=lambda name: gains[name] if math.isfinite(gains[name]) else math.inf, default="")
    exploded = math.isfinite(gains.get(largest, 0.0)) and gains.get(largest, 0.0) > LARGEST_GAIN
    summary: dict[str, float | str] = {
        "not finite": ", ".join(wrong[:5]) + (", ..." if len(wrong) > 5 else ""),
        "largest gain": gains.get(largest, 0.0),
        "layer of the largest gain": largest,
        "zeros in all weights": zeros / max(total, 1),
    }
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if wrong or exploded else "passed",
        evidence=summary | found,
        threshold=LARGEST_GAIN,
        advice=f"{wrong[0]} is not finite: go back to weights from before that, and lower the learning rate"
        if wrong
        else "lower the learning rate, decay the weights, or scale inputs that are tiny",
    )


def _all(evidence: ModuleEvidence) -> list[tuple[str, Tensor]]:
    statistics = ("running_mean", "running_var")
    buffers = [pair for pair in evidence.module.named_buffers() if not pair[0].endswith(statistics)]
    # a mask of attention holds -inf on purpose
    whole = [(name, tensor) for name, tensor in buffers if not torch.isneginf(tensor.real).any()]
    return [*((name, p.detach()) for name, p in evidence.module.named_parameters()), *whole]
