"""Sounds as numbers: waves, their log-mel spectrograms, and what changes either."""

from goodfit.sounds.mel import BANDS, HOP, RATE, SILENCE, band_frequencies, log_mel, to_decibels, to_inputs
from goodfit.sounds.spectrograms import add_white_noise, change_level, shift_frames, stretch_frames, warp_bands
from goodfit.sounds.waves import add_noise, gain, pitch_shift, shift, time_stretch

__all__ = [
    "BANDS",
    "HOP",
    "RATE",
    "SILENCE",
    "add_noise",
    "add_white_noise",
    "band_frequencies",
    "change_level",
    "gain",
    "log_mel",
    "pitch_shift",
    "shift",
    "shift_frames",
    "stretch_frames",
    "time_stretch",
    "to_decibels",
    "to_inputs",
    "warp_bands",
]
