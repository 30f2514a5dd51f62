"""The public functions beside the estimators."""

from goodfit.api.comparing import compare

__all__ = ["compare"]
