"""dropout_place: dropout right before batch norm, or on the outputs."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.dropout import _DropoutNd

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "dropout_place", "Dropout in the wrong place"
SEVERITY: Severity = "tip"


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if, in a Sequential, batch norm follows dropout without weights in between, or dropout comes last of all.

    Dropout makes the variance larger in training than in evaluation, and batch norm keeps that of training. Dropout on
    outputs drops predictions: nothing behind it can learn to do without them.

    Source: Li, Chen, Hu and Yang, Understanding the disharmony between dropout and batch normalization by variance
    shift, CVPR 2019.
    """
    module = evidence.module
    if not any(_drops(part) for part in module.modules()):
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason="the module has no dropout layer")
    before = sorted({pair for name, part in _sequences(module) for pair in _before_norm(name, part)})
    after_last = _on_outputs(evidence)
    advice = [f"put {norm} before {dropout}" for dropout, norm in before[:3]]
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if before or after_last else "passed",
        evidence={
            "dropouts before batch norm": float(len(before)),
            "first of them": before[0][0] if before else "",
            "dropout on the outputs": after_last,
        },
        threshold=0.0,
        advice="; ".join([*advice, *([f"remove {after_last}"] if after_last else [])]),
    )


def _drops(part: nn.Module) -> bool:
    return isinstance(part, _DropoutNd) and part.p > 0


def _has_weights(part: nn.Module) -> bool:
    return isinstance(part, nn.Linear | _ConvNd | nn.RNNBase | nn.Embedding | nn.MultiheadAttention)


def _sequences(module: nn.Module) -> Iterator[tuple[str, nn.Sequential]]:
    for name, part in module.named_modules():
        if isinstance(part, nn.Sequential):
            yield name, part


def _flat(name: str, part: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    for own, child in part.named_children():
        path = f"{name}.{own}" if name else own
        if isinstance(child, nn.Sequential):
            yield from _flat(path, child)
        else:
            yield path, child


def _before_norm(name: str, part: nn.Sequential) -> list[tuple[str, str]]:
    """Dropouts and the batch norms that follow them, in one Sequential and those inside it."""
    found, dropout = [], ""
    for path, child in _flat(name, part):
        if _drops(child):
            dropout = path
        elif isinstance(child, _BatchNorm) and dropout:
            found.append((dropout, path))
            dropout = ""
        elif _has_weights(child) or next(child.children(), None) is not None:
            dropout = ""
    return found


def _on_outputs(evidence: ModuleEvidence) -> str:
    """The name of a dropout that was called after the last layer with weights or norm; "" if none was."""
    last = ""
    for kind, name in evidence.watch.order:
        last = name if kind == "dropout" else ""
    weighty = any(kind == "weights" for kind, _ in evidence.watch.order)
    return last if weighty else ""
