"""Rows mixed with others: what is mixed, and that the share says it exactly."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from goodfit.errors import InputError
from goodfit.regularizers.form import Form
from goodfit.regularizers.images import CutMix
from goodfit.regularizers.images.cut_mix import clipped_box, paste
from goodfit.regularizers.mixup import Mixup, beta_shares, mix_rows
from goodfit.regularizers.recipe import Recipe
from goodfit.rng import Purpose, Streams

FORM = Form("image", (3, 6, 5))
EACH = pytest.mark.parametrize("kind", [Mixup, CutMix], ids=lambda kind: kind.name)


def draw_of(*seeds: int, step: int = 0):
    return Streams.of(list(seeds)).at(Purpose.NOISE, step=step)


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


@EACH
def test_a_neutral_member_is_untouched_bit_for_bit_beside_others(kind):
    rows, others = pictures(3, 7, *FORM.shape), pictures(3, 7, *FORM.shape, seed=1)
    rows[1, :3] = -0.0
    others[1] = math.inf
    mixed, share = kind(torch.tensor([1.0, 0.0, 0.5], dtype=torch.float64)).mix(rows, others, draw_of(0, 1, 2), FORM)
    assert same_bits(mixed[1], rows[1])
    assert (share[1] == 1.0).all()
    assert not torch.equal(mixed[0], rows[0])
    assert (share[0] < 1.0).any()
    for neutral in (kind(0.0), kind.neutral()):
        mixed, share = neutral.mix(rows, others, draw_of(0, 1, 2), FORM)
        assert same_bits(mixed, rows)
        assert (share == 1.0).all()


@EACH
def test_a_float_is_the_dose_of_every_member_and_a_member_is_itself_in_any_company(kind):
    rows, others = pictures(3, 7, *FORM.shape), pictures(3, 7, *FORM.shape, seed=1)
    one_number = kind(0.7).mix(rows, others, draw_of(7, 8, 9), FORM)
    as_tensor = kind(torch.tensor([0.7] * 3, dtype=torch.float64)).mix(rows, others, draw_of(7, 8, 9), FORM)
    alone = kind(torch.tensor([0.7], dtype=torch.float64)).mix(rows[1:2], others[1:2], draw_of(8), FORM)
    for one, other, single in zip(one_number, as_tensor, alone, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one[1:2], single)
    assert one_number[1].shape == (3, 7)


@EACH
def test_a_row_is_the_same_however_far_the_batch_is_padded_and_has_numbers_of_its_own(kind):
    rows, others = pictures(2, 9, *FORM.shape), pictures(2, 9, *FORM.shape, seed=1)
    long = kind(1.0).mix(rows, others, draw_of(3, 4), FORM)
    short = kind(1.0).mix(rows[:, :4], others[:, :4], draw_of(3, 4), FORM)
    for one, other in zip(long, short, strict=True):
        assert torch.equal(one[:, :4], other)
    assert min(len(shares.unique()) for shares in long[1]) > 3
    assert not torch.equal(long[1], kind(1.0).mix(rows, others, draw_of(3, 4, step=1), FORM)[1])


@EACH
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 5), (3, 5, 1), (1, 2, 3), (3, 64, 2)])
def test_pictures_of_any_shape(kind, shape):
    mixed, share = kind(1.0).mix(
        torch.ones(2, 50, *shape), torch.zeros(2, 50, *shape), draw_of(0, 1), Form("image", shape)
    )
    torch.testing.assert_close(mixed.mean((2, 3, 4)), share, rtol=0, atol=1e-6)


@EACH
def test_recipes_know_the_name_and_the_range(kind):
    recipe = Recipe((kind(),))
    assert Recipe.parse(str(recipe)) == recipe
    with pytest.raises(InputError):
        kind(-0.1)


@pytest.mark.parametrize("shape", [(7,), (3, 6, 5)])
def test_mixup_is_the_weighted_mean_of_both(shape):
    rows, others = pictures(2, 50, *shape), pictures(2, 50, *shape, seed=1)
    mixed, share = Mixup(0.4).mix(rows, others, draw_of(0, 1), Form())
    own = share.view(2, 50, *([1] * len(shape)))
    torch.testing.assert_close(mixed, own * rows + (1 - own) * others)
    assert share.min() >= 0.5
    assert share.max() <= 1.0
    assert share.dtype == rows.dtype


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0, 3.0, 50.0])
def test_shares_have_the_moments_of_the_beta_distribution(alpha):
    """Mirrored at a half, so that its even moments about it stay."""
    _, share = Mixup(alpha).mix(torch.zeros(1, 20000, 1), torch.zeros(1, 20000, 1), draw_of(0), Form())
    away = share[0].double() - 0.5
    known = stats.beta(alpha, alpha)
    second = 1 / (4 * (2 * alpha + 1))
    assert known.var() == pytest.approx(second)
    fourth = second**2 * (3 + float(known.stats("k")))
    assert (away**2).mean().item() == pytest.approx(second, abs=5 * math.sqrt((fourth - second**2) / 20000))
    for bound in (0.51, 0.6, 0.75, 0.9, 0.99):
        below = 2 * known.cdf(bound) - 1
        assert (share < bound).float().mean().item() == pytest.approx(below, abs=5 * math.sqrt(below / 20000))


def test_mixup_of_one_has_any_share_and_of_much_half():
    chance = np.linspace(0.001, 0.999, 11)[None]
    np.testing.assert_allclose(beta_shares(chance, np.array([[1.0]])), np.maximum(chance, 1 - chance), atol=1e-12)
    for alpha in (1e12, 1e18, np.finfo(float).max, np.inf):
        np.testing.assert_allclose(beta_shares(chance, np.array([[alpha]])), 0.5, atol=1e-5)
    for alpha in (5e-324, 1e-300, 1e-9, 1e-4):
        np.testing.assert_allclose(beta_shares(chance[:, [0, 1, -1]], np.array([[alpha]])), 1.0, atol=1e-12)


@given(st.floats(0, allow_nan=False), st.floats(1e-7, 1 - 1e-7))
def test_every_alpha_gives_a_share_from_a_half_to_one(alpha, chance):
    (share,) = beta_shares(np.array([chance]), np.array([alpha]))
    assert 0.5 <= share <= 1.0


def test_shares_grow_towards_half_with_alpha():
    chance = np.full((1, 1), 0.1)
    shares = [beta_shares(chance, np.array([[alpha]])).item() for alpha in (0.0, 0.1, 0.3, 1.0, 5.0, 100.0)]
    assert shares == sorted(shares, reverse=True)


def test_a_row_mixed_with_itself_is_itself():
    rows = pictures(1, 20, 4)
    torch.testing.assert_close(mix_rows(rows, rows, torch.rand(1, 20)), rows)
    assert same_bits(mix_rows(rows, rows + 1, torch.ones(1, 20)), rows)


def test_the_share_of_cut_mix_is_the_count_of_own_pixels():
    rows, others = pictures(2, 400, 3, 11, 9), pictures(2, 400, 3, 11, 9, seed=1)
    mixed, share = CutMix(1.0).mix(rows, others, draw_of(0, 1), FORM)
    own, pasted = mixed == rows, mixed == others
    assert (own ^ pasted).all()
    assert torch.equal(own[:, :, 0], own[:, :, 2])
    assert torch.equal(own[:, :, 0].sum((-2, -1)).float() / 99, share)
    tall, wide = pasted[:, :, 0].any(3).sum(2), pasted[:, :, 0].any(2).sum(2)
    assert torch.equal(tall * wide, pasted[:, :, 0].sum((-2, -1)))


def test_as_many_pictures_are_mixed_as_p_says():
    rows = torch.ones(2, 4000, 1, 30, 30)
    _, share = CutMix(torch.tensor([0.3, 0.9])).mix(rows, 0 * rows, draw_of(0, 1), FORM)
    np.testing.assert_allclose((share < 1).float().mean(1), [0.3, 0.9], atol=0.035)


def test_a_box_in_the_middle_leaves_the_share_it_should():
    rows, shares = torch.ones(1, 9, 1, 100, 100), torch.arange(1.0, 10.0)[None] / 10
    middle = torch.full((1, 9), 0.5)
    _, left = paste(rows, 0 * rows, clipped_box(rows, shares, (middle, middle)))
    np.testing.assert_allclose(left, shares, atol=0.011)


def test_boxes_about_any_place_have_the_area_that_clipping_leaves():
    """On fine pixels: a side of length a about a uniform place keeps a - a²/4 of it on average, in each direction."""
    rows = torch.ones(1, 20000, 1, 60, 60)
    _, share = CutMix(1.0).mix(rows, 0 * rows, draw_of(0), FORM)
    side = np.sqrt(1 - (np.arange(100000) + 0.5) / 100000)
    expected = 1 - np.mean((side - side**2 / 4) ** 2)
    assert share.mean().item() == pytest.approx(expected, abs=0.01)
    assert share.min() < 0.1
    assert share.max() > 0.99


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), *[st.floats(0, 1)] * 3)
def test_a_clipped_box_lies_in_the_picture(height, width, share, down, right):
    images = torch.ones(1, 1, 1, height, width)
    numbers = [torch.tensor([[value]]) for value in (share, down, right)]
    box = clipped_box(images, numbers[0], (numbers[1], numbers[2]))
    assert 0 <= box.top <= box.bottom <= height
    assert 0 <= box.left <= box.right <= width
    mixed, left = paste(images, 0 * images, box)
    assert mixed.sum().item() / (height * width) == pytest.approx(left.item(), abs=1e-6)
    if share == 1.0:
        assert left.item() == 1.0
