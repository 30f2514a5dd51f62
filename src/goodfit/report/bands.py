"""The mean loss of a recipe's networks by epoch, with the band in which the mean lies."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """A mean by epoch and its interval; `low` and `high` are NaN where fewer than two networks were trained."""

    epochs: NDArray[np.int64]
    mean: Array
    low: Array
    high: Array
    training: NDArray[np.int64]


def carry_forward(values: Array) -> Array:
    """Fill what is missing after a network's last value with that value.

    Args:
        values: shape (epochs, members); NaN where a member has no value.

    Returns:
        The same shape; a member without any earlier value keeps NaN.

    Example:
        >>> carry_forward(np.array([[3.0], [2.0], [np.nan]]))[:, 0].tolist()
        [3.0, 2.0, 2.0]
    """
    rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    filled: Array = np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=0), np.nan)
    return filled


def mean_band(values: Array, epochs: NDArray[np.int64], *, level: float = 0.95) -> Band | None:
    """Average the members by epoch: mean ± t(level, n - 1) · s / √n, up to where half of them still train.

    A member that has stopped counts with its last value, for otherwise the mean would bend where it drops out.

    Args:
        values: shape (epochs, members), a loss in inference mode; NaN once a member has stopped.
        epochs: shape (epochs,), the epochs' numbers, ascending.
        level: coverage of the interval, in (0, 1): near 0 a line, near 1 an unbounded band.

    Returns:
        The band, shorter than `epochs` where more than half of the members stopped early; None without such an epoch.

    Example:
        >>> band = mean_band(np.array([[1.0, 3.0], [1.0, np.nan]]), np.array([1, 2]))
        >>> band.mean.tolist(), band.training.tolist()
        ([2.0, 2.0], [2, 1])
    """
    values = np.where(np.isfinite(values), values, np.nan)
    values = values[:, np.isfinite(values).any(axis=0)]
    members = values.shape[1]
    if members == 0:
        return None
    training = np.isfinite(values).sum(axis=1)
    drawn = np.flatnonzero(2 * training >= members)
    if not drawn.size:
        return None
    start, stop = int(drawn[0]), int(drawn[-1]) + 1
    filled = carry_forward(values)[start:stop]
    known = np.isfinite(filled).sum(axis=1)
    mean = np.nanmean(filled, axis=1)
    squares = np.nansum((filled - mean[:, None]) ** 2, axis=1)
    half = np.full(len(mean), np.nan)
    several = known > 1
    degrees = known[several] - 1
    half[several] = stats.t.ppf((1 + level) / 2, degrees) * np.sqrt(squares[several] / degrees / known[several])
    return Band(epochs[start:stop], mean, mean - half, mean + half, training[start:stop])


def loss_bands(history: pl.DataFrame, recipe: str) -> tuple[Band | None, Band | None]:
    """Average the training and the validation loss of one recipe's networks.

    Args:
        history: columns recipe, member, epoch (from 1), train_loss, validation_loss (null once a member has stopped).
        recipe: whose rows to read.

    Returns:
        The band of the training loss and that of the validation loss; None for a loss that was never measured.

    Example:
        >>> history = pl.DataFrame({"recipe": ["none"], "member": [0], "epoch": [1], "train_loss": [0.5],
        ...                         "validation_loss": [None]}, schema_overrides={"validation_loss": pl.Float64})
        >>> train, validation = loss_bands(history, "none")
        >>> train.mean.tolist(), validation is None
        ([0.5], True)
    """
    rows = history.filter(pl.col("recipe") == recipe)
    epochs = np.unique(rows["epoch"].to_numpy())
    members = np.unique(rows["member"].to_numpy())
    place = (np.searchsorted(epochs, rows["epoch"].to_numpy()), np.searchsorted(members, rows["member"].to_numpy()))
    train, validation = (np.full((len(epochs), len(members)), np.nan) for _ in range(2))
    train[place] = rows["train_loss"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    validation[place] = rows["validation_loss"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return mean_band(train, epochs), mean_band(validation, epochs)
