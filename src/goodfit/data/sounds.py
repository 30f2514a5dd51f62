"""Sound files -> log-mel spectrograms of one length."""

from __future__ import annotations

import math
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.signal import resample_poly
from threadpoolctl import threadpool_limits
from torch import Tensor

from goodfit.data.table import counted
from goodfit.errors import InputError
from goodfit.files import refuse_special
from goodfit.sounds.mel import BANDS, HOP, RATE, SILENCE, log_mel

SUFFIXES = (".wav", ".flac", ".ogg")
LONGEST = 4.0
"""Seconds that clips are cut to where no length is asked for."""

_HELD = 0.95
_LEAST_RATE, _GREATEST_RATE = 1_000, 1_000_000
_LOUDEST = 1e6
_BLOCK = 1 << 20
_UNLIKE = 10.0


@dataclass(frozen=True, eq=False)
class Sounds:
    """Sounds as a network takes them.

    Args:
        values: `(n, BANDS, frames)` float32, log-mel spectrograms in dB.
        notes: what a user should know of the files, a line each.
    """

    values: npt.NDArray[np.float32]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Clip:
    """What the head of a sound file says, and later what its samples do."""

    rate: int
    channels: int
    samples: int
    silent: bool = False
    loud: bool = False

    @property
    def seconds(self) -> float:
        return self.samples / self.rate


def read_sounds(paths: Sequence[str | Path], *, frames: int | None = None) -> Sounds:
    """Read sound files, one after the other, as log-mel spectrograms of one length.

    Clips are brought to `goodfit.sounds.RATE` and to one channel, the mean of theirs. Shorter ones are followed by
    silence, longer ones lose their end; only what is kept of them is read.

    Args:
        paths: WAV, FLAC or OGG files of any rate, number of channels and depth.
        frames: how long a spectrogram is, in steps of `HOP / RATE` seconds; None: as long as 95 % of the clips, at
            most `LONGEST` seconds.

    Raises:
        InputError: no paths; a file is absent, a folder, empty, no sound, without samples, or holds no numbers; the
            package soundfile is absent.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "beep.wav")
        ...     write_wave(path, 0.5 * torch.sin(0.3 * torch.arange(RATE // 2)))
        ...     sounds = read_sounds([path, path])
        >>> sounds.values.shape, sounds.notes
        ((2, 64, 32), ())
    """
    if not len(paths):
        raise InputError("no sound files were given: name one at least")
    if frames is not None and frames < 1:
        raise InputError(f"frames is {frames!r}; give 1 or more")
    files = [Path(path) for path in paths]
    clips = [_head(path) for path in files]
    length = frames or _usual_frames(clips)
    values = np.empty((len(files), BANDS, length), np.float32)
    with threadpool_limits(1):  # a clip is too little for several threads: on a busy machine they wait for each other
        for i, path in enumerate(files):
            samples = _samples(path, clips[i], length * HOP)
            values[i] = log_mel(_brought_to(samples, length * HOP)[None])[0].numpy()
            clips[i] = _heard(clips[i], samples, values[i])
    return Sounds(values, tuple(_notes(clips, length)))


def read_wave(path: str | Path, most: int | None = None) -> Tensor:
    """The samples of a sound file, `(samples,)` float32 at `goodfit.sounds.RATE`, full scale from -1 to 1.

    Args:
        path: a WAV, FLAC or OGG file.
        most: samples that are read at most, from the first; None for all.

    Raises:
        InputError: as `read_sounds`.
    """
    path = Path(path)
    return _samples(path, _head(path), most)


def write_wave(path: str | Path, samples: Tensor | npt.NDArray[Any]) -> None:
    """Write samples `(samples,)` at `goodfit.sounds.RATE` as a WAV file of 16 bits; beyond full scale they are clipped.

    Raises:
        InputError: the file can't be written.
    """
    scaled = np.rint(np.asarray(samples, np.float64) * 2.0**15).clip(-(2.0**15), 2.0**15 - 1.0)
    try:
        with Path(path).open("wb") as plain, wave.open(plain, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(scaled.astype("<i2").tobytes())
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from None


def _usual_frames(clips: Sequence[_Clip]) -> int:
    seconds = min(float(np.quantile([clip.seconds for clip in clips], _HELD, method="inverted_cdf")), LONGEST)
    return max(1, math.ceil(round(seconds * RATE / HOP, 6)))


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError where its library for sound files is absent
        raise InputError(
            "sound files are read by the package soundfile, which is absent: install goodfit[audio]"
        ) from None
    return soundfile


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A sound file, open; what goes wrong with it while it is open is an `InputError`, too."""
    soundfile = _soundfile()
    try:
        _refuse_unreadable(path)
        with soundfile.SoundFile(path) as file:
            yield file
    except PermissionError:
        raise InputError(f"no permission to read {path}: ask for it, or copy the file") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    except soundfile.SoundFileError as error:
        why = str(error).splitlines()[0].rpartition(": ")[2].rstrip(".")
        raise InputError(f"{path} is not a whole WAV, FLAC or OGG file ({why}): record or copy it anew") from None


def _refuse_unreadable(path: Path) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file in it")
    if not path.exists():
        raise InputError(f"there is no file {path}: check the name and the folder")
    refuse_special(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: unknown kind of file {path.suffix!r}; known are {', '.join(SUFFIXES)}")
    with path.open("rb") as plain:
        if not plain.read(1):
            raise InputError(f"{path} is empty: record or copy it anew")


def _head(path: Path) -> _Clip:
    with _opened(path) as file:
        clip = _Clip(file.samplerate, file.channels, file.frames)
    if clip.samples < 1:
        raise InputError(f"{path} holds no samples, its length is 0: record it anew or leave it out")
    if not _LEAST_RATE <= clip.rate <= _GREATEST_RATE:
        raise InputError(
            f"{path} has {clip.rate} samples a second: give a sound with {_LEAST_RATE} to {_GREATEST_RATE} of them"
        )
    return clip


def _samples(path: Path, clip: _Clip, most: int | None) -> Tensor:
    """The first so many samples at `RATE`, or all of them."""
    ratio = Fraction(RATE, clip.rate).limit_denominator(1000)
    # the filter of resampling looks 10 samples of the slower rate ahead
    needed = clip.samples if most is None else min(clip.samples, int((most + 20) / ratio) + 20)
    with _opened(path) as file:
        samples = _mean_of_channels(file, needed)
    if len(samples) < needed:
        raise InputError(f"{path} breaks off after {len(samples) / clip.rate:.1f} s: record or copy it anew")
    if not np.isfinite(samples).all() or np.abs(samples).max() > _LOUDEST:
        raise InputError(f"{path} holds samples that are no numbers or far beyond full scale: record or copy it anew")
    resampled = samples if ratio == 1 else resample_poly(samples, ratio.numerator, ratio.denominator)
    return torch.from_numpy(np.ascontiguousarray(resampled[:most], np.float32))


def _mean_of_channels(file: Any, most: int) -> npt.NDArray[np.float32]:
    """Samples in blocks: a header may say more of them than there are."""
    found, left = [np.empty(0, np.float32)], most
    block = max(1, _BLOCK // file.channels)
    while left and len(channels := file.read(min(left, block), dtype="float32", always_2d=True)):
        found.append(channels.mean(1))
        left -= len(channels)
    return np.concatenate(found)


def _brought_to(samples: Tensor, length: int) -> Tensor:
    return torch.nn.functional.pad(samples, (0, length - len(samples)))


def _heard(clip: _Clip, samples: Tensor, levels: npt.NDArray[np.float32]) -> _Clip:
    silent, loud = bool((levels <= SILENCE).all()), bool(samples.abs().max() > 1.0)
    return _Clip(clip.rate, clip.channels, clip.samples, silent, loud)


def _notes(clips: Sequence[_Clip], frames: int) -> Iterator[str]:
    def number(holds: Callable[[_Clip], bool]) -> int:
        return sum(map(holds, clips))

    cut = frames * HOP / RATE
    found = (
        (number(lambda clip: clip.silent), "{are} silent"),
        (number(lambda clip: clip.seconds > cut), f"{{were}} cut to {cut:.1f} s"),
        (number(lambda clip: clip.channels > 1), "{have} several channels: their mean is taken"),
        (number(lambda clip: clip.loud), "{go} beyond full scale"),
    )
    for count, text in found:
        if count:
            yield f"{counted(count, 'clip')} {text.format(**(_ONE if count == 1 else _MANY))}"
    yield from _notes_on_rates(clips)
    yield from _notes_on_lengths(clips)


_ONE = {"are": "is", "were": "was", "have": "has", "go": "goes"}
_MANY = {word: word for word in _ONE}


def _notes_on_rates(clips: Sequence[_Clip]) -> Iterator[str]:
    rates = sorted({clip.rate for clip in clips})
    if len(rates) > 1:
        yield f"clips have rates {', '.join(map(str, rates[:-1]))} and {rates[-1]} Hz: all brought to {RATE}"
    elif rates[0] != RATE:
        above = f"; above {rates[0] // 2} Hz they hold nothing" if rates[0] < RATE else ""
        yield f"clips have a rate of {rates[0]} Hz: brought to {RATE}{above}"


def _notes_on_lengths(clips: Sequence[_Clip]) -> Iterator[str]:
    seconds = [clip.seconds for clip in clips]
    if max(seconds) > _UNLIKE * min(seconds):
        least, middle, most = (float(f"{of(seconds):.2g}") for of in (min, np.median, max))
        yield f"clips last from {least:g} s to {most:g} s, half of them at most {middle:g} s"
