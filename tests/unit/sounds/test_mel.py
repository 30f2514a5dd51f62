"""Log-mel spectrograms against another implementation and against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import stft

from goodfit.sounds import BANDS, HOP, RATE, SILENCE, band_frequencies, log_mel, to_decibels, to_inputs
from goodfit.sounds.mel import WINDOW, band_filters, from_mel, to_mel


def sine(hertz, amplitude=1.0, samples=RATE):
    return amplitude * torch.sin(2 * torch.pi * hertz / RATE * torch.arange(samples))


def total(levels):
    """The power of all bands that aren't silent together, in each frame, in dB."""
    power = torch.where(levels > SILENCE, 10 ** (levels.double() / 10), 0.0)
    return 10 * power.sum(-2).log10().numpy()


def by_scipy(waves):
    """The same spectrogram by SciPy's transform, in float64, with triangles by interpolation on another mel formula."""
    around = (WINDOW - HOP) // 2
    padded = np.pad(waves.double().numpy(), [(0, 0), (around, around + -waves.shape[1] % HOP)])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    bins, _, spectrum = stft(
        padded, RATE, window, WINDOW, WINDOW - HOP, nfft=1024, boundary=None, padded=False, scaling="psd"
    )
    # a one-sided density of 1/2 over 15.6 Hz a bin is a sine of full scale; SciPy doubles no bin of a complex spectrum
    power = 4 * np.abs(spectrum) ** 2 * (RATE / 1024)
    low, high = 1127.0 * np.log(1 + np.array([50.0, 8000.0]) / 700)
    edges = 700 * (np.exp(np.linspace(low, high, BANDS + 2) / 1127.0) - 1)
    peaks = np.eye(BANDS + 2)[1:-1]
    filters = np.array([np.interp(bins, edges, peak) for peak in peaks])
    return 10 * np.log10(np.maximum(filters @ power, 1e-8))


@pytest.mark.parametrize("samples", [1, 255, 256, 257, 5000])
def test_it_is_that_of_another_implementation(samples):
    waves = torch.randn(3, samples, generator=torch.Generator().manual_seed(samples)) * torch.tensor(
        [[1e-3], [0.1], [1]]
    )
    found, expected = log_mel(waves), by_scipy(waves)
    assert found.shape == expected.shape == (3, BANDS, math.ceil(samples / HOP))
    np.testing.assert_allclose(found.numpy(), expected, atol=0.02)


@pytest.mark.parametrize("hertz", [200.0, 440.0, 1000.0, 3000.0, 7000.0])
@pytest.mark.parametrize("amplitude", [1.0, 0.1, 0.001])
def test_a_sine_lies_in_its_band_at_its_level(hertz, amplitude):
    levels = log_mel(sine(hertz, amplitude)[None])[0, :, 2:-2]
    nearest = (to_mel(band_frequencies()) - to_mel(torch.tensor(hertz))).abs().argmin()
    assert (levels.argmax(0) == nearest).all()
    np.testing.assert_allclose(total(levels), 20 * math.log10(amplitude), atol=0.05)


def test_a_band_wider_than_the_window_resolves_holds_nearly_all_of_a_sine_at_its_middle():
    middle = band_frequencies()[-3].item()
    assert log_mel(sine(middle)[None])[0, -3, 30].item() == pytest.approx(0.0, abs=0.7)


def test_white_noise_has_its_power_in_all_bands_together_and_a_bands_as_it_is_wide():
    noise = 0.1 * torch.randn(1, 60 * RATE, generator=torch.Generator().manual_seed(0))
    power = (10 ** (log_mel(noise)[0].double() / 10)).mean(1)
    width = band_filters().double().sum(1)
    assert 10 * math.log10(power.sum()) == pytest.approx(10 * math.log10(2 * 0.01 * width.sum() / 512), abs=0.05)
    torch.testing.assert_close(power / power.sum(), width / width.sum(), rtol=0.1, atol=0)


def test_triangles_add_up_to_one_between_the_first_and_the_last_middle():
    sums = band_filters().sum(0)
    bins = torch.arange(len(sums)) * (RATE / 1024)
    first, last = band_frequencies()[[0, -1]].tolist()
    np.testing.assert_allclose(sums[(bins >= first) & (bins <= last)], 1.0, atol=1e-5)
    assert not sums[bins <= 50].any()
    assert ((band_filters() > 0).sum(1) >= 3).all()


def test_silence_and_what_is_quieter_is_the_floor():
    quiet = torch.stack([torch.zeros(2000), sine(440.0, 1e-5, 2000)])
    assert log_mel(quiet).unique().tolist() == [SILENCE]


def test_ten_times_the_amplitude_is_twenty_decibels():
    wave = 0.01 * torch.randn(1, RATE, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(log_mel(10 * wave), log_mel(wave) + 20, rtol=0, atol=1e-3)


def test_a_frame_stands_for_its_own_samples():
    click = torch.zeros(1, 10 * HOP)
    click[0, 6 * HOP + HOP // 2] = 1.0
    assert log_mel(click)[0].mean(0).argmax() == 6
    assert (log_mel(click)[0, :, :5] == SILENCE).all()


def test_each_wave_is_by_itself():
    waves = torch.randn(3, 3000, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(log_mel(waves)[1], log_mel(waves[1:2])[0])


@pytest.mark.parametrize("bands", [1, 2, 3, 64, 200])
def test_bands_are_even_steps_of_mel_within_the_range(bands):
    frequencies = band_frequencies(bands)
    assert frequencies.shape == (bands,)
    steps = np.diff([50.0, *frequencies.tolist(), 8000.0])
    mel = 1127.0 * np.log(1 + np.array([50.0, *frequencies.tolist(), 8000.0]) / 700)
    assert (steps > 0).all()
    np.testing.assert_allclose(np.diff(mel), (mel[-1] - mel[0]) / (bands + 1), rtol=1e-4)


@settings(deadline=None)
@given(hertz=st.floats(0.0, 8000.0))
def test_mel_and_hertz_are_inverse(hertz):
    assert from_mel(to_mel(torch.tensor(hertz, dtype=torch.float64))).item() == pytest.approx(hertz, abs=1e-6)


@settings(deadline=None)
@given(level=st.floats(-80.0, 10.0))
def test_inputs_and_decibels_are_inverse(level):
    assert to_decibels(to_inputs(level)) == pytest.approx(level, abs=1e-9)
    assert to_inputs(SILENCE) == -2.0
    assert to_inputs(level) == pytest.approx(level / 20 + 2)
