"""What the techniques on pictures do to pictures whose outcome is known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.errors import InputError
from goodfit.regularizers.form import Form
from goodfit.regularizers.images import Brightness, Contrast, Crop, Erasing, Flip, Rotate, Shift, VerticalFlip
from goodfit.regularizers.images.boxes import Box, inside
from goodfit.regularizers.images.brightness import brighten
from goodfit.regularizers.images.contrast import scale_contrast
from goodfit.regularizers.images.crop import crop
from goodfit.regularizers.images.erasing import any_box, erase
from goodfit.regularizers.images.flip import flip
from goodfit.regularizers.images.rotate import rotate
from goodfit.regularizers.images.scale import FULL_RANGE, to_inputs, to_pixels
from goodfit.regularizers.images.shift import shift
from goodfit.regularizers.recipe import Recipe
from goodfit.rng import Purpose, Streams

EXTREME = {
    Flip: 1.0,
    VerticalFlip: 1.0,
    Rotate: 180.0,
    Crop: 0.99,
    Shift: 1.0,
    Brightness: 1.0,
    Contrast: 1.0,
    Erasing: 1.0,
}
EACH = pytest.mark.parametrize("kind", EXTREME, ids=lambda kind: kind.name)
FORM = Form("image", (1, 2, 3))


def draw_of(*seeds: int, step: int = 0):
    return Streams.of(list(seeds)).at(Purpose.NOISE, step=step)


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def all_of(value: float, rows: torch.Tensor) -> torch.Tensor:
    return torch.full(rows.shape[:2], value)


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


ROWS = pictures(2, 5, 3, 6, 6)


@EACH
def test_a_neutral_member_is_untouched_bit_for_bit_beside_others(kind):
    rows = pictures(3, 4, 2, 5, 7)
    rows[1, :, :, :2] = -0.0
    doses = torch.tensor([EXTREME[kind], 0.0, EXTREME[kind] / 2], dtype=torch.float64)
    changed = kind(doses).inputs(rows, draw_of(0, 1, 2), FORM)
    assert same_bits(changed[1], rows[1])
    assert not torch.equal(changed[0], rows[0])
    assert same_bits(kind(0.0).inputs(rows, draw_of(0, 1, 2), FORM), rows)
    assert same_bits(kind.neutral().inputs(rows, draw_of(0, 1, 2), FORM), rows)


@EACH
def test_a_float_is_the_dose_of_every_member_and_a_member_is_itself_in_any_company(kind):
    rows, usual = pictures(3, 4, 2, 5, 7), kind()
    one_number = usual.inputs(rows, draw_of(7, 8, 9), FORM)
    (dose,) = vars(usual).values()
    assert torch.equal(kind(torch.tensor([dose] * 3)).inputs(rows, draw_of(7, 8, 9), FORM), one_number)
    alone = kind(torch.tensor([dose])).inputs(rows[1:2], draw_of(8), FORM)
    torch.testing.assert_close(alone, one_number[1:2], rtol=0, atol=1e-6)


@EACH
def test_a_row_is_the_same_however_far_the_batch_is_padded(kind):
    rows = pictures(2, 9, 1, 6, 5)
    long = kind(EXTREME[kind]).inputs(rows, draw_of(3, 4), FORM)
    short = kind(EXTREME[kind]).inputs(rows[:, :4], draw_of(3, 4), FORM)
    assert torch.equal(long[:, :4], short)


@EACH
def test_each_row_member_and_step_has_numbers_of_its_own(kind):
    alike = pictures(1, 1, 1, 8, 8).expand(2, 64, 1, 8, 8)
    dose = 0.5 if kind in (Flip, VerticalFlip) else EXTREME[kind]
    one, later = (kind(dose).inputs(alike, draw_of(5, 6, step=step), FORM) for step in (0, 1))
    assert len(one[0].unique(dim=0)) == (2 if dose == 0.5 else 64) or kind in (Shift, Erasing)
    assert len(one[0].unique(dim=0)) >= (2 if dose == 0.5 else 30)
    assert not torch.equal(one[0], one[1])
    assert not torch.equal(one, later)


@EACH
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 5), (3, 5, 1), (1, 2, 3), (3, 64, 2)])
def test_pictures_of_any_shape(kind, shape):
    rows = pictures(2, 3, *shape)
    for dose in (0.0, EXTREME[kind] / 2, EXTREME[kind], torch.tensor([0.0, EXTREME[kind]])):
        changed = kind(dose).inputs(rows, draw_of(0, 1), Form("image", shape))
        assert changed.shape == rows.shape
        assert changed.dtype == rows.dtype
        assert changed.isfinite().all()


@EACH
def test_recipes_know_the_name_and_the_range(kind):
    recipe = Recipe((kind(),))
    assert Recipe.parse(str(recipe)) == recipe
    assert "image" in kind.suits
    for outside in (-0.01, 180.5):
        with pytest.raises(InputError):
            kind(outside)


@EACH
def test_the_usual_dose_changes_the_smallest_pictures_too(kind):
    rows = pictures(1, 200, 1, 2, 3)
    assert not torch.equal(kind().inputs(rows, draw_of(0), FORM), rows)


@pytest.mark.parametrize("dim", [-1, -2])
def test_flipping_all_twice_is_nothing(dim):
    everyone = torch.ones(ROWS.shape[:2], dtype=torch.bool)
    once = flip(ROWS, everyone, dim=dim)
    assert torch.equal(once, torch.from_numpy(np.flip(ROWS.numpy(), dim).copy()))
    assert torch.equal(flip(once, everyone, dim=dim), ROWS)


@pytest.mark.parametrize(("kind", "dim"), [(Flip, -1), (VerticalFlip, -2)])
def test_flips_of_probability_p(kind, dim):
    assert torch.equal(kind(1.0).inputs(ROWS, draw_of(0, 1), FORM), ROWS.flip(dim))
    rows = torch.arange(4.0).view(2, 2).expand(2, 4000, 1, 2, 2)
    flipped = kind(torch.tensor([0.2, 0.7])).inputs(rows, draw_of(0, 1), FORM)
    assert ((flipped == rows).flatten(2).all(2) | (flipped == rows.flip(dim)).flatten(2).all(2)).all()
    share = (flipped != rows).flatten(2).any(2).float().mean(1)
    np.testing.assert_allclose(share, [0.2, 0.7], atol=4 * np.sqrt(0.25 / 4000))


@pytest.mark.parametrize("quarters", [-2, -1, 0, 1, 2, 4])
def test_a_square_rotated_by_right_angles_is_torchs_rot90(quarters):
    rotated = rotate(ROWS, all_of(90.0 * quarters, ROWS))
    torch.testing.assert_close(rotated, torch.rot90(ROWS, quarters, (-2, -1)), rtol=0, atol=1e-4)


def test_any_picture_rotated_by_half_a_turn_is_flipped_both_ways():
    rows = pictures(1, 2, 2, 5, 8)
    torch.testing.assert_close(rotate(rows, all_of(180.0, rows)), rows.flip(-1, -2), rtol=0, atol=1e-4)


@settings(max_examples=50, deadline=None)
@given(angle=st.floats(-180, 180), slope=st.tuples(st.floats(-1, 1), st.floats(-1, 1)))
def test_a_ramp_rotated_is_a_ramp_in_the_other_direction(angle, slope):
    """Bilinear values of a plane are exact: counter-clockwise means that what was right is above."""
    away = torch.arange(-7.0, 8.0)
    ramp = slope[0] * away[:, None] + slope[1] * away
    turned = rotate(ramp.view(1, 1, 1, 15, 15), torch.tensor([[angle]]))[0, 0, 0]
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    expected = (slope[0] * cos - slope[1] * sin) * away[:, None] + (slope[0] * sin + slope[1] * cos) * away
    middle = slice(3, 12)  # what every rotation has in sight
    torch.testing.assert_close(turned[middle, middle], expected[middle, middle].float(), rtol=0, atol=1e-4)


def test_a_plain_background_stays_plain():
    rows = torch.full((1, 50, 1, 9, 9), -2.0)
    rows[..., 3:6, 3:6] = 2.0
    for technique in (Rotate(180.0), Shift(0.3), Crop(0.3)):
        changed = technique.inputs(rows, draw_of(0), FORM)
        assert changed.min() >= -2.0 - 1e-5
        assert changed.max() <= 2.0 + 1e-5
    torch.testing.assert_close(Rotate(180.0).inputs(rows, draw_of(0), FORM)[..., 0, :], rows[..., 0, :])


def test_angles_are_uniform_in_their_range():
    ramp = torch.arange(-4.0, 5.0).expand(1, 4000, 1, 9, 9)
    turned = Rotate(40.0).inputs(ramp, draw_of(0), FORM)
    angles = torch.atan2(turned[0, :, 0, 5, 4], turned[0, :, 0, 4, 5]).rad2deg()
    assert angles.abs().max() <= 40.01
    assert_uniform(angles, -40.0, 40.0)


def assert_uniform(values: torch.Tensor, low: float, high: float) -> None:
    """By the largest distance of the distributions, at one in a million."""
    expected = (values.double().sort().values - low) / (high - low)
    steps = torch.arange(1, len(values) + 1) / len(values)
    assert (expected - steps).abs().max() < np.sqrt(np.log(2e6) / (2 * len(values)))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, 0), (0, -1), (-3, 2), (5, -5)])
def test_a_shift_is_torchs_roll_inside_and_the_edge_beyond(down, right):
    moved = shift(ROWS, all_of(down, ROWS), all_of(right, ROWS))
    rows, columns = slice(max(0, down), 6 + min(0, down)), slice(max(0, right), 6 + min(0, right))
    rolled = ROWS.roll((down, right), (-2, -1))
    assert same_bits(moved[..., rows, columns].contiguous(), rolled[..., rows, columns].contiguous())
    padded = np.pad(ROWS.numpy(), [(0, 0)] * 3 + [(6, 6)] * 2, mode="edge")
    assert np.array_equal(moved.numpy(), padded[..., 6 - down : 12 - down, 6 - right : 12 - right])


@pytest.mark.parametrize("across", [True, False])
def test_shifts_are_uniform_up_to_the_share_and_whole(across):
    share, side = 0.25, 10
    ramp = torch.arange(0.0, side).expand(side, side)
    rows = (ramp if across else ramp.T).expand(1, 20000, 1, side, side)
    moved = Shift(share).inputs(rows, draw_of(0), FORM)
    by = 5 - moved[0, :, 0, 5, 5]
    assert set(by.tolist()) == {-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0}
    # |d| <= 2.5 uniform, rounded up or down by chance: 3 has the triangle beyond 2, 2 lacks half of its own
    expected = [0.5**2 / 2 / 5] + [0.2 - 0.5**2 / 2 / 5] + [0.2] * 3
    expected += expected[1::-1]
    counts = np.unique(by, return_counts=True)[1] / 20000
    np.testing.assert_allclose(counts, expected, atol=5 * np.sqrt(0.16 / 20000))


def test_shifts_go_down_and_sideways_by_different_numbers():
    spot = torch.zeros(1, 500, 1, 9, 9)
    spot[..., 4, 4] = 1.0
    places = Shift(0.3).inputs(spot, draw_of(0), FORM).flatten(3)[0, :, 0].argmax(1)
    downs, rights = places // 9 - 4, places % 9 - 4
    assert {int(v) for v in downs} == {int(v) for v in rights} == {-3, -2, -1, 0, 1, 2, 3}
    assert abs(np.corrcoef(downs, rights)[0, 1]) < 0.2


def test_a_window_of_the_whole_is_the_picture():
    whole = crop(ROWS, all_of(1.0, ROWS), all_of(0.3, ROWS), all_of(0.9, ROWS))
    torch.testing.assert_close(whole, ROWS, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.0), (1.0, 0.0), (0.5, 1.0)])
def test_a_window_is_torchs_interpolation_of_it(down, right):
    """Of the inside: at a window's border torch knows no pixels beyond it."""
    rows = pictures(1, 2, 3, 12, 8)
    found = crop(rows, all_of(0.5, rows), all_of(down, rows), all_of(right, rows))
    top, left = round(down * 6), round(right * 4)
    window = rows[0, :, :, top : top + 6, left : left + 4]
    expected = torch.nn.functional.interpolate(window, (12, 8), mode="bilinear", align_corners=False)
    torch.testing.assert_close(found[0, ..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1], rtol=0, atol=1e-5)


def test_windows_are_of_any_size_and_anywhere_in_the_picture():
    side = 100
    ramp = (torch.arange(0.0, side) + 0.5).expand(1, 4000, 1, 1, side)
    windows = Crop(0.4).inputs(ramp, draw_of(0), FORM)[0, :, 0, 0]
    step = windows[:, 60] - windows[:, 59]  # pixels of the picture to one of the window: its size
    start = windows[:, 50] - 50.5 * step
    assert_uniform(step, 0.6, 1.0)
    assert_uniform(start / (side * (1 - step)).clamp(min=1e-3), 0.0, 1.0)


def test_windows_lie_down_and_sideways_by_different_numbers():
    ramp = torch.arange(0.0, 30.0).expand(30, 30)
    rows = torch.stack([ramp, ramp.T]).expand(1, 500, 2, 30, 30)
    right, down = (Crop(0.5).inputs(rows, draw_of(0), FORM)[0, :, :, 15, 15] - 15.0).T
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.2
    assert min(down.std(), right.std()) > 1.0


def test_brightness_is_uniform_about_none_and_one_number_a_picture():
    rows = pictures(1, 4000, 2, 2, 2)
    change = Brightness(0.3).inputs(rows, draw_of(0), FORM) - rows
    assert (change.flatten(2).max(2).values - change.flatten(2).min(2).values).max() < 1e-5
    assert_uniform(change[0, :, 0, 0, 0], -0.3 * FULL_RANGE, 0.3 * FULL_RANGE)
    white = brighten(torch.from_numpy(to_inputs(np.zeros((1, 1, 1, 1, 1), np.uint8))), torch.ones(1, 1))
    assert to_pixels(white.numpy()).item() == 255


def test_contrast_keeps_the_mean_and_scales_the_spread():
    rows = pictures(1, 4000, 3, 4, 4) + 1.0
    changed = Contrast(0.6).inputs(rows, draw_of(0), FORM)
    torch.testing.assert_close(changed.mean((2, 3, 4)), rows.mean((2, 3, 4)), rtol=0, atol=1e-5)
    assert_uniform((changed.std((2, 3, 4)) / rows.std((2, 3, 4)))[0], 0.4, 1.6)
    flat = scale_contrast(rows, all_of(0.0, rows))
    torch.testing.assert_close(flat, rows.mean((2, 3, 4), keepdim=True).expand(rows.shape))
    torch.testing.assert_close(scale_contrast(rows, all_of(1.0, rows)), rows)


def test_a_box_holds_its_pixels():
    box = Box(*(torch.tensor([[edge]]) for edge in (1, 3, 0, 4)))
    held = inside(box, torch.zeros(1, 1, 2, 4, 6))
    assert held.shape == (1, 1, 1, 4, 6)
    expected = torch.zeros(4, 6, dtype=torch.bool)
    expected[1:3, 0:4] = True
    assert torch.equal(held[0, 0, 0], expected)


def test_the_erased_is_a_rectangle_of_the_channels_mean():
    rows = pictures(1, 300, 2, 40, 30)
    erased = Erasing(1.0).inputs(rows, draw_of(0), FORM)
    changed = (erased != rows).all(2)[0]
    assert torch.equal(changed, (erased != rows).any(2)[0])
    means = rows.mean((-2, -1), keepdim=True).expand(rows.shape)
    assert torch.equal(erased[erased != rows], means[erased != rows])
    tall, wide = changed.any(2).sum(1), changed.any(1).sum(1)
    assert torch.equal(tall * wide, changed.sum((1, 2)))
    area = changed.float().mean((1, 2))
    assert area.min() >= 0.015
    assert area.max() <= 0.345
    assert ((tall / wide).min(), (tall / wide).max()) >= (0.2, 3.0)


def test_the_erased_share_is_uniform_and_its_place_too():
    rows = torch.rand(1, 4000, 1, 100, 100)
    changed = (Erasing(1.0).inputs(rows, draw_of(0), FORM) != rows)[0, :, 0]
    area = changed.float().mean((1, 2))
    assert area.mean().item() == pytest.approx(0.175, abs=0.006)
    assert area.std().item() == pytest.approx(0.31 / np.sqrt(12), rel=0.05)
    top = changed.any(2).int().argmax(1)
    tall = changed.any(2).sum(1)
    assert ((top + tall) <= 100).all()
    room = 100 - tall
    assert (top[room > 0] / room[room > 0]).mean().item() == pytest.approx(0.5, abs=0.02)
    some = (tall > 20) & (tall < 40)
    assert (top[some] == 0).any()
    assert (top[some] + tall[some] == 100).any()


def test_as_many_pictures_are_erased_as_p_says():
    rows = pictures(2, 4000, 1, 4, 4)
    erased = Erasing(torch.tensor([0.25, 0.8])).inputs(rows, draw_of(0, 1), FORM)
    share = (erased != rows).flatten(2).any(2).float().mean(1)
    np.testing.assert_allclose(share, [0.25, 0.8], atol=4 * np.sqrt(0.25 / 4000))


@given(st.integers(1, 9), st.integers(1, 200), *[st.floats(0.0001, 0.9999)] * 4)
@settings(deadline=None)
def test_a_box_lies_in_the_picture_and_keeps_its_area_when_made_to_fit(height, width, area, aspect, down, right):
    numbers = [torch.tensor([[value]]) for value in (area, aspect, down, right)]
    images = torch.zeros(1, 1, 1, height, width)
    box = any_box(images, *numbers[:2], (numbers[2], numbers[3]))
    top, bottom, left, end = (int(edge) for edge in box)
    assert 0 <= top < bottom <= height
    assert 0 <= left < end <= width
    wished = (0.02 + 0.31 * area) * height * width
    assert abs((bottom - top) * (end - left) - wished) <= (bottom - top + end - left + 1) / 2 + 1
    assert erase(images, box, torch.ones(1, 1, dtype=torch.bool)).shape == images.shape


def test_pixels_and_inputs_are_each_others_inverse():
    pixels = np.arange(256, dtype=np.uint8)
    inputs = to_inputs(pixels)
    assert inputs.dtype == np.float32
    assert (inputs.min(), inputs.max()) == (-2.0, 2.0)
    assert inputs.max() - inputs.min() == FULL_RANGE
    assert np.array_equal(to_pixels(inputs), pixels)
    np.testing.assert_allclose(inputs, (pixels / 255 - 0.5) / 0.25, atol=1e-6)
    assert to_pixels(np.array([-np.inf, -99.0, 99.0, np.inf])).tolist() == [0, 0, 255, 255]
