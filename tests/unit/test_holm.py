"""Many questions at once: p-values adjusted by the definition, and false alarms in the family as rare as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from goodfit import InputError
from goodfit.multiplicity import holm

LEVEL = 0.05


def test_holm_by_hand():
    """Four questions: 0.005 · 4, then 0.01 · 3, then 0.03 · 2 = 0.06, and 0.04 · 1, which may not be below it."""
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.6]).tolist() == pytest.approx([0.8, 0.8])
    assert holm([0.7, 0.9]).tolist() == [1.0, 1.0]
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []


def test_holm_rejects_what_its_steps_by_hand_reject():
    """The definition: in ascending order, reject while p is at most level / (questions left)."""
    random = np.random.default_rng(8)
    for _ in range(200):
        p = random.random(random.integers(1, 9)) ** 3
        rejected = np.zeros(len(p), dtype=bool)
        for left, place in zip(range(len(p), 0, -1), np.argsort(p), strict=True):
            if p[place] > LEVEL / left:
                break
            rejected[place] = True
        assert (holm(p) <= LEVEL).tolist() == rejected.tolist()


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_false_alarms_in_the_family_are_as_rare_as_promised(alike):
    """Six questions, of which two have a true answer: the others' smallest adjusted p is seldom below the level."""
    random, times = np.random.default_rng(9), 4000
    shared, own = random.standard_normal((times, 1)), random.standard_normal((times, 6))
    normal = np.sqrt(alike) * shared + np.sqrt(1 - alike) * own + np.array([0, 0, 0, 0, 4.0, 6.0])
    p = 2 * stats.norm.sf(np.abs(normal))
    adjusted = np.array([holm(row) for row in p])
    alarms = (adjusted[:, :4].min(1) <= LEVEL).sum()
    assert alarms <= stats.binom.ppf(0.999, times, LEVEL)
    assert (p[:, :4].min(1) <= LEVEL).sum() > stats.binom.ppf(0.999, times, LEVEL)
    if not alike:
        assert alarms >= stats.binom.ppf(0.001, times, LEVEL * 0.8)  # once the two are rejected the level is used up
    assert (adjusted[:, 5] <= LEVEL).mean() > 0.98


@given(st.lists(st.one_of(st.floats(0, 1), st.just(np.nan)), max_size=8), st.randoms(use_true_random=False))
def test_holm_keeps_the_order_of_p_and_what_could_not_be_asked_plays_no_part(p, random):
    values = np.array(p)
    adjusted, told = holm(values), ~np.isnan(values)
    assert np.isnan(adjusted).tolist() == (~told).tolist()
    assert (adjusted[told] >= values[told]).all()
    assert (adjusted[told] <= np.minimum(1, told.sum() * values[told] * (1 + 1e-12))).all()
    assert adjusted[told].tolist() == holm(values[told]).tolist()
    assert (np.diff(adjusted[told][np.argsort(values[told])]) >= 0).all()
    order = random.sample(range(len(values)), len(values))
    np.testing.assert_array_equal(holm(values[order]), adjusted[order])


@pytest.mark.parametrize("p", [[-0.1], [0.5, 1.1], 0.5, [[0.5]], [np.inf]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(InputError, match="give one number from 0 to 1"):
        holm(p)
