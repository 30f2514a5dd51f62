"""Techniques that act on sounds, a file each: on the log-mel spectrograms of a training batch, row by row."""

from goodfit.regularizers.sounds.gain import Gain
from goodfit.regularizers.sounds.pitch_shift import PitchShift
from goodfit.regularizers.sounds.time_shift import TimeShift
from goodfit.regularizers.sounds.time_stretch import TimeStretch
from goodfit.regularizers.sounds.white_noise import WhiteNoise

__all__ = ["Gain", "PitchShift", "TimeShift", "TimeStretch", "WhiteNoise"]
