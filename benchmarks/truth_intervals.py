"""How often the library's other 95 % intervals cover the truth: of scores, means over repeats, differences, parts.

    python benchmarks/truth_intervals.py [--simulations 400] [--workers 2] [--only compare ...]

Every simulation draws a table anew. What an interval should cover is known in closed form, or measured on fresh rows
and averaged over all simulations. (The intervals of verdicts are in truth.py, those of logs in truth_logs.py.)
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import numpy as np

FRESH = 20_000
Intervals = dict[str, tuple[float, float, float, float]]
"""By name: value, low, high, and the truth of this simulation (averaged over all where it is that of a procedure)."""


def scores(seed: int) -> Intervals:
    """Scores of one predictor on 400 test rows, by drawing rows anew: what `fit` prints."""
    from goodfit.examples.known_truth import KnownTruth
    from goodfit.studies.problem import read_problem
    from goodfit.studies.rating import scores_of
    from goodfit.studies.testing import Predictor, score_on

    law = KnownTruth(2, "linear", sharpness=2, rarest=0.2, seed=5)
    blurring = np.array([1, 0.2, 1, 0.2, 1, 1, 1, 1, 1, 1])  # the other predictor hardly sees two columns
    (X, y), (many, truth) = law.draw(400, seed), law.draw(FRESH * 5, 10_000)
    test, fresh = read_problem(X, y), read_problem(many, truth)
    predictors = [Predictor(law.probability(seen), 0.2) for seen in (X, X * blurring)]
    tested = score_on(test, predictors, seed)
    whole = [scores_of(fresh, law.probability(seen), threshold=0.2) for seen in (many, many * blurring)]
    found: Intervals = {}
    for key, estimate in tested[1].scores.items():
        found[f"test {key}"] = (estimate.value, estimate.low, estimate.high, whole[1][key])
        difference = tested[1].differences[key]
        found[f"difference of test {key}"] = (
            difference.value,
            difference.low,
            difference.high,
            whole[1][key] - whole[0][key],
        )
    return found


def compare(seed: int) -> Intervals:
    """Means over repeated splits and paired differences: what `compare` prints. The truth is the procedure's mean."""
    from truth import fresh_losses

    from goodfit.examples.known_truth import KnownTruth
    from goodfit.regularizers import Recipe
    from goodfit.studies.comparison import Repeats
    from goodfit.studies.comparison import compare as compare_recipes
    from goodfit.studies.problem import read_problem
    from goodfit.training import Execution, Settings

    law = KnownTruth(2, "nonlinear", sharpness=3, seed=6)
    X, y = law.draw(300, seed)
    fresh = read_problem(*law.draw(FRESH, 10_000))
    settings = Settings(hidden=(16,), max_epochs=30, batch_size=16)
    recipes = [Recipe.parse("none"), Recipe.parse("l2=0.01")]
    found = compare_recipes(
        read_problem(X, y), recipes, repeats=Repeats(10, seed=seed), settings=settings, execution=Execution(threads=1)
    )
    truths = [float(fresh_losses(found.prepared, own, fresh).mean()) for own in found.results]
    mean, difference = found.estimate(0, "test_log_loss"), found.difference(1, "test_log_loss")
    return {
        "mean of log loss over splits*": (mean.value, mean.low, mean.high, truths[0]),
        "paired difference over splits*": (difference.value, difference.low, difference.high, truths[1] - truths[0]),
    }


def proportions(seed: int) -> Intervals:
    """The share of a rare event among few rows: calibration bins."""
    from goodfit.statistics import wilson

    random = np.random.default_rng(seed)
    share, count = random.uniform(0.02, 0.98), int(random.integers(20, 400))
    found = wilson(random.binomial(count, share), count)
    return {"observed share of a bin": (found.value, found.low, found.high, share)}


def parts(seed: int) -> Intervals:
    """Bias², variance and noise of linear regression, fresh draws and a known truth."""
    from sklearn.linear_model import LinearRegression

    import goodfit

    def sampler(draw: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng([seed, draw % 2**32, 3])
        X = random.standard_normal((40, 3))
        return X, mean(X) + 0.5 * random.standard_normal(40)

    def mean(X: np.ndarray) -> np.ndarray:
        return X @ np.array([1.0, -1.0, 0.5]) + 0.3 * X[:, 0] ** 2

    random = np.random.default_rng([seed, 4])
    X_test = random.standard_normal((300, 3))
    y_test = mean(X_test) + 0.5 * random.standard_normal(300)
    found = goodfit.bias_variance(
        LinearRegression(),
        *sampler(0),
        X_test=X_test,
        y_test=y_test,
        replicates=50,
        sampler=sampler,
        truth=mean,
        noise=0.25,
        random_state=seed,
    )
    truth = _parts_of_linear_regression()
    return {
        name: (part.value, part.low, part.high, truth[name])
        for name, part in (
            ("bias²", found.bias2),
            ("variance", found.variance),
            ("expected error", found.expected_error),
        )
    }


@cache
def _parts_of_linear_regression() -> dict[str, float]:
    """The same with 4,000 replicates on 20,000 rows, in NumPy; once a process."""
    random = np.random.default_rng(99)
    beta = np.array([1.0, -1.0, 0.5])
    test = random.standard_normal((FRESH, 3))
    wide, total, squares = np.column_stack([np.ones(FRESH), test]), np.zeros(FRESH), np.zeros(FRESH)
    for _ in range(4000):
        X = random.standard_normal((40, 3))
        y = X @ beta + 0.3 * X[:, 0] ** 2 + 0.5 * random.standard_normal(40)
        predicted = wide @ np.linalg.lstsq(np.column_stack([np.ones(40), X]), y, rcond=None)[0]
        total += predicted
        squares += predicted**2
    center = total / 4000
    variance = float((squares / 4000 - center**2).mean() * 4000 / 3999)
    bias = float(((center - test @ beta - 0.3 * test[:, 0] ** 2) ** 2).mean() - variance / 4000)
    return {"bias²": bias, "variance": variance, "expected error": bias + variance + 0.25}


DOSES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


def curves(seed: int) -> Intervals:
    """The bands of a learning curve and of a dose-response. The truth is what the procedure gives on average."""
    import goodfit
    from goodfit.examples.known_truth import KnownTruth

    X, y = KnownTruth(0, "linear", sharpness=1, seed=7).draw(120, seed)
    network = goodfit.Regressor("none", hidden=(), max_epochs=20, learning_rate=0.02, threads=1)
    last = goodfit.learning_curve(network, X, y, over="epochs", random_state=seed).points[-1].held_out
    doses = goodfit.dose_response("l2", X, y, doses=DOSES, estimator=network, repeats=2, random_state=seed).doses
    return {
        f"{name}*": (band.value, band.low, band.high, band.value)
        for name, band in (
            ("learning curve, last epoch", last),
            ("dose-response, neutral dose", doses[0].held_out),
            ("dose-response, a dose that helps", doses[5].held_out),
        )
    }


KINDS: dict[str, Callable[[int], Intervals]] = {
    "scores": scores,
    "compare": compare,
    "proportions": proportions,
    "parts": parts,
    "curves": curves,
}


def run(kind: str, simulations: int, workers: int) -> dict[str, list[tuple[float, float, float, float]]]:
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for intervals in pool.map(KINDS[kind], range(simulations), chunksize=10):
            for name, numbers in intervals.items():
                found.setdefault(name, []).append(numbers)
    return found


def table(found: dict[str, list[tuple[float, float, float, float]]]) -> list[str]:
    """A line an interval; a name that ends in * has the mean of the simulations' truths for its truth."""
    from goodfit.statistics import wilson

    lines = []
    for name, rows in found.items():
        values = np.array(rows)
        truth = values[:, 3].mean() if name.endswith("*") else values[:, 3]
        covered = (values[:, 1] <= truth) & (truth <= values[:, 2])
        share = wilson(float(covered.sum()), len(covered))
        text = f"{100 * share.value:5.1f} [{100 * share.low:.0f}, {100 * share.high:.0f}] {len(covered):5d}"
        lines.append(f"{name.rstrip('*'):40}{text:>24}{np.median(values[:, 2] - values[:, 1]):>14.4g}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=list(KINDS))
    asked = parser.parse_args()
    print(f"{'95 % interval':40}{'covers, %':>24}{'median width':>14}")
    for kind in asked.only:
        started = time.monotonic()
        print(*table(run(kind, asked.simulations, asked.workers)), sep="\n", flush=True)
        print(f"    ({kind}: {time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
