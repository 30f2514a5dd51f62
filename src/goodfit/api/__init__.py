"""The public functions beside the estimators."""

from goodfit.api.comparing import compare
from goodfit.api.decomposing import bias_variance
from goodfit.api.diagnosing import diagnose
from goodfit.api.diagnosing_log import diagnose_log
from goodfit.api.dosing import dose_response
from goodfit.api.learning import learning_curve
from goodfit.api.searching import SearchResult, search

__all__ = [
    "SearchResult",
    "bias_variance",
    "compare",
    "diagnose",
    "diagnose_log",
    "dose_response",
    "learning_curve",
    "search",
]
