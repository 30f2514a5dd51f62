"""Time that a user grants, in seconds."""

from __future__ import annotations

import math
import re

from goodfit.errors import InputError

USUAL_BUDGET = 60.0
"""Seconds of a search whose user says nothing of time."""
TRAINING_SHARE = 0.9
"""Of a budget: the rest is for choosing, scoring and describing what was trained."""
UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def read_seconds(budget: float | str | None) -> float | None:
    """Seconds from a number or a text such as "30s", "2min" or "1h"; None stays None.

    Raises:
        InputError: not a time above 0.

    Example:
        >>> read_seconds("2min")
        120.0
    """
    if budget is None:
        return None
    if isinstance(budget, int | float) and not isinstance(budget, bool) and 0 < budget < math.inf:
        return float(budget)
    match = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]*)\s*", str(budget).lower())
    if not match or match[2] not in UNITS or match[1].count(".") > 1 or match[1] == "." or float(match[1]) <= 0:
        raise InputError(f"budget is {budget!r}; give a time above 0, such as 30s, 2min or 1h")
    return float(match[1]) * UNITS[match[2]]


def training_until(budget: float | None, started: float, reserve: float | None = None) -> float:
    """The `time.monotonic()` at which training ends, for what follows it to be done in time.

    Args:
        budget: seconds; None for no limit, and then it is infinity.
        started: when the job began.
        reserve: seconds for what follows, but never more than two thirds of the budget; None for a tenth of it.

    Example:
        >>> training_until(60.0, 100.0)
        154.0
        >>> training_until(6.0, 100.0, reserve=7.0)
        102.0
    """
    if budget is None:
        return math.inf
    return started + (TRAINING_SHARE * budget if reserve is None else max(budget - reserve, budget / 3))
