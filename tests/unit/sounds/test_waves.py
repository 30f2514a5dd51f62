"""Changes of waves against what they mean: frequencies, lengths, ratios."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.errors import InputError
from goodfit.rng import Purpose, Streams
from goodfit.sounds import RATE, add_noise, gain, pitch_shift, shift, time_stretch


def sine(hertz, samples=RATE):
    return 0.5 * torch.sin(2 * torch.pi * hertz / RATE * torch.arange(samples))


def peak(wave, rate=RATE):
    """The frequency of the largest bin, in Hz."""
    spectrum = torch.fft.rfft(wave * torch.hann_window(len(wave))).abs()
    return spectrum.argmax().item() * rate / len(wave)


def level(wave):
    """The mean power between the ends, in dB of the sine's."""
    return 10 * math.log10(wave[2000:-2000].square().mean() / 0.125)


def noise(*shape, seed=0):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("semitones", [12.0, -12.0, 24.0, 7.0, 1.0, -0.5, -24.0])
def test_a_shifted_sine_has_the_pitch_length_and_level_asked_for(semitones):
    shifted = pitch_shift(sine(440.0), semitones)
    assert shifted.shape == (RATE,)
    assert peak(shifted) == pytest.approx(440.0 * 2 ** (semitones / 12), abs=1.0)
    assert level(shifted) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("factor", [0.25, 0.5, 0.9, 1.01, 1.5, 2.0, 4.0])
def test_a_stretched_sine_keeps_its_pitch_and_level_and_has_the_length_asked_for(factor):
    stretched = time_stretch(sine(440.0, 2 * RATE), factor)
    assert stretched.shape == (round(2 * RATE * factor),)
    assert peak(stretched) == pytest.approx(440.0, abs=2.0)
    assert level(stretched) == pytest.approx(0.0, abs=0.1)


def test_what_comes_after_another_thing_still_does_at_stretched_times():
    wave = torch.cat([sine(440.0, RATE), sine(1000.0, RATE)])
    stretched = time_stretch(wave, 1.5)
    assert peak(stretched[: int(1.4 * RATE)]) == pytest.approx(440.0, abs=2.0)
    assert peak(stretched[int(1.6 * RATE) :]) == pytest.approx(1000.0, abs=2.0)


@pytest.mark.parametrize("change", [lambda w: pitch_shift(w, 5.0), lambda w: time_stretch(w, 1.3)])
def test_partials_of_a_tone_keep_their_levels(change):
    """Bins about a peak that lost their phases would cancel each other."""
    parts = [torch.sin(2 * torch.pi * 200.0 * k / RATE * torch.arange(RATE)) / k for k in range(1, 8)]
    wave = 0.2 * torch.stack(parts).sum(0)
    changed = change(wave)
    ratio = changed[2000:-2000].square().mean() / wave[2000:-2000].square().mean()
    assert 10 * math.log10(ratio) == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_any_rate_gives_the_pitch_asked_for(rate):
    wave = torch.sin(2 * torch.pi * 300 / rate * torch.arange(rate))
    assert peak(pitch_shift(wave, 12.0, rate), rate) == pytest.approx(600.0, abs=1.5)


def test_a_shift_down_leaves_nothing_above_and_one_up_folds_nothing_back():
    down, up = (torch.fft.rfft(pitch_shift(noise(RATE), s)).abs().square() for s in (-12.0, 12.0))
    assert down[4200:].sum() < 1e-3 * down.sum()
    folded = torch.fft.rfft(pitch_shift(sine(6000.0), 12.0)).abs().square().sum()
    assert folded < 1e-4 * torch.fft.rfft(sine(6000.0)).abs().square().sum()
    assert up[4200:].sum() > 0.3 * up.sum()


@pytest.mark.parametrize("samples", [1, 2, 100, 300, 1025])
def test_very_short_waves_are_borne(samples):
    wave = noise(samples)
    for semitones in (-24.0, 0.1, 24.0):
        shifted = pitch_shift(wave, semitones)
        assert shifted.shape == wave.shape
        assert shifted.isfinite().all()
    for factor in (0.01, 0.5, 4.0):
        stretched = time_stretch(wave, factor)
        assert stretched.shape == (max(1, round(samples * factor)),)
        assert stretched.isfinite().all()


def test_silence_stays_silent():
    silent = torch.zeros(2, 5000)
    changed = (pitch_shift(silent, 3.0), time_stretch(silent, 1.2), gain(silent, 20.0), shift(silent, 7))
    assert not any(wave.any() for wave in changed)
    assert not add_noise(silent, 0.0, noise(2, 5000)).any()


@pytest.mark.parametrize("snr", [40.0, 10.0, 0.0, -20.0])
def test_the_ratio_of_signal_to_noise_is_the_one_asked_for(snr):
    waves = torch.stack([sine(440.0), 0.01 * sine(200.0)])
    for source in (noise(2, RATE), 30 * noise(2, RATE), Streams.of([1, 2]).at(Purpose.NOISE)):
        added = add_noise(waves, snr, source).double() - waves.double()
        ratio = waves.double().square().mean(1) / added.square().mean(1)
        np.testing.assert_allclose(10 * ratio.log10().numpy(), snr, atol=0.05)


def test_noise_of_a_draw_is_white_its_own_for_each_wave_and_the_same_again():
    waves = sine(440.0).expand(2, -1)
    draw = Streams.of([3, 4]).at(Purpose.NOISE)
    noisy = add_noise(waves, 10.0, draw)
    assert torch.equal(noisy, add_noise(waves, 10.0, draw))
    added = noisy - waves
    assert abs(np.corrcoef(added.numpy())[0, 1]) < 0.04
    spectrum = torch.fft.rfft(added[0]).abs().square()
    for part in spectrum[1:].view(8, -1):
        assert part.mean() / spectrum.mean() == pytest.approx(1.0, abs=0.15)
    assert torch.equal(add_noise(waves[0], 10.0, Streams.of([3]).at(Purpose.NOISE)), noisy[0])


def test_a_shift_moves_and_fills_with_silence():
    wave = torch.arange(1.0, 6.0)
    assert shift(wave, 2).tolist() == [0, 0, 1, 2, 3]
    assert shift(wave, -2).tolist() == [3, 4, 5, 0, 0]
    assert not shift(wave, 5).any()
    assert not shift(wave, -99).any()
    assert shift(wave.expand(3, -1), 1).tolist() == [[0, 1, 2, 3, 4]] * 3


def test_gain_is_in_decibels_of_amplitude_and_clips():
    assert gain(torch.tensor([0.01, -0.05, 0.5]), 20.0).tolist() == pytest.approx([0.1, -0.5, 1.0])
    assert gain(torch.tensor([0.5, -1.0]), -20.0).tolist() == pytest.approx([0.05, -0.1])


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), samples=st.integers(1, 3000), loud=st.sampled_from([0.1, 5.0]))
def test_neutral_values_give_the_very_same_samples(seed, samples, loud):
    wave = loud * noise(2, samples, seed=seed)
    draw = Streams.of([0, 1]).at(Purpose.NOISE)
    neutral = (
        pitch_shift(wave, 0.0),
        time_stretch(wave, 1.0),
        add_noise(wave, math.inf, draw),
        shift(wave, 0),
        gain(wave, 0.0),
    )
    assert all(torch.equal(changed, wave) for changed in neutral)


@pytest.mark.parametrize(
    "change",
    [
        lambda w: pitch_shift(w, 2.0),
        lambda w: time_stretch(w, 0.8),
        lambda w: shift(w, 10),
        lambda w: gain(w, 3.0),
        lambda w: add_noise(w, 10.0, noise(2, 4000)[: len(w)].view(w.shape)),
    ],
)
def test_each_wave_is_changed_by_itself_and_arrays_are_taken(change):
    waves = torch.stack([noise(4000), sine(300.0, 4000)])
    torch.testing.assert_close(change(waves)[0], change(waves[:1])[0], rtol=1e-4, atol=1e-5)
    assert torch.equal(change(waves.numpy()), change(waves))


def test_a_single_wave_is_a_wave_among_several():
    waves = torch.stack([noise(4000), sine(300.0, 4000)])
    for change in (lambda w: pitch_shift(w, -3.0), lambda w: time_stretch(w, 1.7)):
        torch.testing.assert_close(change(waves[1]), change(waves)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_a_factor_that_is_none_is_refused(factor):
    with pytest.raises(InputError, match=r"^factor is .*; give a number above 0"):
        time_stretch(sine(440.0), factor)


def test_semitones_and_ratios_that_are_none_are_refused():
    with pytest.raises(InputError, match=r"^semitones is nan; give"):
        pitch_shift(sine(440.0), math.nan)
    with pytest.raises(InputError, match=r"^snr is -inf; give"):
        add_noise(sine(440.0), -math.inf, noise(RATE))
