"""Your own torch module, in your own training loop: regularized, and diagnosed once it is trained."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goodfit.torch.diagnosing import ModuleDiagnosis as ModuleDiagnosis
    from goodfit.torch.diagnosing import diagnose as diagnose
    from goodfit.torch.regularized import Regularized as Regularized
    from goodfit.torch.steps import step_size as step_size
    from goodfit.torch.told import Told as Told

_HOMES = {
    "ModuleDiagnosis": "goodfit.torch.diagnosing",
    "Regularized": "goodfit.torch.regularized",
    "Told": "goodfit.torch.told",
    "diagnose": "goodfit.torch.diagnosing",
    "step_size": "goodfit.torch.steps",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'goodfit.torch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
