import math

import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.special import expit, logit

from goodfit.errors import InputError
from goodfit.examples import simulate
from goodfit.examples.fraud import EFFECTS, best_reachable
from goodfit.metrics import classification_scores

INFORMATIVE = [
    "amount",
    "merchant_category",
    "hour",
    "country",
    "card_present",
    "device",
    "transactions_last_hour",
    "transactions_last_day",
    "minutes_since_last",
    "account_age_days",
    "distance_from_home_km",
]
LEVELS = {"merchant_id": 1500, "terminal_id": 800, "postal_region": 500, "card_bin": 300, "browser_version": 120}
MISSING = {
    "account_age_days": 0.03,
    "browser_version": 0.03,
    "postal_region": 0.01,
    "noise_03": 0.02,
    "noise_11": 0.05,
}


@pytest.fixture(scope="module")
def large():
    return simulate(11, rows=200_000, frauds=10_000)


def is_fraud(transactions):
    return (transactions.frame["label"] == "fraud").to_numpy()


def effects(frame):
    return frame.select(pl.sum_horizontal(effect.log_odds for effect in EFFECTS)).to_series().to_numpy()


@pytest.mark.parametrize(("rows", "frauds"), [(10_000, 500), (2, 1), (1000, 999), (1000, 1)])
def test_counts_are_exact(rows, frauds):
    transactions = simulate(3, rows=rows, frauds=frauds)
    assert transactions.frame.height == len(transactions.probability) == rows
    assert is_fraud(transactions).sum() == frauds
    assert set(transactions.frame["label"]) == {"fraud", "legit"}
    assert ((transactions.probability > 0) & (transactions.probability < 1)).all()


def test_the_seed_decides_the_rows():
    one, same, other = (
        simulate(1, rows=500, frauds=50),
        simulate(1, rows=500, frauds=50),
        simulate(2, rows=500, frauds=50),
    )
    assert one.frame.equals(same.frame)
    assert (one.probability == same.probability).all()
    assert not one.frame.equals(other.frame)
    assert (one.probability != other.probability).any()


@pytest.mark.parametrize(
    ("seed", "rows", "frauds", "message"),
    [
        (-1, 10, 1, "seed is -1"),
        (0, 10, 0, "frauds is 0 of 10"),
        (0, 10, 10, "frauds is 10 of 10"),
        (0, 0, 0, "frauds is 0 of 0"),
    ],
)
def test_impossible_settings_are_named(seed, rows, frauds, message):
    with pytest.raises(InputError, match=message):
        simulate(seed, rows=rows, frauds=frauds)


def test_the_probability_is_one_function_of_the_row_for_every_seed():
    intercepts = [logit(t.probability) - effects(t.frame) for t in (simulate(1), simulate(2, rows=2000, frauds=100))]
    assert np.ptp(np.concatenate(intercepts)) < 1e-9


def test_labels_follow_the_probability_within_binomial_error(large):
    fraud = is_fraud(large)
    order = np.argsort(large.probability)
    deviations = []
    for rows in np.array_split(order, 20):
        chance = large.probability[rows]
        deviations.append((fraud[rows].sum() - chance.sum()) / math.sqrt((chance * (1 - chance)).sum()))
    assert stats.chi2.sf(np.square(deviations).sum(), 20) > 1e-3


def test_labels_grow_with_the_probabilitys_logit_at_slope_one(large):
    chance, spread = large.probability, large.probability * (1 - large.probability)
    slope = logit(chance) - np.average(logit(chance), weights=spread)
    deviation = ((is_fraud(large) - chance) * slope).sum() / math.sqrt((spread * slope**2).sum())
    assert abs(deviation) < 3


@pytest.mark.parametrize(
    "group",
    [
        pl.col("country") != "C01",
        pl.col("transactions_last_hour") >= 3,
        pl.col("account_age_days").is_null(),
        pl.col("amount") > 500,
        (pl.col("country") != "C01") & ~pl.col("card_present"),
        pl.col("hour").is_between(1, 5),
    ],
)
def test_labels_follow_the_probability_in_every_group(large, group):
    rows = large.frame.select(group).to_series().to_numpy()
    chance = large.probability[rows]
    deviation = (is_fraud(large)[rows].sum() - chance.sum()) / math.sqrt((chance * (1 - chance)).sum())
    assert rows.sum() > 500
    assert abs(deviation) < 4


def test_the_prior_of_the_stream_is_that_of_the_kept_rows():
    # Kept rows are drawn by class, so that Bayes' rule turns the classes' mean odds into the prior odds:
    # over legitimate rows the mean of p / (1-p) is frauds / legitimate if and only if p is their posterior.
    for frauds in (500, 5000, 9000):
        transactions = simulate(5, frauds=frauds)
        fraud, chance = is_fraud(transactions), transactions.probability
        odds = (chance / (1 - chance))[~fraud]
        error = odds.std() / math.sqrt(len(odds))
        assert odds.mean() == pytest.approx(frauds / (10_000 - frauds), abs=4 * error)


def test_the_columns_are_those_described(large):
    noise = [f"noise_{index:02d}" for index in range(1, 21)]
    assert large.frame.columns == [*INFORMATIVE, *noise, *LEVELS, "label"]
    assert large.frame["merchant_category"].n_unique() == 20
    assert large.frame["country"].n_unique() == 40
    assert {name: large.frame[name].drop_nulls().n_unique() for name in LEVELS} == LEVELS
    assert set(large.frame["hour"]) == set(range(24))
    assert (large.frame["transactions_last_day"] >= large.frame["transactions_last_hour"]).all()
    within = large.frame["minutes_since_last"] <= 60
    assert ((large.frame["transactions_last_hour"] > 0) == within).mean() > 0.999  # but for rounding at 60
    assert (large.frame.filter("card_present")["device"] == "terminal").all()


def test_values_are_missing_where_described_and_nowhere_else(large):
    missing = {name: large.frame[name].is_null().mean() for name in large.frame.columns}
    for name, share in missing.items():
        assert share == pytest.approx(MISSING.get(name, 0.0), abs=0.003 if name in MISSING else 0)


def test_uninformative_columns_say_nothing_about_the_label(large):
    fraud = is_fraud(large)
    for name in large.frame.columns:
        column = large.frame[name]
        if name.startswith("noise_"):
            known = column.is_not_null().to_numpy()
            values = column.to_numpy()
            assert stats.ks_2samp(values[known & fraud], values[known & ~fraud]).pvalue > 1e-4
        if name in LEVELS:
            table = large.frame.group_by(name).agg(pl.len(), (pl.col("label") == "fraud").sum().alias("fraud"))
            counts = np.column_stack([table["fraud"], table["len"] - table["fraud"]])
            assert stats.chi2_contingency(counts).pvalue > 1e-4
        if name in MISSING:
            table = [[(column.is_null().to_numpy() & group).sum(), group.sum()] for group in (fraud, ~fraud)]
            assert stats.chi2_contingency(table).pvalue > 1e-4


def test_every_effect_has_a_reason_moves_some_rows_and_is_never_missing(large):
    assert len({effect.name for effect in EFFECTS}) == len(EFFECTS)
    for effect in EFFECTS:
        shift = large.frame.select(effect.log_odds).to_series()
        assert effect.reason
        assert shift.is_finite().all()
        assert shift.null_count() == 0
        assert shift.n_unique() > 1


def test_effects_have_the_sizes_their_reasons_state():
    frame = simulate(0, rows=1000, frauds=50).frame
    by_name = {effect.name: effect.log_odds for effect in EFFECTS}

    def odds(name, column, values):
        changed = frame.head(len(values)).with_columns(pl.Series(column, values, dtype=frame[column].dtype))
        return np.exp(changed.select(by_name[name]).to_series().to_numpy())

    assert odds("hour", "hour", [3, 9, 15]) == pytest.approx([2, math.sqrt(2), 1])
    assert odds("foreign country", "country", ["C01", "C02", "C40"]) == pytest.approx([1, 3, 3])
    assert odds("large amount", "amount", [1.0, 200.0, 800.0]) == pytest.approx([1, 1, 2])
    assert odds("burst", "transactions_last_hour", [0, 2, 3]) == pytest.approx([1, 1, 2.5])
    assert odds("young account", "account_age_days", [0.0, 1e6, None]) == pytest.approx([3, 1, 1])


def test_nobody_beats_the_true_probability(large):
    reachable = best_reachable(large)
    fraud, chance = is_fraud(large), large.probability
    rng = np.random.default_rng(0)
    rivals = [
        expit(logit(chance) + rng.normal(0, 0.5, len(chance))),
        expit(1.3 * logit(chance) + 0.5),
        expit(logit(chance) + math.log(19)),
        np.full(len(chance), 0.05),
    ]
    for rival in rivals:
        scores = classification_scores(fraud.astype(int), np.column_stack([1 - rival, rival]), positive=1)
        assert reachable["log_loss"] < scores["log_loss"]
        assert reachable["brier"] < scores["brier"]
        for key in ("accuracy", "balanced_accuracy", "average_precision", "roc_auc", "recall_at_1pct"):
            assert reachable[key] >= scores[key] - 1e-6
    entropy = -(chance * np.log(chance) + (1 - chance) * np.log1p(-chance)).mean()
    assert reachable["log_loss"] == pytest.approx(entropy, rel=0.02)


def test_best_reachable_scores_the_rows_asked_for(large):
    rows = np.arange(0, 200_000, 7)
    part = best_reachable(large, rows)
    chance = large.probability[rows]
    scores = classification_scores(is_fraud(large)[rows].astype(int), np.column_stack([1 - chance, chance]))
    assert {**part, "balanced_accuracy": 0} == {**scores, "balanced_accuracy": 0}
    assert part["balanced_accuracy"] > scores["balanced_accuracy"]
    legit = np.flatnonzero(~is_fraud(large))[:10]
    assert math.isnan(best_reachable(large, legit)["balanced_accuracy"])
