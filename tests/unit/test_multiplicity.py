"""The best of several: false alarms as often as promised, gains found, and intervals that hold though it was picked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit import InputError
from goodfit.multiplicity import LEVEL, Fall, largest_fall, optimism


def alternatives(random, count: int, rows: int, *, alike=0.8, mean=1.0) -> np.ndarray:
    """Losses `(count + 1, rows)` of one mean: rows differ in how hard they are, networks share part of their noise."""
    hardness = random.exponential(size=(1, rows))
    shared, own = random.standard_normal((1, rows)), random.standard_normal((count + 1, rows))
    noise = 0.5 * (np.sqrt(alike) * shared + np.sqrt(1 - alike) * own)
    return mean * hardness * np.exp(noise - 0.125)


def fired(share_of, *, count: int, rows: int, alike: float, times: int = 300) -> int:
    """How often p is below the level, where alternatives' losses are multiplied by these shares."""
    random, found = np.random.default_rng(count + rows), 0
    for seed in range(times):
        losses = alternatives(random, count, rows, alike=alike)
        losses[1:] *= np.asarray(share_of)[:, None]
        found += largest_fall(losses[0], losses[1:], seed=seed).p < LEVEL
    return found


@pytest.mark.parametrize("alike", [0.0, 0.9])
@pytest.mark.parametrize(("count", "rows"), [(1, 100), (10, 100), (10, 400)])
def test_where_none_is_better_p_is_seldom_small(count, rows, alike):
    """Losses are skewed, as log losses are; alternatives may be nearly the same."""
    alarms = fired(np.ones(count), count=count, rows=rows, alike=alike)
    assert alarms <= stats.binom.ppf(0.999, 300, LEVEL)


@pytest.mark.parametrize("count", [1, 10])
def test_the_level_is_used_up_where_all_are_equal(count):
    """p is no larger than it must be."""
    assert fired(np.ones(count), count=count, rows=400, alike=0.5) >= stats.binom.ppf(0.001, 300, LEVEL)


def test_clearly_worse_alternatives_cost_nothing():
    shares = [1.0, *[2.0] * 20]
    assert fired(shares, count=21, rows=400, alike=0.9) <= stats.binom.ppf(0.999, 300, LEVEL)
    losses = alternatives(np.random.default_rng(0), 1, 400)
    losses[1] *= 0.95
    alone = largest_fall(losses[0], losses[1:])
    among = largest_fall(losses[0], [losses[1], *(losses[0] * (2 + 0.1 * i) for i in range(20))])
    assert among.best == 0
    assert among.p == pytest.approx(alone.p, abs=0.01)


def test_near_copies_cost_hardly_more_than_one():
    random = np.random.default_rng(1)
    losses = alternatives(random, 1, 400)
    losses[1] *= 0.97
    copies = losses[1] * (1 + 1e-6 * random.standard_normal((20, 400)))
    one, many = largest_fall(losses[0], losses[1:]), largest_fall(losses[0], copies)
    assert 0.001 < one.p < 0.999
    assert many.p == pytest.approx(one.p, abs=0.02)
    assert many.fall.high - many.fall.low == pytest.approx(one.fall.high - one.fall.low, rel=0.05)


@pytest.mark.parametrize(("share", "least"), [(0.9, 0.5), (0.8, 0.98)])
def test_a_gain_is_found(share, least):
    shares = [share, *np.linspace(1.0, 1.1, 9)]
    assert fired(shares, count=10, rows=400, alike=0.5, times=100) >= 100 * least


def test_the_numbers_of_a_gain():
    losses = alternatives(np.random.default_rng(2), 3, 500)
    losses[2] *= 0.7
    found = largest_fall(losses[0], losses[1:])
    assert (found.best, found.p < 0.001) == (1, True)
    assert found.fall.value == pytest.approx(1 - losses[2].mean() / losses[0].mean())
    assert found.fall.low < found.fall.value < found.fall.high <= 1
    assert found.most >= found.fall.value


def test_a_sure_gain_goes_before_a_larger_one_of_luck_if_it_is_large_enough():
    losses = alternatives(np.random.default_rng(0), 1, 400, alike=0.0)
    sure, lucky = 0.985 * losses[0], losses[1] * 0.97 * losses[0].mean() / losses[1].mean()
    assert largest_fall(losses[0], [lucky]).p > LEVEL
    for least, best in ((0.0, 1), (0.01, 1), (0.02, 0)):
        found = largest_fall(losses[0], [lucky, sure], least=least)
        assert (found.best, found.p < LEVEL) == (best, best == 1)
        assert found.fall.value == pytest.approx(0.015 if best else 0.03)


def test_p_is_of_the_one_that_is_named():
    """It is named falsely no oftener than 5 % allows, whatever sure gains stand beside it."""
    random, false = np.random.default_rng(8), 0
    for seed in range(300):
        losses = alternatives(random, 6, 200, alike=0.5)
        sure = 0.99 * losses[0]
        found = largest_fall(losses[0], [sure, *losses[1:]], least=0.02, seed=seed)
        false += found.best > 0 and found.p < LEVEL
    assert false <= stats.binom.ppf(0.999, 300, LEVEL)


@pytest.mark.parametrize("gains", [[0.0] * 8, [0.0] * 7 + [0.2], [0.1, 0.08, 0.06, 0.04, 0.02]])
def test_the_interval_of_the_one_that_was_picked_holds_its_truth(gains):
    """As often as 95 % promises, or oftener, and none of the true falls is above `most`."""
    random, times, held, below = np.random.default_rng(3), 300, 0, 0
    gains = np.array(gains)
    for seed in range(times):
        losses = alternatives(random, len(gains), 300, alike=0.5)
        losses[1:] *= 1 - gains[:, None]
        found = largest_fall(losses[0], losses[1:], seed=seed)
        held += found.fall.low <= gains[found.best] <= found.fall.high
        below += gains.max() <= found.most
    assert held >= stats.binom.ppf(0.001, times, 0.95)
    assert below >= stats.binom.ppf(0.001, times, 0.95)


def test_the_interval_of_one_alternative_is_no_wider_than_it_must_be():
    random, held = np.random.default_rng(4), 0
    for seed in range(400):
        losses = alternatives(random, 1, 300, alike=0.5)
        found = largest_fall(losses[0], losses[1:], seed=seed)
        held += found.fall.low <= 0 <= found.fall.high
    assert stats.binom.ppf(0.001, 400, 0.95) <= held <= stats.binom.ppf(0.999, 400, 0.95)


# -- laws -------------------------------------------------------------------------------------------------------------


def same(one: Fall, other: Fall, rel: float = 1e-9) -> None:
    assert one.p == pytest.approx(other.p, abs=1e-3)
    assert one.most == pytest.approx(other.most, rel=1e-6, abs=1e-7)
    assert one.fall.to_dict() == pytest.approx(other.fall.to_dict(), rel=rel, abs=1e-7)


seeds = st.integers(0, 10_000)


@settings(deadline=None, max_examples=40)
@given(seeds, st.floats(1e-6, 1e6), st.integers(1, 6), st.integers(2, 60))
def test_the_unit_of_the_loss_plays_no_part(seed, unit, count, rows):
    losses = alternatives(np.random.default_rng(seed), count, rows)
    one, other = (largest_fall(scale * losses[0], scale * losses[1:]) for scale in (1.0, unit))
    assert one.best == other.best
    same(one, other, rel=1e-4)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(2, 6))
def test_the_order_of_rows_plays_no_part_and_that_of_alternatives_next_to_none(seed, count):
    """Alternatives in another order get other draws: p differs by no more than these."""
    random = np.random.default_rng(seed)
    losses = alternatives(random, count, 80)
    found = largest_fall(losses[0], losses[1:], least=1)
    rows = random.permutation(80)
    same(found, largest_fall(losses[0, rows], losses[1:, rows], least=1))
    order = random.permutation(count)
    other = largest_fall(losses[0], losses[1:][order], least=1)
    assert order[other.best] == found.best
    assert other.fall.value == pytest.approx(found.fall.value)
    assert other.fall.low == pytest.approx(found.fall.low, abs=0.1 * (found.fall.high - found.fall.low))
    assert other.p == pytest.approx(found.p, abs=0.08)


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 5), st.floats(0.01, 100))
def test_a_row_of_weight_two_counts_as_two(seed, count, unit):
    """In the means; for the interval it is still one row, which says less than two."""
    random = np.random.default_rng(seed)
    losses, weights = alternatives(random, count, 60), random.integers(1, 4, 60)
    weighted = largest_fall(losses[0], losses[1:], weights=unit * weights, least=1)
    repeated = np.repeat(losses, weights, axis=1)
    expected = largest_fall(repeated[0], repeated[1:], least=1)
    assert weighted.best == expected.best
    assert weighted.fall.value == pytest.approx(expected.fall.value)
    assert weighted.fall.high - weighted.fall.low > expected.fall.high - expected.fall.low
    same(weighted, largest_fall(losses[0], losses[1:], weights=weights, least=1))
    same(largest_fall(losses[0], losses[1:], weights=np.full(60, 7)), largest_fall(losses[0], losses[1:]))


@settings(deadline=None, max_examples=40)
@given(seeds, st.integers(1, 5), st.integers(2, 40))
def test_numbers_stand_in_order(seed, count, rows):
    losses = alternatives(np.random.default_rng(seed), count, rows)
    found = largest_fall(losses[0], losses[1:], seed=seed)
    assert found.best == losses[1:].mean(1).argmin() or found.p < LEVEL
    assert found.fall.low <= found.fall.value <= found.fall.high
    assert 0 < found.p <= 1
    assert found.most >= found.fall.value


def test_the_same_seed_draws_the_same():
    losses = alternatives(np.random.default_rng(0), 5, 50)
    one, again, other = (largest_fall(losses[0], losses[1:], seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_losses_that_are_the_same_or_nought_fall_by_nothing():
    row = np.random.default_rng(0).exponential(size=30)
    for reference, others in ((row, [row, row]), (np.zeros(30), np.zeros((2, 30))), (np.ones(30), np.ones((1, 30)))):
        found = largest_fall(reference, others)
        assert found.fall.value == pytest.approx(0)
        assert found.p > LEVEL
        assert np.isfinite([found.fall.low, found.fall.high, found.most]).all()


@pytest.mark.parametrize("seed", range(20))
def test_the_same_losses_beside_others_that_are_worse_are_no_gain(seed):
    row = np.random.default_rng(seed).exponential(size=300)
    found = largest_fall(row, [row, 2 * row, 1.5 * row])
    assert (found.best, found.fall.value) == (0, 0)
    assert found.p > LEVEL


def test_to_nought_is_a_fall_of_all():
    found = largest_fall(np.random.default_rng(0).exponential(size=30), np.zeros((1, 30)))
    assert found.fall.value == pytest.approx(1)
    assert found.p < LEVEL


def test_one_row_has_a_fall_and_no_interval():
    found = largest_fall([2.0], [[1.0], [0.5]])
    assert (found.best, found.fall.value) == (1, 0.75)
    assert np.isnan([found.fall.low, found.fall.high, found.p, found.most]).all()


@pytest.mark.parametrize(
    ("reference", "losses"),
    [([1.0, 2.0], [[1.0]]), ([1.0], [1.0]), ([[1.0]], [[1.0]]), ([1.0], np.empty((0, 1)))],
)
def test_shapes_that_do_not_fit_are_refused(reference, losses):
    with pytest.raises(InputError, match="give \\(C, n\\) and \\(n,\\)"):
        largest_fall(reference, losses)


# -- optimism ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "rows", "alike"), [(5, 50, 0.0), (30, 50, 0.0), (30, 200, 0.5)])
def test_the_winners_curse_is_as_large_as_a_simulation_of_it(count, rows, alike):
    """All alternatives have the mean loss 1: what the lowest mean is below it is owed to choosing."""
    random, said, true = np.random.default_rng(5), [], []
    for seed in range(60):
        losses = alternatives(random, count - 1, rows, alike=alike)
        level = losses.mean()
        true.append(1 - losses.mean(1).min() / level)
        said.append(optimism(losses, seed=seed).value)
    assert np.mean(said) == pytest.approx(np.mean(true), rel=0.35)


def test_where_one_is_best_by_far_choosing_costs_nothing():
    losses = alternatives(np.random.default_rng(6), 5, 200)
    losses[3] *= 0.3
    assert optimism(losses).to_dict() == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert optimism(losses[3:4]).value < 0.005


@settings(deadline=None, max_examples=20)
@given(seeds, st.integers(1, 6), st.integers(5, 60), st.floats(1e-3, 1e3))
def test_optimism_is_a_share_that_knows_no_unit_nor_order(seed, count, rows, unit):
    random = np.random.default_rng(seed)
    losses = alternatives(random, count, rows)
    found = optimism(losses)
    assert 0 <= found.value < 1
    assert found.low <= found.high
    assert optimism(unit * losses).to_dict() == pytest.approx(found.to_dict(), abs=1e-6)
    assert optimism(losses[random.permutation(count + 1)]).to_dict() == pytest.approx(found.to_dict(), abs=1e-6)
    assert optimism(losses, weights=np.full(rows, 3.0)).to_dict() == pytest.approx(found.to_dict(), abs=1e-6)


def test_rows_without_weight_do_not_choose():
    random = np.random.default_rng(7)
    losses = alternatives(random, 9, 100)
    weights = (np.arange(100) < 50).astype(float)
    spoilt = losses.copy()
    spoilt[:, 50:] = random.exponential(size=(10, 50)) * 100
    assert optimism(spoilt, weights=weights).value == pytest.approx(optimism(losses, weights=weights).value)
