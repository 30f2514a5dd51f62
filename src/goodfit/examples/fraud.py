"""Card transactions whose probability of fraud is known: a simulator.

A stream of transactions is drawn; each is a fraud with a probability that is a logistic function of its own columns
(EFFECTS, plus an intercept). Of the stream the first legitimate and the first fraudulent ones are kept, until there are
as many of each as asked for. Most columns say nothing about fraud: they are there for a network to memorize.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.optimize import brentq
from scipy.special import expit

from goodfit.alarms import confusion_at
from goodfit.errors import InputError
from goodfit.metrics import classification_scores

_REFERENCE_ROWS = 200_000  # the mean probability over them is known to about 0.4 % of itself
_NOISE_NUMBERS = 20
_HOME = "C01"

# category: share of transactions, median amount, share with the card present, odds of fraud against the average shop
# Odds: what resells or turns into cash at once attracts thieves; what is delivered to a known address does not.
_CATEGORIES = {
    "groceries": (0.20, 35, 0.90, 0.5),
    "restaurant": (0.13, 30, 0.95, 0.7),
    "fuel": (0.08, 45, 0.98, 1.0),
    "online_retail": (0.10, 50, 0.00, 1.5),
    "clothing": (0.06, 60, 0.60, 1.0),
    "electronics": (0.04, 180, 0.40, 2.0),
    "pharmacy": (0.05, 25, 0.90, 0.7),
    "public_transport": (0.06, 12, 0.70, 0.7),
    "taxi": (0.04, 20, 0.20, 1.0),
    "utilities": (0.03, 90, 0.05, 0.3),
    "telecom": (0.03, 40, 0.10, 0.7),
    "insurance": (0.02, 120, 0.05, 0.3),
    "travel": (0.03, 300, 0.10, 1.5),
    "hotel": (0.02, 200, 0.50, 1.2),
    "entertainment": (0.04, 30, 0.30, 1.0),
    "digital_goods": (0.03, 15, 0.00, 2.0),
    "gift_cards": (0.01, 80, 0.20, 3.0),
    "jewellery": (0.005, 350, 0.80, 2.0),
    "money_transfer": (0.015, 200, 0.00, 2.5),
    "gambling": (0.01, 60, 0.00, 2.0),
}
_DEVICES = {"phone": 0.50, "desktop": 0.35, "tablet": 0.10, "unknown": 0.05}
_COUNTRIES = (_HOME, *(f"C{number:02d}" for number in range(2, 41)))
_LAX_COUNTRIES = ("C05", "C11", "C17", "C23", "C29", "C35")
_HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 10, 12, 11, 9, 9, 10, 12, 13, 12, 10, 8, 6, 4)
# column: number of levels, share of missing values; drawn without regard to anything else
_UNINFORMATIVE_LEVELS = {
    "merchant_id": (1500, 0.0),
    "terminal_id": (800, 0.0),
    "postal_region": (500, 0.01),
    "card_bin": (300, 0.0),
    "browser_version": (120, 0.03),
}
_MISSING_NUMBERS = {"noise_03": 0.02, "noise_11": 0.05}


@dataclass(frozen=True)
class Effect:
    """What a transaction's columns add to the log-odds of fraud, and why that is plausible.

    Args:
        name: of the effect.
        reason: why a fraud is likelier (or less likely) there.
        log_odds: natural logarithm of the factor on the odds, as an expression over the columns.
    """

    name: str
    reason: str
    log_odds: pl.Expr


def _odds(factor: float, condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(math.log(factor)).otherwise(0.0)


_amount, _foreign, _remote = pl.col("amount"), pl.col("country") != _HOME, ~pl.col("card_present")
_burst = pl.col("transactions_last_hour") >= 3
_age, _hour = pl.col("account_age_days"), pl.col("hour")

EFFECTS = (
    Effect(
        "merchant category",
        "what resells at once attracts thieves",
        pl.col("merchant_category").replace_strict(
            {name: math.log(row[3]) for name, row in _CATEGORIES.items()}, return_dtype=pl.Float64
        ),
    ),
    Effect("large amount", "a thief spends while he can", 0.5 * (_amount / 200).log().clip(lower_bound=0.0)),
    Effect("tiny amount", "a stolen number is tried with a purchase nobody notices", _odds(2.0, _amount < 2)),
    Effect(
        "hour",
        "owners asleep object late: twice the odds at 3",
        math.log(2) * (1 + ((_hour - 3) * math.pi / 12).cos()) / 2,
    ),
    Effect("foreign country", "stolen numbers are sold abroad", _odds(3.0, _foreign)),
    Effect("lax country", "some countries check less", _odds(2.0, pl.col("country").is_in(_LAX_COUNTRIES))),
    Effect("card not present", "the number suffices, the card need not be stolen", _odds(3.0, _remote)),
    Effect("unknown device", "a device that hides its kind hides its owner", _odds(2.0, pl.col("device") == "unknown")),
    Effect("burst", "a thief buys fast before the card is blocked", _odds(2.5, _burst)),
    Effect("quick repeat", "as above, within minutes", _odds(1.5, pl.col("minutes_since_last") < 5)),
    Effect("busy day", "as above, over the day", _odds(1.5, pl.col("transactions_last_day") > 8)),
    Effect(
        "young account",
        "accounts opened for fraud are used soon; three times the odds when new; no effect where the age is missing",
        (math.log(3) * (-_age / 180).exp()).fill_null(0.0),
    ),
    Effect(
        "distance from home",
        "owners mostly buy near home",
        0.2 * (pl.col("distance_from_home_km") / 100).log().clip(lower_bound=0.0),
    ),
    Effect("abroad without the card", "a number sold abroad is used online", _odds(1.5, _foreign & _remote)),
    Effect("burst of small amounts", "many numbers or many tries are tested", _odds(3.0, _burst & (_amount < 10))),
    Effect(
        "large amount of a young account",
        "an account opened for fraud is emptied in one go",
        _odds(2.0, (_amount > 200) & (_age < 180).fill_null(False)),
    ),
)


@dataclass(frozen=True)
class Transactions:
    """Simulated transactions and what only a simulator knows.

    Args:
        frame: n rows; the features, and the column `label`, "fraud" or "legit".
        probability: shape (n,), each row's true probability of fraud, in (0, 1).
    """

    frame: pl.DataFrame
    probability: npt.NDArray[np.float64]


def simulate(seed: int = 0, *, rows: int = 10_000, frauds: int = 500) -> Transactions:
    """Simulate card transactions with exactly so many frauds.

    p = 1 / (1 + exp(-(intercept + sum of EFFECTS))), and a transaction of the stream is a fraud with probability p. The
    first `frauds` frauds and `rows - frauds` legitimate ones are kept, in random order. Keeping multiplies the odds of
    fraud by frauds / (rows - frauds) over the stream's own prior odds; the intercept makes the two equal (the mean
    p of the stream is frauds / rows), so that p is the posterior in the kept rows too.

    Informative columns: amount, merchant_category, hour, country (C01 is home), card_present, device,
    transactions_last_hour, transactions_last_day, minutes_since_last, account_age_days, distance_from_home_km.
    Uninformative ones, independent of the label and of all else: noise_01 to noise_20, merchant_id, terminal_id,
    postal_region, card_bin, browser_version. Some values are missing at random: 3 % of account_age_days and of
    browser_version, 1 % of postal_region, 2 % of noise_03, 5 % of noise_11.

    Args:
        seed: 0 or more; the same seed gives the same rows.
        rows: 2 or more.
        frauds: from 1 to rows - 1.

    Returns:
        The transactions with their true probabilities.

    Raises:
        InputError: a seed, rows or frauds out of range.

    Example:
        >>> simulate(0, rows=1000, frauds=50).frame["label"].value_counts(sort=True).rows()
        [('legit', 950), ('fraud', 50)]

    Note: effects are plausible choices, each with its reason in EFFECTS; none was fitted to a result.
    """
    if seed < 0:
        raise InputError(f"seed is {seed}: give 0 or more")
    if not 0 < frauds < rows:
        raise InputError(f"frauds is {frauds} of {rows} rows: give from 1 to rows - 1")
    rng = np.random.default_rng(seed)
    intercept = _intercept_for(frauds / rows)
    wanted = {True: frauds, False: rows - frauds}
    kept: list[pl.DataFrame] = []
    while any(wanted.values()):
        batch = _draw_informative(rng, max(rows, 1000))
        chance = expit(_log_odds(batch) + intercept)
        fraud = rng.random(len(chance)) < chance
        for label in wanted:
            taken = np.flatnonzero(fraud == label)[: wanted[label]]
            wanted[label] -= len(taken)
            name = "fraud" if label else "legit"
            kept.append(batch[taken].with_columns(pl.Series("probability", chance[taken]), label=pl.lit(name)))
    stream = pl.concat(kept)[rng.permutation(rows)]
    features = stream.drop("probability", "label").hstack(_draw_uninformative(rng, rows))
    return Transactions(features.hstack([stream["label"]]), stream["probability"].to_numpy())


def best_reachable(transactions: Transactions, rows: npt.ArrayLike | None = None) -> dict[str, float]:
    """Scores of predicting with the true probabilities: what no model can beat on average.

    Args:
        transactions: from simulate.
        rows: indices of the rows to score, from 0, such as a test part; None: all.

    Returns:
        The scores of goodfit.metrics.classification_scores. Balanced accuracy alone is taken at the threshold that
        is best for it, the share of frauds: at 0.5 a model of shifted probabilities would beat the true ones.

    Example:
        >>> 0.5 < best_reachable(simulate(0))["roc_auc"] < 1
        True
    """
    fraud = (transactions.frame["label"] == "fraud").to_numpy()
    share = float(fraud.mean())
    chosen = np.arange(len(fraud)) if rows is None else np.asarray(rows)
    fraud, chance = fraud[chosen], transactions.probability[chosen]
    scores = classification_scores(fraud.astype(np.int64), np.column_stack([1 - chance, chance]), positive=1)
    if not math.isnan(scores["balanced_accuracy"]):
        counts = confusion_at(fraud, chance, share)
        found, spared = counts.true_positives / fraud.sum(), counts.true_negatives / (~fraud).sum()
        scores["balanced_accuracy"] = float(found + spared) / 2
    return scores


def _log_odds(frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Sum of all EFFECTS for each row, without the intercept."""
    return frame.select(pl.sum_horizontal(effect.log_odds for effect in EFFECTS)).to_series().to_numpy()


def _intercept_for(share: float) -> float:
    """Intercept at which the stream's mean probability of fraud is share, in (0, 1)."""
    effects = _log_odds(_draw_informative(np.random.default_rng(0), _REFERENCE_ROWS))
    return float(brentq(lambda intercept: expit(effects + intercept).mean() - share, -60, 60))


def _draw_informative(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Draw the columns on which the probability of fraud depends, for so many transactions of the stream."""
    names = np.array(list(_CATEGORIES))
    shares, medians, present_shares, _ = np.array(list(_CATEGORIES.values())).T
    category = rng.choice(len(names), rows, p=shares)
    present = rng.random(rows) < present_shares[category]
    # 92 % at home; of the others the n-th country has a share like 1/n
    abroad = _zipf(rng, len(_COUNTRIES) - 1, rows, head=0) + 1
    country = np.where(rng.random(rows) < 0.92, 0, abroad)
    device = rng.choice(list(_DEVICES), rows, p=list(_DEVICES.values()))
    pace = rng.gamma(0.5, 1.0, rows)  # few cards are used often
    last_hour = rng.poisson(0.4 * pace)
    gap = np.where(last_hour > 0, 60 * rng.beta(1, np.maximum(last_hour, 1)), 60 + rng.exponential(1500, rows))
    age = np.round(rng.lognormal(math.log(1200), 1.2, rows))
    distance = np.where(country == 0, rng.lognormal(math.log(6), 1.5, rows), rng.lognormal(math.log(1500), 0.8, rows))
    return pl.DataFrame(
        {
            "amount": np.round(np.maximum(rng.lognormal(np.log(medians[category]), 1.0), 0.01), 2),
            "merchant_category": names[category],
            "hour": rng.choice(24, rows, p=np.array(_HOUR_WEIGHTS) / sum(_HOUR_WEIGHTS)),
            "country": np.array(_COUNTRIES)[country],
            "card_present": present,
            "device": np.where(present, "terminal", device),
            "transactions_last_hour": last_hour,
            "transactions_last_day": last_hour + rng.poisson(4 * pace),
            "minutes_since_last": np.round(gap, 1),
            "account_age_days": _with_missing(rng, pl.Series(age), 0.03),
            "distance_from_home_km": np.round(distance, 1),
        }
    )


def _draw_uninformative(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Draw the columns that say nothing about fraud, for so many transactions."""
    numbers = {f"noise_{index:02d}": rng.normal(size=rows) for index in range(1, _NOISE_NUMBERS + 1)}
    columns = {
        name: _with_missing(rng, pl.Series(values), _MISSING_NUMBERS.get(name, 0.0)) for name, values in numbers.items()
    }
    for name, (levels, missing) in _UNINFORMATIVE_LEVELS.items():
        texts = np.array([f"{name[0].upper()}{level:04d}" for level in range(levels)])
        columns[name] = _with_missing(rng, pl.Series(texts[_zipf(rng, levels, rows, head=50)]), missing)
    return pl.DataFrame(columns)


def _zipf(rng: np.random.Generator, levels: int, rows: int, *, head: int) -> npt.NDArray[np.int64]:
    weights = 1 / (head + np.arange(1, levels + 1))
    return rng.choice(levels, rows, p=weights / weights.sum())


def _with_missing(rng: np.random.Generator, values: pl.Series, share: float) -> pl.Series:
    return values.set(pl.Series(rng.random(len(values)) < share), None) if share else values
