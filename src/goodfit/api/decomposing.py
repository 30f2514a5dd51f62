"""bias_variance: the expected error of a learner as bias, variance and noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_sample_weight

from goodfit.decompositions import Loss
from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.estimators.subject import subject_of
from goodfit.studies.bias_variance import BiasVariance, read_replicates
from goodfit.studies.looping import check_estimator, fit_replicates
from goodfit.studies.replicates import (
    bootstrap_replicates,
    fresh_replicates,
    train_replicates,
)
from goodfit.studies.rows import Rows, drawn_rows, matching_rows, read_rows, split_rows
from goodfit.studies.scoring import stops_early

Predictions = NDArray[Any]

TEST_SHARE = 0.25


def bias_variance(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    X_test: Any = None,
    y_test: Any = None,
    loss: Literal["squared", "zero_one", "log_loss", "brier"] = "squared",
    replicates: int = 200,
    sampler: Callable[[int], tuple[Any, Any]] | None = None,
    truth: Callable[[Any], Any] | None = None,
    noise: Any = None,
    random_state: int = 0,
) -> BiasVariance:
    r"""Take the expected error of a learner apart into bias, variance and noise.

    The learner is trained on many replicates of the training set, and what they predict for the test rows is taken
    apart. With p a replicate's prediction, m the main prediction, f the truth and E the mean over replicates,

        squared   m = E p              bias² = (f - m)²    variance = E (p - m)²            noise = E (y - f)²
        brier     m = E p              the same, summed over classes
        log_loss  m ∝ exp(E log p)     bias² = KL(f, m)    variance = E KL(m, p)            noise = entropy of f
        zero_one  m = the most votes   bias² = 1[m ≠ f*]   variance = P(p ≠ f*) - bias²     noise: what remains

    and `expected_error = bias2 + variance + noise` exactly, for each row and in the mean.

    Without `truth` the target stands in for f, and bias and noise are one term: `separate` is False, `.bias2` holds
    both, `.noise` is nan, and frames and dictionaries call it "bias2_and_noise". Where 30 or more test rows have equal
    inputs, the noise of squared error and Brier is estimated by how their targets differ (pure error), taken as the
    same for all rows, and the terms are separate; `.note` says so. `noise` alone separates them too.

    Args:
        estimator: a `Classifier` or `Regressor`, whose replicates train as one population, or any of scikit-learn's,
            fitted in a loop. It isn't changed. Of goodfit's, each replicate is one network, whatever `members` says,
            with the recipe of `fit` where the estimator chose one, and none where it has not yet.
        X: an array or a data frame `(n, D)`, 2 rows or more; with `sampler` it isn't used and may be None.
        y: the target `(n,)`: classes, or numbers for squared error. Likewise.
        X_test: rows to predict, `(m, D)`. None: a quarter of the rows, class by class, isn't trained on; with `sampler`
            a draw of it.
        y_test: their target `(m,)`.
        loss: "squared" of a regressor, "zero_one" of predicted classes, "log_loss" or "brier" of probabilities; Brier
            is summed over classes, from 0 to 2.
        replicates: trainings, 2 or more. Each learns from a bootstrap sample: n rows drawn with replacement, about 63 %
            of them different.
        sampler: `sampler(seed)` gives a fresh training set `(X, y)` for a seed in [0, 2^32), and replicates learn from
            those instead.
        truth: `truth(X_test)` gives the true mean `(m,)`, or the true probabilities `(m, C)`, classes sorted; of two
            classes `(m,)` will do, the second's.
        noise: the true noise variance, 0 or more, one or `(m,)`; of squared error only.
        random_state: seed of everything random, 0 or more.

    Returns:
        `.bias2`, `.variance`, `.noise`, `.expected_error`, each an `Estimate(value, low, high)` with a 95 % interval;
        `.separate`, `.note`, `.replicates` (those that count), `.left_out` (those that diverged); `.frame()`, a row a
        test row; `.plot()`, `.to_dict()`.

    Raises:
        InputError: (a ValueError) data or a setting can't be used as given, or all replicates diverged.

    Example:
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> def draw(seed):
        ...     random = np.random.default_rng(seed)
        ...     X = random.normal(size=(50, 2))
        ...     return X, X.sum(axis=1) + random.normal(size=50)
        >>> mean = lambda X: X.sum(axis=1)
        >>> result = bias_variance(LinearRegression(), None, None, sampler=draw, truth=mean, noise=1.0)
        >>> result.variance.low < 3 / 47 < result.variance.high
        True

    Sources: Geman, Bienenstock and Doursat, Neural networks and the bias/variance dilemma, Neural Computation 4 (1992),
    for squared error; Domingos, A unified bias-variance decomposition, ICML (2000), for 0-1 loss; Heskes,
    Bias/variance decompositions for likelihood-based estimators, Neural Computation 10 (1998), and Pfau, A generalized
    bias-variance decomposition for Bregman divergences (2013), for log loss and Brier.

    Note:
        Intervals hold for endless replicates and other test rows of the same kind: they cover the truth about 95 times
        in 100, more often where the bias is 0, and less often where few rows have nearly all of the bias. Of bootstrap
        replicates they are about training on samples of these very rows, which has a larger variance than training on
        fresh ones. Variance is that over training sets and initial weights together.

        Early stopping watches the rows out of the bag, those that no drawn row is a copy of; nothing is split off a
        bootstrap sample. Of a fresh draw it watches the share that the estimator holds out.

        Means over few replicates are corrected, so bias² may come out a little below 0. The net variance of 0-1 loss is
        negative where replicates that differ from a wrong main prediction are right. A probability below 1e-12, such
        as that of a class which a replicate has not seen, counts as that. `mlxtend.evaluate.bias_variance_decomp`
        counts noise as bias, as this does without `truth`; its 0-1 variance isn't net, so that its parts need not add
        up.
    """
    _check(loss, replicates, random_state, (X_test is None) != (y_test is None))
    check_estimator(estimator, loss)
    if sampler is not None:
        draws, test = drawn_rows(sampler, replicates, random_state, loss=loss, test=(X_test, y_test))
    elif X_test is None:
        train, test = split_rows(read_rows(X, y, loss), TEST_SHARE, random_state)
        draws = [train]
    else:
        draws = [read_rows(X, y, loss)]
        test = matching_rows(X_test, y_test, draws[0])
    true = None if truth is None else np.asarray(truth(test.X))
    predict = _networks if isinstance(estimator, Network) else _loop
    predicted = predict(estimator, draws, replicates if sampler is None else 0, test, loss, random_state)
    return read_replicates(predicted, test.problem, loss=loss, truth=true, noise=noise)


def _networks(
    estimator: Network, draws: Sequence[Rows], bootstraps: int, test: Rows, loss: Loss, seed: int
) -> Predictions:
    """Of goodfit's own: one population. The number of bootstrap samples is 0 for fresh draws."""
    draws = [_weighted(rows, getattr(estimator, "class_weight", None)) for rows in draws]
    subject = subject_of(estimator, draws[0].problem, seed=seed)
    watched = stops_early(subject.recipe)
    if bootstraps:
        made = bootstrap_replicates(draws[0], bootstraps, seed=seed, watched=watched)
    else:
        made = fresh_replicates(draws, seed=seed, held=subject.plan.validation if watched else 0.0)
    return train_replicates(made, subject, test.problem.table)


def _loop(estimator: Any, draws: Sequence[Rows], bootstraps: int, test: Rows, loss: Loss, seed: int) -> Predictions:
    """Of any other: one after the other, on the same samples."""
    if bootstraps:
        made = bootstrap_replicates(draws[0], bootstraps, seed=seed, watched=False)
    else:
        made = fresh_replicates(draws, seed=seed, held=0.0)
    return fit_replicates(estimator, made, test, loss)


def _weighted(rows: Rows, class_weight: Any) -> Rows:
    if class_weight is None:
        return rows
    try:
        weights = np.asarray(compute_sample_weight(class_weight, rows.labels), np.float64)
    except ValueError:
        wanted = "give 'balanced', a weight for each class, or None"
        raise InputError(f"class_weight is {class_weight!r}; {wanted}") from None
    return Rows(rows.X, replace(rows.problem, weights=weights))


def _check(loss: str, replicates: Any, random_state: Any, half: bool) -> None:
    """Raise InputError for the first setting that can't be used."""
    if loss not in get_args(Loss):
        raise InputError(f"loss is {loss!r}; give {', '.join(map(repr, get_args(Loss)))}")
    if not _whole(replicates) or replicates < 2:
        raise InputError(f"replicates is {replicates!r}; give trainings, 2 or more; 200 are usual")
    if not _whole(random_state) or random_state < 0:
        raise InputError(f"random_state is {random_state!r}; give a whole number, 0 or more")
    if half:
        raise InputError("only one of X_test and y_test is given; give both, or none")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
