"""dead_units: hidden units have the same value for every validation row."""

from __future__ import annotations

from goodfit.diagnosis.verdict import Severity, Verdict
from goodfit.torch.diagnosing.evidence import ModuleEvidence
from goodfit.torch.diagnosing.watching import Ranges

NAME, TITLE = "dead_units", "Hidden units that never change"
SEVERITY: Severity = "tip"
LEAST_SHARE = 0.25
LEAST_UNITS = 2
LEAST_RANGE = 1e-4
"""Of the largest range among a layer's units: below it a unit is constant."""
LEAST_VALUES = 50


def check(evidence: ModuleEvidence) -> Verdict:
    """Fires if a quarter of a layer's units, and two at least, are constant over all validation rows and positions.

    A layer is one with weights, after the activation that follows it, be it a module or a function. The last one counts
    only if an activation follows: its values are the predictions.
    """
    names = [name for kind, name in evidence.watch.order if kind == "weights"]
    last = names[-1] if names else ""
    layers = {
        name: found
        for name, found in evidence.watch.ranges.items()
        if name != last or (name in evidence.watch.activated and len(names) > 1 and not evidence.scorer.chances)
    }
    seen = {name or "the module": found for name, found in layers.items() if found.values >= LEAST_VALUES}
    if not seen:
        reason = f"fewer than {LEAST_VALUES} values of a unit" if layers else "no hidden layer with weights was called"
        return Verdict(NAME, TITLE, SEVERITY, "not applicable", reason=reason)
    counts = {name: (constant_units(found), len(found.low)) for name, found in seen.items()}
    worst = max(counts, key=lambda name: counts[name][0] / counts[name][1])
    dead, units = counts[worst]
    fired = any(count >= max(LEAST_UNITS, LEAST_SHARE * of) for count, of in counts.values())
    numbers: dict[str, float | str] = {"worst layer": worst, "its constant units, share": dead / units}
    numbers |= {f"constant units in {name}": float(count) for name, (count, _) in counts.items()}
    numbers |= {f"units in {name}": float(of) for name, (_, of) in counts.items()}
    return Verdict(
        NAME,
        TITLE,
        SEVERITY,
        "fired" if fired else "passed",
        evidence=numbers,
        threshold=LEAST_SHARE,
        advice="lower the learning rate, or use an activation with a slope below 0; units that L1 has taken out are "
        "meant to be constant and can be removed",
    )


def constant_units(found: Ranges) -> int:
    """How many units of a layer have a range below 0.0001 of the layer's largest."""
    spread = (found.high - found.low).double()
    size = max(float(found.high.abs().max()), float(found.low.abs().max()))
    floor = max(LEAST_RANGE * float(spread.max()), 1e-7 * size)
    return int((spread <= floor).sum())
