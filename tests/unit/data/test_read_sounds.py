"""Sound files as people have them: read as meant, with notes, or refused in one line."""

import sys

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.sounds import SUFFIXES, read_sounds, read_wave, write_wave
from goodfit.errors import InputError
from goodfit.sounds import HOP, RATE, SILENCE, band_frequencies, log_mel


def sine(hertz=440.0, seconds=1.0, rate=RATE, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz / rate * np.arange(round(seconds * rate)))


def written(folder, name, samples=None, rate=RATE, **how):
    path = folder / name
    soundfile.write(path, sine(rate=rate) if samples is None else samples, rate, **how)
    return path


def loudest(levels):
    """The frequency of the loudest band in the middle of a clip, in Hz."""
    return band_frequencies()[levels[:, levels.shape[1] // 2].argmax()].item()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_kind_rate_and_number_of_channels_gives_the_same_spectrogram(tmp_path, suffix, rate, channels):
    path = written(tmp_path, f"clip{suffix}", np.stack([sine(rate=rate)] * channels, 1), rate)
    expected = log_mel(torch.from_numpy(sine()).float()[None])[0].numpy()
    sounds = read_sounds([path])
    assert sounds.values.dtype == np.float32
    assert sounds.values.shape == (1, *expected.shape)
    heard = expected[:, 3:-3] > -50
    np.testing.assert_allclose(sounds.values[0, :, 3:-3][heard], expected[:, 3:-3][heard], atol=1.0)
    wave = read_wave(path)
    assert (wave.dtype, len(wave)) == (torch.float32, RATE)
    assert wave.square().mean().item() == pytest.approx(0.125, rel=0.02)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_depth_is_read(tmp_path, subtype):
    wave = read_wave(written(tmp_path, "clip.wav", subtype=subtype))
    np.testing.assert_allclose(wave.numpy(), sine(), atol=0.02)


def test_channels_are_averaged(tmp_path):
    path = written(tmp_path, "clip.wav", np.stack([sine(), np.zeros(RATE)], 1))
    np.testing.assert_allclose(read_wave(path).numpy(), sine() / 2, atol=1e-4)
    assert "1 clip has several channels: their mean is taken" in read_sounds([path]).notes


def test_a_suffix_in_capitals_and_a_path_as_text_are_taken(tmp_path):
    path = written(tmp_path, "CLIP.WAV")
    assert read_sounds([str(path)]).values.shape == read_sounds([path]).values.shape


def test_a_clean_set_has_no_notes(tmp_path):
    assert read_sounds([written(tmp_path, f"{i}.wav") for i in range(3)]).notes == ()


@settings(deadline=None, max_examples=30)
@given(samples=st.lists(st.integers(-(2**15), 2**15 - 1), min_size=1, max_size=50))
def test_what_was_written_is_read_again_bit_for_bit(samples, tmp_path_factory):
    path = tmp_path_factory.mktemp("waves") / "clip.wav"
    wave = torch.tensor(samples) / 2.0**15
    write_wave(path, wave)
    assert torch.equal(read_wave(path), wave)
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (RATE, 1, "PCM_16", len(samples))


def test_writing_clips_to_full_scale_and_says_where_it_cannot(tmp_path):
    write_wave(tmp_path / "clip.wav", np.array([2.0, -3.0, 0.25]))
    assert read_wave(tmp_path / "clip.wav").tolist() == [1.0 - 2.0**-15, -1.0, 0.25]
    with pytest.raises(InputError, match=r"none/clip\.wav can't be written: No such file"):
        write_wave(tmp_path / "none" / "clip.wav", torch.zeros(3))


def test_the_length_is_that_of_95_percent_of_clips(tmp_path):
    seconds = [0.2 + 0.01 * i for i in range(19)] + [2.5]
    paths = [written(tmp_path, f"{i}.wav", sine(seconds=s)) for i, s in enumerate(seconds)]
    sounds = read_sounds(paths)
    frames = -(-round(0.38 * RATE) // HOP)
    assert sounds.values.shape == (20, 64, frames)
    assert "1 clip was cut to 0.4 s" in sounds.notes
    assert "clips last from 0.2 s to 2.5 s, half of them at most 0.29 s" in sounds.notes


def test_the_length_is_at_most_four_seconds(tmp_path):
    sounds = read_sounds([written(tmp_path, "clip.wav", sine(seconds=5.0))])
    assert sounds.values.shape[2] == 4 * RATE // HOP
    assert sounds.notes == ("1 clip was cut to 4.0 s",)


@pytest.mark.parametrize("frames", [1, 20, 100])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_a_length_asked_for_cuts_the_end_or_pads_it_with_silence(tmp_path, frames, rate):
    path = written(tmp_path, "clip.wav", sine(rate=rate), rate)
    (levels,) = read_sounds([path], frames=frames).values
    assert levels.shape == (64, frames)
    kept = read_wave(path)[: frames * HOP]
    expected = log_mel(torch.nn.functional.pad(kept, (0, frames * HOP - len(kept)))[None])[0].numpy()
    np.testing.assert_allclose(levels, expected, atol=0.02)
    assert (levels[:, 64:] == SILENCE).all()


def test_only_what_is_kept_is_read(tmp_path, monkeypatch):
    path = written(tmp_path, "clip.wav", sine(seconds=30.0))
    asked = []
    own = soundfile.SoundFile.read
    monkeypatch.setattr(
        soundfile.SoundFile, "read", lambda self, n, **how: asked.append(n) or own(self, n, **how), raising=True
    )
    read_sounds([path], frames=10)
    assert max(asked) < 10 * HOP + 100


def test_the_number_of_threads_is_as_it_was(tmp_path):
    before = torch.get_num_threads()
    read_sounds([written(tmp_path, "clip.wav")])
    refused(lambda: read_sounds([tmp_path / "none.wav"]), "there is no file")
    assert torch.get_num_threads() == before


def test_silent_clips_mixed_rates_and_loud_samples_are_told_of(tmp_path):
    paths = [
        written(tmp_path, "a.wav", np.zeros(RATE)),
        written(tmp_path, "b.wav", np.zeros(8000), 8000),
        written(tmp_path, "c.wav", 4.0 * sine(), subtype="FLOAT"),
        written(tmp_path, "d.wav"),
    ]
    sounds = read_sounds(paths)
    assert sounds.notes == (
        "2 clips are silent",
        "1 clip goes beyond full scale",
        "clips have rates 8000 and 16000 Hz: all brought to 16000",
    )
    assert (sounds.values[:2] == SILENCE).all()
    assert sounds.values[2].max() - sounds.values[3].max() == pytest.approx(20 * np.log10(4.0), abs=0.1)


def test_another_rate_of_all_clips_is_told_of(tmp_path):
    low = read_sounds([written(tmp_path, "a.wav", rate=8000)])
    assert low.notes == ("clips have a rate of 8000 Hz: brought to 16000; above 4000 Hz they hold nothing",)
    assert loudest(low.values[0]) == pytest.approx(440.0, rel=0.05)
    assert read_sounds([written(tmp_path, "b.wav", rate=44100)]).notes == (
        "clips have a rate of 44100 Hz: brought to 16000",
    )


def test_a_higher_rate_folds_nothing_back(tmp_path):
    levels = read_sounds([written(tmp_path, "a.wav", sine(10000.0, rate=44100), 44100)]).values
    assert levels[..., 3:-3].max() < -60


def refused(call, *parts):
    with pytest.raises(InputError) as error:
        call()
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message


EACH_READER = pytest.mark.parametrize("reader", [read_wave, lambda path: read_sounds([path])], ids=["wave", "sounds"])


@EACH_READER
def test_files_that_are_none_are_refused_by_name(tmp_path, reader):
    good = written(tmp_path, "good.flac")
    contents = {"empty.wav": b"", "text.wav": b"hello, no sound at all", "cut.flac": good.read_bytes()[:5000]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    written(tmp_path, "none.wav", np.zeros(0))
    written(tmp_path, "nan.wav", np.array([0.1, np.nan, 0.2]), subtype="FLOAT")
    written(tmp_path, "huge.wav", np.array([0.1, 1e30, 0.2]), subtype="FLOAT")
    written(tmp_path, "slow.wav", np.zeros(50), 50)
    (tmp_path / "folder.wav").mkdir()
    expected = {
        "absent.wav": "there is no file",
        "folder.wav": "is a folder",
        "empty.wav": "is empty",
        "text.wav": "is not a whole WAV, FLAC or OGG file",
        "cut.flac": "is not a whole WAV, FLAC or OGG file",
        "none.wav": "holds no samples",
        "nan.wav": "no numbers",
        "huge.wav": "far beyond full scale",
        "slow.wav": "has 50 samples a second",
    }
    for name, part in expected.items():
        refused(lambda name=name: reader(tmp_path / name), str(tmp_path / name), part)


@EACH_READER
def test_another_suffix_is_refused(tmp_path, reader):
    (tmp_path / "clip.mp3").write_bytes(b"ID3")
    refused(lambda: reader(tmp_path / "clip.mp3"), "clip.mp3: unknown kind of file '.mp3'; known are .wav, .flac, .ogg")


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    suffix = data.draw(st.sampled_from(SUFFIXES))
    path = written(folder, f"clip{suffix}", sine(seconds=0.2))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, min(len(content), 400) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        assert np.isfinite(read_sounds([path], frames=10).values).all()
    except InputError:
        refused(lambda: read_sounds([path], frames=10), str(path))


@EACH_READER
def test_without_soundfile_the_extra_is_named(tmp_path, monkeypatch, reader):
    path = written(tmp_path, "clip.wav")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    refused(lambda: reader(path), "soundfile", "install goodfit[audio]")


def test_no_paths_and_no_frames_are_refused(tmp_path):
    refused(lambda: read_sounds([]), "no sound files were given")
    refused(lambda: read_sounds([written(tmp_path, "a.wav")], frames=0), "frames is 0; give 1 or more")
