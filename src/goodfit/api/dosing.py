"""dose_response: held-out loss, bias and variance along the doses of a regularizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from goodfit.api.problems import check_study, problem_of, studied
from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.estimators.subject import usual_network
from goodfit.regularizers import Regularizer, along, read_technique
from goodfit.studies.dosing import respond_to_doses
from goodfit.studies.response import DoseResponse


def dose_response(
    regularizer: str | type[Regularizer] | Regularizer,
    X: Any,
    y: Any,
    doses: Sequence[float] | None = None,
    *,
    estimator: Network | None = None,
    repeats: int = 3,
    random_state: int = 0,
) -> DoseResponse:
    r"""Training and held-out loss, bias and variance along the doses of a regularizer, from none of it to the extreme.

    Each repeat cuts the rows into 5 folds; for every dose a network for each fold learns from the other 4 and predicts
    it. So every row is predicted `repeats` times by networks that have not seen it. With p those predictions, the mean
    held-out loss is taken apart, for squared error and likewise for log loss (`goodfit.decompositions`):

    $E(y - p)^2 = (y - E p)^2 + E(p - E p)^2$: bias² and noise, which real data can't tell apart, and variance.

    All doses have the same folds and seeds, so they are paired. The interval of the best dose holds the doses that are
    best in 95 % of the resamples of rows and repeats. Whether it beats the neutral dose is tested for the best of so
    many (`goodfit.multiplicity.largest_fall`).

    Args:
        regularizer: a name as in recipes such as "l2", a class such as `goodfit.L2`, or an instance whose other
            settings are kept. What is varied is its first dose that has a neutral value.
        X: an array or a data frame `(n, D)`, n 20 or more different rows.
        y: the target `(n,)`.
        doses: two or more numbers in the dose's range, in any order; the neutral one is added. None for the
            technique's usual ones, 8 or more beside the neutral one.
        estimator: a Classifier or Regressor, fitted or not, which isn't changed: its recipe keeps its other parts. None
            for a network of the usual size without regularization. Its budget, members and metric play no part.
        repeats: partitions into folds, 2 or more; each gives 5 networks a dose.
        random_state: seed of everything random.

    Returns:
        `.frame()`, `.plot()`, `.to_dict()`; `.doses`, `.best`, `.best_interval`, `.improvement` (the share by which the
        held-out loss falls from the neutral dose to `.improving`, the best other dose of those beyond chance), `.p` and
        `.beats_neutral`. A dose where a network diverged has losses nan and says how many did.

    Raises:
        InputError: (a ValueError) data, doses or a setting can't be used as given.

    Example:
        >>> import goodfit
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> small = goodfit.Classifier("none", hidden=(8,), max_epochs=20)
        >>> found = dose_response("l2", X, y, [0, 1e-3, 10], estimator=small, repeats=2)
        >>> found.best < 10, found.frame()["training"].is_sorted()
        (True, True)

    Sources: Geman, Bienenstock and Doursat, Neural networks and the bias/variance dilemma, Neural Computation 4 (1992);
    Heskes, Bias/variance decompositions for likelihood-based estimators, Neural Computation 10 (1998).

    Note: where a recipe stops early, every dose's networks learn from four fifths of their rows and watch the rest, so
    that the epoch isn't chosen on the rows that score it. The doses of early stopping are compared on these rows, and
    its neutral dose has as few of them.
    """
    parts = along(read_technique(regularizer), doses)
    if estimator is not None and not isinstance(estimator, Network):
        raise InputError(f"estimator is {estimator!r}; give a goodfit.Classifier or a goodfit.Regressor")
    check_study(repeats, random_state)
    chosen = usual_network(y) if estimator is None else estimator
    problem = problem_of(chosen, X, y)
    subject = studied(chosen, problem, seed=random_state)
    return respond_to_doses(problem, subject, parts, repeats, seed=random_state)
