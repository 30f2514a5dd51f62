"""random_predictions: dropout stays on in evaluation, or two predictions of the same rows differ."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence

NAME, TITLE = "random_predictions", "Dropout is left on, or predictions are random otherwise"
SEVERITY: Severity = "issue"
LARGEST_DIFFERENCE = 1e-4
"""Of the largest output: sums in another order differ by less."""


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if dropout was on as given, a layer or a function, or if something drops or draws in evaluation mode.

    Functions are seen when they are called, on one batch in the mode as given: `F.dropout(x)` is on whatever the mode,
    and so is `dropout_p` of scaled dot product attention. Beyond that, two predictions of the same rows are compared.
    """
    module = evidence.module
    layers = {name: part for name, part in module.named_modules() if _drops(part)}
    given = [name for name in layers if evidence.flags.get(name)]
    stuck = [name for name, part in layers.items() if part.training]
    functions = evidence.watch.left_on if not stuck else {}
    differ = evidence.difference > LARGEST_DIFFERENCE
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if given or evidence.dropped or stuck or functions or differ else "passed",
        evidence={
            "dropout layers": float(len(layers)),
            "in training mode as given": float(len(given)),
            "first of them": given[0] if given else "",
            "functions that drop as given": _named(evidence.dropped),
            "in training mode even after eval()": float(len(stuck)),
            "functions that drop in evaluation": _named(functions),
            "largest difference of two predictions": evidence.difference,
        },
        threshold=LARGEST_DIFFERENCE,
        advice="pass training=self.training to functional dropout, or use nn.Dropout; dropout_p=0 in evaluation"
        if functions or stuck or differ
        else "call module.eval() before predicting: this diagnosis was made in evaluation mode",
    )


def _named(functions: Mapping[str, float]) -> str:
    return ", ".join(f"{name} p={p:g}" for name, p in functions.items())


def _drops(part: nn.Module) -> bool:
    """Whether a layer drops in training: recurrent ones do between their own layers, attention its weights."""
    if isinstance(part, _DropoutNd):
        return part.p > 0
    if isinstance(part, nn.RNNBase):
        return part.dropout > 0 and part.num_layers > 1
    return isinstance(part, nn.MultiheadAttention) and part.dropout > 0
