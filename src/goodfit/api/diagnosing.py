"""diagnose: does a network overfit, and what else ails it?"""

from __future__ import annotations

import time
from typing import Any, Literal

from sklearn.base import clone

from goodfit.diagnosis import Diagnosis
from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.estimators.subject import subject_of, task_of, usual_network
from goodfit.studies.budget import read_seconds, training_until
from goodfit.studies.diagnosing import diagnose_problem
from goodfit.studies.problem import read_problem


def diagnose(
    X: Any,
    y: Any,
    *,
    estimator: Network | None = None,
    budget: float | str | None = None,
    times: Any = None,
    backend: Literal["local", "ray"] | None = None,
    random_state: int = 0,
) -> Diagnosis:
    """Tell whether a network overfits, underfits or neither on these rows, and what else is wrong.

    The network, and changes of it, are trained on the same five folds, four times up to 1,000 rows and twice up to
    10,000: more and less regularization, longer training, larger networks, fewer rows. A network *overfits* if some
    dose of a regularizer lowers its held-out loss, and *underfits* if more capacity, longer training or less
    regularization does. Every row is scored by networks that neither learned from it nor watched it, and what is the
    best of many is tested as such.

    Args:
        X: an array or a data frame `(n, D)`; columns may hold numbers, text, dates and missing values.
        y: the target `(n,)`.
        estimator: a `Classifier` or `Regressor`, fitted or not; None for a network of the usual size without
            regularization.
        budget: seconds, or a text such as "60s"; None for no limit. Near 0 every network trains one epoch, and what
            was not tried is not applicable.
        times: `(n,)` dates or numbers: rows are then cut once, into blocks of the later half; a network learns from all
            rows before a block, watches it, and is scored by the next. None for rows without order.
        backend: who trains, "local" or "ray", as in `Classifier`; None for the estimator's.
        random_state: seed of everything random.

    Returns:
        `.verdicts`, all of them with outcome, evidence, threshold and advice; `.fired`, the names of those that fired;
        `diagnosis["overfitting"]`, one of them. With too few rows for any verdict all are "not applicable".

    Raises:
        InputError: (a ValueError) data, the estimator or the budget can't be used as given.

    Example:
        >>> import goodfit
        >>> from sklearn.datasets import make_classification
        >>> X, y = make_classification(300, flip_y=0.2, random_state=0)
        >>> found = goodfit.diagnose(X, y, estimator=goodfit.Classifier("none", hidden=(64,)))
        >>> "overfitting" in found.fired
        True

    Source: the tests of the best of many doses are those of `goodfit.multiplicity`; how often each verdict is right was
    measured on simulated problems of known truth (docs/trust.md).

    Note:
        A verdict holds within the doses, epochs and sizes that were tried: beyond them a loss may fall again (double
        descent).
    """
    started = time.monotonic()
    seconds = read_seconds(budget)
    chosen = usual_network(y) if estimator is None else estimator
    if not isinstance(chosen, Network):
        raise InputError(f"estimator is {chosen!r}; give a goodfit.Classifier or a goodfit.Regressor")
    if backend is not None:
        chosen = clone(chosen).set_params(backend=backend)
    problem = read_problem(X, y, task=task_of(chosen), times=times)
    subject = subject_of(chosen, problem, seed=random_state, deadline=training_until(seconds, started))
    return diagnose_problem(problem, subject).diagnosis
