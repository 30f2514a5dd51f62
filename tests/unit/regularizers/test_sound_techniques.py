"""Techniques on sounds: neutral, drawn row by row, and at their extremes as their docstrings say."""

import math
from dataclasses import fields

import pytest
import torch
from scipy import stats

from goodfit.regularizers import Recipe, stack
from goodfit.regularizers.form import Form
from goodfit.regularizers.sounds import Gain, PitchShift, TimeShift, TimeStretch, WhiteNoise
from goodfit.rng import Purpose, Streams
from goodfit.sounds import SILENCE, to_decibels, to_inputs

KINDS = (Gain, PitchShift, TimeShift, TimeStretch, WhiteNoise)
EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
STRONG = {Gain: 20.0, PitchShift: 6.0, TimeShift: 0.3, TimeStretch: 0.5, WhiteNoise: 0.0}
EXTREME = {Gain: 80.0, PitchShift: 24.0, TimeShift: 1.0, TimeStretch: 3.0, WhiteNoise: -20.0}
SILENT = to_inputs(SILENCE)
FORM = Form("sound", (1, 16, 20))


def draw(*seeds, step=0):
    return Streams.of(list(seeds)).at(Purpose.NOISE, step=step)


def reals(members=2, batch=5, bands=16, frames=20):
    """Any numbers, some of them below silence."""
    return 2.0 * torch.randn(members, batch, 1, bands, frames, generator=torch.Generator().manual_seed(0)) - 0.5


@EACH
def test_only_sounds_are_changed_so(kind):
    assert kind.suits == {"sound"}
    assert not issubclass(kind, tuple(other for other in KINDS if other is not kind))


@EACH
@pytest.mark.parametrize("shape", [(16, 20), (2, 3), (1, 1), (64, 1), (1, 9)])
def test_at_its_neutral_dose_a_technique_changes_no_bit(kind, shape):
    rows = reals(2, 5, *shape)
    name = fields(kind)[0].name
    neutral = getattr(kind.neutral(), name)
    form = Form("sound", (1, *shape))
    for part in (kind.neutral(), kind(**{name: torch.tensor([neutral, neutral], dtype=torch.float64)})):
        assert torch.equal(part.inputs(rows, draw(1, 2), form), rows)
    mixed = kind(**{name: torch.tensor([neutral, STRONG[kind]], dtype=torch.float64)}).inputs(rows, draw(1, 2), form)
    assert torch.equal(mixed[0], rows[0])
    assert not torch.equal(mixed[1], rows[1])


@EACH
@pytest.mark.parametrize("shape", [(16, 20), (2, 3)])
def test_the_usual_dose_changes_each_row_by_numbers_of_its_own(kind, shape):
    rows = reals(1, 1, *shape).expand(2, 6, 1, *shape)
    changed = kind().inputs(rows, draw(1, 2), Form("sound", (1, *shape))).flatten(0, 1)
    for i, one in enumerate(changed):
        assert not torch.equal(one, rows[0, 0])
        assert all(not torch.equal(one, other) for other in changed[:i])


@EACH
def test_a_member_draws_the_same_in_any_company_and_with_any_padding(kind):
    rows, part = reals(3, 7), kind(STRONG[kind])
    together = part.inputs(rows, draw(4, 5, 6), FORM)
    alone = part.inputs(rows[1:2, :4], draw(5), FORM)
    torch.testing.assert_close(together[1, :4], alone[0], rtol=0, atol=1e-6)
    other_step = part.inputs(rows, draw(4, 5, 6, step=1), FORM)
    assert not torch.isclose(together, other_step).all(-1).all(-1).any()


@EACH
def test_a_dose_a_member_is_a_dose_by_itself(kind):
    rows, doses = reals(3), (STRONG[kind], EXTREME[kind], kind.neutral())
    parts = [dose if isinstance(dose, kind) else kind(dose) for dose in doses]
    (together,) = stack([Recipe((part,)) for part in parts]).parts
    found = together.inputs(rows, draw(4, 5, 6), FORM)
    for m, part in enumerate(parts):
        for single in (part, stack([Recipe((part,))]).parts[0]):
            alone = single.inputs(rows[m : m + 1], draw(4 + m), FORM)
            torch.testing.assert_close(found[m], alone[0], rtol=1e-5, atol=1e-5)


@EACH
def test_the_extreme_is_borne_and_stays_above_silence(kind):
    rows = reals(2, 50).clamp(min=SILENT)
    changed = kind(EXTREME[kind]).inputs(rows, draw(1, 2), FORM)
    assert changed.isfinite().all()
    assert changed.min() >= SILENT - 1e-6


@EACH
def test_silence_stays_silent(kind):
    rows = torch.full((1, 9, 1, 16, 20), SILENT)
    torch.testing.assert_close(kind(EXTREME[kind]).inputs(rows, draw(0), FORM), rows, rtol=0, atol=1e-6)


@EACH
def test_a_larger_dose_changes_more(kind):
    rows = torch.zeros(1, 200, 1, 64, 60)
    doses = [kind.neutral(), kind(), kind(STRONG[kind]), kind(EXTREME[kind])]
    changes = [(part.inputs(rows, draw(0), FORM) - rows).abs().mean().item() for part in doses]
    assert changes[0] == 0.0
    assert changes == sorted(changes)
    assert len(set(changes)) == 4


def test_gains_are_even_between_the_ends():
    rows = torch.zeros(1, 4000, 1, 2, 3)
    gains = 20.0 * Gain(6.0).inputs(rows, draw(0), FORM)[0, :, 0]
    assert torch.allclose(gains, gains[:, :1, :1])
    assert stats.kstest(gains[:, 0, 0].numpy(), stats.uniform(-6.0, 12.0).cdf).pvalue > 1e-3


def test_shifts_in_time_are_even_between_the_ends_and_bring_silence():
    rows = torch.full((1, 4000, 1, 1, 101), SILENT)
    rows[..., 50] = 0.0
    moved = TimeShift(0.25).inputs(rows, draw(0), FORM)[0, :, 0, 0]
    heard = moved - SILENT
    places = (heard * torch.arange(101)).sum(1) / heard.sum(1) - 50
    assert stats.kstest(places.numpy(), stats.uniform(-25.25, 50.5).cdf).pvalue > 1e-3


def test_half_of_what_a_clip_holds_is_lost_where_it_may_move_by_its_length():
    rows = torch.zeros(1, 4000, 1, 1, 50)
    lost = (TimeShift(1.0).inputs(rows, draw(0), FORM) == SILENT).float().mean()
    assert lost.item() == pytest.approx(0.5, abs=0.02)


def test_factors_of_time_are_even_in_their_logarithm():
    rows = torch.zeros(1, 4000, 1, 1, 400)
    rows[..., 100:] = SILENT
    ends = (TimeStretch(1.0).inputs(rows, draw(0), FORM) > -1.0).sum(-1).flatten() / 100
    assert stats.kstest(ends.log2().numpy(), stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-3


def test_pitches_are_even_between_the_ends():
    """Seen by the band that a line comes to lie in."""
    rows = torch.full((1, 2000, 1, 400, 1), SILENT)
    rows[..., 200, :] = 0.0
    peaks = PitchShift(4.0).inputs(rows, draw(0), FORM).argmax(-2).flatten()
    step = 2595 * math.log10(8700 / 750) / 401
    hertz = 700 * (10 ** ((2595 * math.log10(750 / 700) + (peaks.double() + 1) * step) / 2595) - 1)
    middle = 700 * (10 ** ((2595 * math.log10(750 / 700) + 201 * step) / 2595) - 1)
    assert stats.kstest((12 * (hertz / middle).log2()).numpy(), stats.uniform(-4.0, 8.0).cdf).statistic < 0.06


def test_at_two_octaves_down_only_silence_is_above_a_quarter_of_the_range():
    rows = torch.zeros(1, 500, 1, 64, 1)
    changed = PitchShift(24.0).inputs(rows, draw(0), FORM)
    assert (changed[..., -1, 0] == SILENT).float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert (changed[..., 0, 0] == 0.0).all()


def test_ratios_of_noise_are_even_over_twenty_decibels_from_the_dose_on():
    """The power added to clips in which one band sounds."""
    rows = torch.full((1, 1500, 1, 64, 20), SILENT)
    rows[..., 20, :] = 1.0
    noisy = to_decibels(WhiteNoise(10.0).inputs(rows, draw(0), FORM))[0, :, 0]
    power = (10.0 ** (noisy.double() / 10.0)).sum(1).mean(1) - 10.0 ** (to_decibels(1.0) / 10.0)
    ratio = to_decibels(1.0) - 10.0 * power.log10()
    assert stats.kstest(ratio.numpy(), stats.uniform(10.0, 20.0).cdf).statistic < 0.06


def test_much_noise_drowns_a_sound_and_little_changes_nothing():
    rows = torch.full((1, 300, 1, 64, 60), SILENT)
    rows[..., 20, :] = 0.5
    rows[..., 30] = 1.0
    drowned = WhiteNoise(-20.0).inputs(rows, draw(0), FORM)
    assert (drowned - rows).mean() > 1.0
    assert (WhiteNoise(200.0).inputs(rows, draw(0), FORM) - rows).abs().max() < 1e-5


@EACH
def test_its_text_says_the_same(kind):
    part = kind(STRONG[kind])
    assert Recipe.parse(str(part)) == Recipe((part,))
    assert str(kind.neutral()).startswith(f"{kind.name}=")
