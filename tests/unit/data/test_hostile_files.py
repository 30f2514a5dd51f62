"""Files made to harm: pipes, devices, headers that promise more than there is, and files that vanish."""

import gzip
import io
import os
import signal
import struct
import tracemalloc
import wave
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from goodfit import InputError, columnar, diagnose_log, files
from goodfit.data import images
from goodfit.data.batches import batches
from goodfit.data.collecting import collect_paths
from goodfit.data.images import read_images, write_png
from goodfit.data.readers import read
from goodfit.data.sounds import read_sounds, read_wave
from goodfit.regularizers.form import Form

MEGABYTE = 1 << 20


@contextmanager
def bounded(megabytes: int, seconds: int = 20) -> Iterator[None]:
    """Neither more memory nor more time."""

    def late(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * MEGABYTE
    finally:
        tracemalloc.stop()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refusal(reader, *arguments, megabytes: int = 20, **settings) -> str:
    with bounded(megabytes), pytest.raises(InputError) as error:
        reader(*arguments, **settings)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def named_in_a_table(path: Path, kind: str):
    form = {"image": Form("image", (1, 8, 8)), "sound": Form("sound", (1, 64, 8)), "text": Form("text")}[kind]
    return collect_paths(pl.DataFrame({"path": [path.name]}), "path", path.parent, kind, form)


READERS = {
    "rows.csv": read,
    "rows.csv.gz": read,
    "rows.parquet": read,
    "log.csv": diagnose_log,
    "a.png": lambda path: named_in_a_table(path, "image"),
    "a.wav": lambda path: named_in_a_table(path, "sound"),
    "a.txt": lambda path: named_in_a_table(path, "text"),
}


@pytest.mark.parametrize("what", ["a pipe", "a device"])
@pytest.mark.parametrize("name", READERS)
def test_nothing_waits_for_a_pipe_or_reads_a_device(tmp_path: Path, name: str, what: str) -> None:
    path = tmp_path / name
    if what == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert refusal(READERS[name], path) == f"{path} is a device, a pipe or a socket: name a file"


@pytest.fixture
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs may be small: what any file may unfold to is a megabyte."""
    monkeypatch.setattr(files, "FREE", MEGABYTE)
    monkeypatch.setattr(columnar, "FREE", MEGABYTE)


def in_pieces(path: Path) -> None:
    for _ in batches(path).frames(frozenset()):
        pass


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("reader", [read, diagnose_log])
@pytest.mark.parametrize(
    "content", [b"epoch,loss\n" + b"1,1\n" * 5_000_000, b"epoch,loss\n" + b"1" * 20_000_000, b"[" + b" " * 20_000_000]
)
def test_a_gzip_bomb_is_refused_before_it_unfolds(tmp_path: Path, reader, content: bytes) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(content, 9))
    assert "unfolds to more than 200 times its size" in refusal(reader, path, megabytes=16)


@pytest.mark.usefixtures("little")
def test_a_gzip_bomb_that_is_read_in_pieces_ends_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,1\n" * 5_000_000, 9))
    assert "unfolds to more than 200 times its size" in refusal(in_pieces, path, megabytes=400)


def test_a_table_that_is_packed_tightly_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"0,1\n" * 500_000, 9))
    assert read(path).shape == (500_000, 2)


@pytest.mark.usefixtures("little")
@pytest.mark.parametrize("reader", [read, in_pieces, diagnose_log])
def test_a_parquet_file_that_says_more_values_than_it_warrants_is_refused(tmp_path: Path, reader) -> None:
    path = tmp_path / "rows.parquet"
    same = pa.array(np.zeros(1 << 20))
    pq.write_table(pa.table({"epoch": same, "loss": same, "val_loss": same}), path, compression="zstd")
    assert columnar.UNFOLDED * path.stat().st_size < 24 << 20
    assert "says that it holds 3,145,728 values, too many for a file of" in refusal(reader, path)


def test_a_group_of_rows_that_says_more_of_them_than_its_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"a": [1.0, 2.0, 3.0]}), path)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"\x16\x06", 0, content.rindex(b"ARROW:schema"))  # the group's rows, 3 as a zigzag varint
    content[place : place + 2] = b"\x16\xfe\xff\xff\xff\xff\x0f"
    length = int.from_bytes(content[-8:-4], "little") + 5
    path.write_bytes(content[:-8] + length.to_bytes(4, "little") + content[-4:])
    assert pq.ParquetFile(path).metadata.row_group(0).num_rows > 1 << 30
    assert pq.ParquetFile(path).metadata.num_rows == 3
    assert "too many for a file of" in refusal(read, path)


@pytest.mark.parametrize("claimed", [1 << 40, 1 << 62, -5])
def test_an_arrow_buffer_that_claims_to_be_huge_is_refused(tmp_path: Path, claimed: int) -> None:
    buffer = io.BytesIO()
    table = pa.table({"a": np.arange(1000)})
    with pa.ipc.new_file(buffer, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    content = buffer.getvalue().replace(struct.pack("<q", 8000), struct.pack("<q", claimed))
    (tmp_path / "rows.arrow").write_bytes(content)
    assert content != buffer.getvalue()
    assert "is not a whole arrow file" in refusal(read, tmp_path / "rows.arrow")


def test_a_name_of_a_column_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"name": [1, 2]}), path, store_schema=False)
    path.write_bytes(path.read_bytes().replace(b"name", b"na\xff\xfe"))
    assert "is not a whole parquet file" in refusal(read, path)


def png(width: int, height: int, content: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(content, 9)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (8_000, 8_000)])
def test_a_picture_that_says_it_is_huge_is_refused_by_its_header(tmp_path: Path, width: int, height: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(width, height, bytes(1000)))
    said = refusal(read_images, [path], megabytes=2)
    assert f"{width * height:,} pixels, more than 50,000,000" in said or "is damaged" in said


def test_a_picture_with_compressed_text_that_unfolds_is_refused_or_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_png(path, np.zeros((1, 8, 8), np.uint8))
    data = b"Comment\0\0" + zlib.compress(bytes(200 * MEGABYTE), 9)
    text = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
    content = path.read_bytes()
    path.write_bytes(content[:33] + text + content[33:])
    with bounded(30):
        try:
            assert read_images([path]).values.shape == (1, 1, 8, 8)
        except InputError as error:
            assert "is damaged" in str(error)  # noqa: PT017  either is right


def wave_file(path: Path, claimed: int) -> Path:
    """A second of sound whose header says other sizes."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(b"\1\2" * 16000)
    content = bytearray(path.read_bytes())
    content[4:8] = struct.pack("<I", min(claimed + 36, 2**32 - 1))
    content[40:44] = struct.pack("<I", claimed)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("claimed", [2**31, 2**32 - 2, 2**32 - 1])
def test_a_wave_file_that_says_it_is_endless_takes_no_more_memory_than_it_holds(tmp_path: Path, claimed: int) -> None:
    path = wave_file(tmp_path / "a.wav", claimed)
    for reader in (read_wave, lambda path: read_sounds([path])):
        with bounded(60):
            try:
                reader(path)
            except InputError as error:
                assert "breaks off" in str(error) or "not a whole" in str(error)  # noqa: PT017  either is right


@pytest.mark.parametrize("channels", [1, 8])
def test_a_flac_file_that_says_it_is_endless_is_refused_at_its_end(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (16000, channels)), 16000)
    content = bytearray(path.read_bytes())
    content[21] |= 0x0F  # the upper 4 of 36 bits that say how many samples there are
    path.write_bytes(content)
    assert soundfile.info(path).frames > 2**35
    said = refusal(read_wave, path, megabytes=60)
    assert "breaks off" in said or "is not a whole" in said


def test_a_picture_that_vanishes_between_its_header_and_its_pixels_is_named(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.png"
    write_png(path, np.zeros((1, 8, 8), np.uint8))

    def vanish(sizes):
        path.unlink()
        return sizes[0]

    monkeypatch.setattr(images, "common_size", vanish)
    assert refusal(read_images, [path]) == f"there is no file {path}: check the name and the folder"


@pytest.mark.parametrize("reader", [read, diagnose_log])
def test_a_file_that_vanishes_before_it_is_opened_is_named(tmp_path: Path, monkeypatch, reader) -> None:
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n1,2\n")
    monkeypatch.setattr("goodfit.files.stat.S_ISREG", lambda _: path.unlink(missing_ok=True) or True)
    said = refusal(reader, path)
    assert str(path) in said
    assert "there is no file" in said or "can't be read: No such file" in said
