"""A change of a spectrogram against the spectrogram of the changed wave: their twins."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import pad

from goodfit.sounds import (
    HOP,
    RATE,
    SILENCE,
    add_noise,
    add_white_noise,
    change_level,
    gain,
    log_mel,
    pitch_shift,
    shift,
    shift_frames,
    stretch_frames,
    time_stretch,
    warp_bands,
)

SAMPLES = 120 * HOP


def gliding_voice():
    """Partials of a tone that glides from 180 to 260 Hz, swells and fades: something in most bands, and it changes."""
    time = torch.arange(SAMPLES) / RATE
    phase = 2 * torch.pi * (180 * time + 20 * time**2)
    tone = torch.stack([torch.sin(k * phase) / k for k in range(1, 25)]).sum(0)
    return 0.1 * tone * (0.55 - 0.45 * torch.cos(2 * torch.pi * 2 * time))


def hiss():
    return 0.05 * torch.randn(SAMPLES, generator=torch.Generator().manual_seed(0))


VOICE = gliding_voice()
LEVELS = log_mel(VOICE[None])


def spectrogram(wave):
    return log_mel(pad(wave, (0, max(0, SAMPLES - len(wave))))[None, :SAMPLES])


def distance(one, other):
    """The mean difference in dB where either is within 40 dB of the loudest."""
    heard = torch.maximum(one, other) > max(one.max(), other.max()) - 40
    return (one - other)[heard].abs().mean().item()


@pytest.mark.parametrize("semitones", [-6.0, -3.0, -1.0, 1.0, 3.0, 6.0])
def test_warped_bands_are_those_of_a_shifted_pitch(semitones):
    twin = spectrogram(pitch_shift(VOICE, semitones))
    near = distance(warp_bands(LEVELS, semitones), twin)
    assert near < 4.5
    assert near < 0.45 * min(distance(LEVELS, twin), distance(warp_bands(LEVELS, -semitones), twin))


@pytest.mark.parametrize("semitones", [-12.0, -5.0, 5.0, 12.0])
def test_the_loudest_band_moves_by_the_semitones(semitones):
    wave = 0.3 * torch.sin(2 * torch.pi * 1500 / RATE * torch.arange(SAMPLES))
    twin = spectrogram(pitch_shift(wave, semitones))[0, :, 60]
    warped = warp_bands(log_mel(wave[None]), semitones)[0, :, 60]
    assert abs(warped.argmax() - twin.argmax()) <= 1
    assert warped.max() == pytest.approx(twin.max(), abs=4.0)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
@pytest.mark.parametrize("wave", [VOICE, hiss()], ids=["voice", "hiss"])
def test_stretched_frames_are_those_of_a_stretched_wave(factor, wave):
    twin = spectrogram(time_stretch(wave, factor))
    near, far = (distance(stretch_frames(log_mel(wave[None]), f), twin) for f in (factor, 1 / factor))
    assert near < 3.0
    assert near < 0.85 * far
    silent = (twin == SILENCE).all(1)
    expected = max(0, 120 - math.ceil(120 * factor))
    assert abs(int(silent.sum()) - expected) <= 3
    assert abs(int((stretch_frames(LEVELS, factor) == SILENCE).all(1).sum()) - expected) <= 1


@pytest.mark.parametrize("frames", [-30, -1, 1, 17, 200])
def test_shifted_frames_are_those_of_a_shifted_wave(frames):
    twin, found = spectrogram(shift(VOICE, frames * HOP)), shift_frames(LEVELS, frames)
    inner = slice(max(frames, 0) + 1, 120 + min(frames, 0) - 1)
    torch.testing.assert_close(found[..., inner], twin[..., inner], rtol=0, atol=0.02)
    assert (found[..., : max(frames, 0)] == SILENCE).all()
    assert (found[..., 120 + min(frames, 0) :] == SILENCE).all()


def test_a_shift_by_part_of_a_frame_is_near_that_of_the_wave():
    assert distance(shift_frames(LEVELS, 0.5), spectrogram(shift(VOICE, HOP // 2))) < 1.0


@pytest.mark.parametrize("decibels", [-30.0, -6.0, 6.0, 12.0])
def test_a_changed_level_is_that_of_a_louder_wave_up_to_the_floor(decibels):
    twin, found = spectrogram(gain(0.3 * VOICE, decibels)), change_level(log_mel(0.3 * VOICE[None]), decibels)
    heard = (twin > SILENCE) & (found > SILENCE)
    torch.testing.assert_close(found[heard], twin[heard], rtol=0, atol=0.01)
    assert heard.float().mean() > 0.05
    assert (found >= SILENCE).all()


@pytest.mark.parametrize("snr", [30.0, 10.0, 0.0, -20.0])
@pytest.mark.parametrize("wave", [VOICE, torch.cat([VOICE[: SAMPLES // 2], torch.zeros(SAMPLES // 2)])])
def test_added_power_is_that_of_a_noisy_wave(snr, wave):
    normal = torch.randn(20, 64, 120, generator=torch.Generator().manual_seed(1))
    noises = torch.randn(20, SAMPLES, generator=torch.Generator().manual_seed(2))
    twin = log_mel(add_noise(wave.expand(20, -1), snr, noises))
    found = add_white_noise(log_mel(wave[None]).expand(20, -1, -1), snr, normal)
    assert (found.mean() - twin.mean()).abs() < 0.5
    assert (found.mean((0, 2)) - twin.mean((0, 2))).abs().max() < 1.0


def test_noise_fluctuates_as_that_of_a_wave():
    """Where there was silence: the mean and the spread of the noise in each band."""
    wave = torch.cat([0.5 * torch.sin(0.4 * torch.arange(HOP * 20)), torch.zeros(HOP * 1000)])
    noise = torch.randn(len(wave), generator=torch.Generator().manual_seed(3))
    twin = log_mel(add_noise(wave, 0.0, noise)[None])[0, :, 25:]
    levels = log_mel(wave[None])
    found = add_white_noise(levels, 0.0, torch.randn(levels.shape, generator=torch.Generator().manual_seed(4)))[
        0, :, 25:
    ]
    assert (found.mean(1) - twin.mean(1)).abs().max() < 1.0
    assert (found.std(1) - twin.std(1)).abs().max() < 0.6


def test_a_silent_clip_gets_no_noise_beside_a_loud_one():
    levels = torch.stack([torch.full((64, 5), SILENCE), torch.zeros(64, 5)])
    noisy = add_white_noise(levels, 0.0, torch.randn(2, 64, 5))
    assert torch.equal(noisy[0], levels[0])
    assert not torch.equal(noisy[1], levels[1])


def test_noise_of_a_band_is_as_strong_as_the_band_is_wide():
    """Equal power in all bands; the noise of the whole is as strong as the whole."""
    levels = torch.zeros(1, 2, 3)
    noisy = add_white_noise(levels, 0.0, torch.zeros(1, 2, 3))
    added = 10 ** (noisy[0, :, 0].double() / 10) - 1
    edges = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([50, 8000]) / 700)), 4) / 2595) - 1)
    widths = (edges[2:] - edges[:-2]) / 2
    np.testing.assert_allclose(added / added.sum(), widths / widths.sum(), rtol=0.01)
    assert added.sum().item() == pytest.approx(2.0, rel=0.01)


def test_at_its_start_a_stretched_clip_is_as_it_was_and_after_its_end_silent():
    flat = torch.zeros(1, 4, 10)
    assert stretch_frames(flat, 3.0).tolist() == flat.tolist()
    assert stretch_frames(flat, 0.5)[0, 0].tolist() == [0.0] * 5 + [SILENCE] * 5
    assert warp_bands(flat, 12.0).tolist() == flat.tolist()


reals = st.floats(-150.0, 60.0, width=32)


@settings(deadline=None, max_examples=60)
@given(data=st.data(), bands=st.integers(1, 5), frames=st.integers(1, 6))
def test_neutral_amounts_change_no_bit_of_any_numbers(data, bands, frames):
    count = 2 * bands * frames
    levels = torch.tensor(data.draw(st.lists(reals, min_size=count, max_size=count))).view(2, bands, frames)
    other = data.draw(st.floats(0.01, 3.0))
    for change, neutral in ((warp_bands, 0.0), (stretch_frames, 1.0), (shift_frames, 0.0), (change_level, 0.0)):
        assert torch.equal(change(levels, neutral), levels)
        mixed = change(levels, torch.tensor([neutral, other]))
        assert torch.equal(mixed[0], levels[0])
        torch.testing.assert_close(mixed[1], change(levels[1], other))
        assert mixed.isfinite().all()


@settings(deadline=None)
@given(shift_by=st.integers(-8, 8))
def test_whole_frames_are_moved_without_rounding(shift_by):
    levels = torch.randn(2, 4, 6, generator=torch.Generator().manual_seed(0))
    moved = shift_frames(levels, shift_by)
    for t in range(6):
        source = levels[..., t - shift_by] if 0 <= t - shift_by < 6 else torch.full((2, 4), SILENCE)
        assert torch.equal(moved[..., t], source)


def test_a_warp_is_linear_interpolation_at_the_divided_frequency():
    levels = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    frequencies = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([50, 8000]) / 700)), 66)[1:-1] / 2595) - 1)

    def mel(hertz):
        return 2595 * np.log10(1 + hertz / 700)

    for semitones in (-5.0, 0.7, 12.0):
        sources = mel(frequencies / 2 ** (semitones / 12))
        inside = sources <= mel(frequencies[-1])
        expected = np.stack([np.interp(sources, mel(frequencies), column) for column in levels.T.numpy()], 1)
        found = warp_bands(levels, semitones).numpy()
        np.testing.assert_allclose(found[inside], expected[inside], atol=1e-4)
        beyond = sources > mel(frequencies[-1]) + mel(frequencies[1]) - mel(frequencies[0])
        assert (found[beyond] == SILENCE).all()
        assert beyond.any() == (semitones < -1)


def test_other_units_have_their_own_silence():
    levels = LEVELS / 20 + 2
    for change, amount in ((warp_bands, -3.0), (stretch_frames, 0.7), (shift_frames, 4.3)):
        torch.testing.assert_close(
            change(levels, amount, silence=-2.0), change(LEVELS, amount) / 20 + 2, rtol=0, atol=1e-4
        )
