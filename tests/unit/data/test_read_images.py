"""Picture files as people have them: read as they are seen, or refused with the file's name."""

import builtins
import io
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from goodfit.data.images import MOST_PIXELS, SUFFIXES, common_size, png_bytes, read_images, write_png
from goodfit.errors import InputError

RNG = np.random.default_rng(0)
COLOURED = RNG.integers(0, 256, (5, 7, 3)).astype(np.uint8)
GREY = RNG.integers(0, 256, (5, 7)).astype(np.uint8)
SMOOTH = np.add.outer(np.arange(40), np.arange(60)).astype(np.uint8)
CORNER = np.zeros((4, 6), np.uint8)
CORNER[0, 0] = 255


def saved(path: Path, picture: Image.Image | np.ndarray, **options) -> Path:
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path, **options)
    return path


def mode_of(path: Path) -> str:
    with Image.open(path) as picture:
        return picture.mode


def read_one(path: Path, shape=None) -> np.ndarray:
    return read_images([path], shape=shape).values[0]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_images([path])
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header_of(width: int, height: int) -> bytes:
    """A PNG file that says it is so large, and holds no pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["a.png", "a.PNG", "a.webp", "a.jpg"])
def test_colours_come_as_they_are(tmp_path, name):
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    path = saved(tmp_path / name, COLOURED, format="PNG" if name.endswith("jpg") else None, **options)
    np.testing.assert_array_equal(read_one(path), np.moveaxis(COLOURED, -1, 0))


def test_a_jpeg_is_nearly_as_it_was(tmp_path):
    for path in (tmp_path / "a.jpg", tmp_path / "b.JPEG"):
        read = read_one(saved(path, SMOOTH, quality=95))
        assert read.shape == (1, 40, 60)
        assert np.abs(read[0].astype(int) - SMOOTH).max() <= 4


def test_every_suffix_is_read(tmp_path):
    paths = [saved(tmp_path / f"a{suffix}", SMOOTH) for suffix in SUFFIXES]
    values = read_images(paths, shape=(1, 40, 60)).values
    assert np.abs(values[:, 0].astype(int) - SMOOTH).max() < 10


def test_grey_is_one_channel_whatever_the_file_calls_it(tmp_path):
    as_colours = Image.fromarray(GREY).convert("RGB")
    for name, picture in {"l": Image.fromarray(GREY), "rgb": as_colours, "p": as_colours.quantize(256)}.items():
        np.testing.assert_array_equal(read_one(saved(tmp_path / f"{name}.png", picture)), GREY[None])


def test_one_picture_with_colours_makes_all_three_channels(tmp_path):
    paths = [saved(tmp_path / f"{i}.png", picture) for i, picture in enumerate([GREY, GREY, COLOURED, GREY])]
    images = read_images(paths)
    np.testing.assert_array_equal(images.values[2], np.moveaxis(COLOURED, -1, 0))
    for place in (0, 1, 3):
        np.testing.assert_array_equal(images.values[place], np.stack([GREY] * 3))
    assert images.notes == ()


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    values = np.array([[0, 128, 129, 257, 300, 32768, 65535]], np.uint16)
    path = saved(tmp_path / "a.png", values)
    assert mode_of(path) == "I;16"
    assert read_one(path).tolist() == [[[0, 0, 1, 1, 1, 128, 255]]]
    transparent = saved(tmp_path / "t.png", values, transparency=300)
    assert read_one(transparent).tolist() == [[[0, 0, 1, 1, 255, 128, 255]]]


@settings(max_examples=50, deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_bytes_written_with_sixteen_bits_come_back(values):
    with tempfile.TemporaryDirectory() as folder:
        path = saved(Path(folder, "a.png"), values.astype(np.uint16) * 257)
        np.testing.assert_array_equal(read_one(path), values[None])


def test_one_bit_is_black_and_white(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(np.array([[True, False]])), bits=1)
    assert mode_of(path) == "1"
    assert read_one(path).tolist() == [[[255, 0]]]


def test_a_palette_is_its_colours(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    assert read_one(saved(tmp_path / "a.png", picture))[:, 0].tolist() == [[255, 0], [0, 0], [0, 255]]


@pytest.mark.parametrize(
    ("mode", "value", "seen"),
    [
        ("RGBA", (10, 20, 30, 255), [10, 20, 30]),
        ("RGBA", (10, 20, 30, 0), [255]),
        ("RGBA", (0, 100, 200, 51), [204, 224, 244]),
        ("LA", (50, 0), [255]),
        ("LA", (0, 51), [204]),
    ],
)
def test_what_is_transparent_is_on_white(tmp_path, mode, value, seen):
    for name, options in {"a.png": {}, "a.webp": {"lossless": True, "exact": True}}.items():
        read = read_one(saved(tmp_path / name, Image.new(mode, (3, 2), value), **options))
        np.testing.assert_allclose(read[:, 0, 0], seen, atol=1)


@pytest.mark.parametrize("transparency", [0, b"\x00\xff"])
def test_a_transparent_colour_is_white(tmp_path, transparency):
    picture = Image.new("P", (2, 1))
    picture.putpalette([9, 9, 9, 0, 0, 0])
    picture.putdata([0, 1])
    assert read_one(saved(tmp_path / "p.png", picture, transparency=transparency)).tolist() == [[[255, 0]]]
    rgb = saved(tmp_path / "c.png", np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8), transparency=(1, 2, 3))
    assert read_one(rgb)[:, 0].tolist() == [[255, 4], [255, 5], [255, 6]]


def test_printing_colours_are_screen_colours(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=100)
    assert mode_of(path) == "CMYK"
    np.testing.assert_allclose(read_one(path)[:, 8, 8], [255, 0, 0], atol=3)


@pytest.mark.parametrize(("orientation", "at"), {1: (0, 0), 2: (0, 5), 3: (3, 5), 4: (3, 0)}.items())
def test_a_picture_is_turned_as_its_exif_says(tmp_path, orientation, at):
    assert bright(tmp_path, orientation, (4, 6)) == at


@pytest.mark.parametrize(("orientation", "at"), {5: (0, 0), 6: (0, 3), 7: (5, 3), 8: (5, 0)}.items())
def test_a_picture_on_its_side_is_as_high_as_it_was_wide(tmp_path, orientation, at):
    assert bright(tmp_path, orientation, (6, 4)) == at


def bright(tmp_path: Path, orientation: int, size: tuple[int, int]):
    """Where the bright corner of a picture lies that says this orientation."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    paths = [tmp_path / "a.png", tmp_path / "a.webp"]
    saved(paths[0], CORNER, exif=exif)
    saved(paths[1], CORNER, exif=exif, lossless=True)
    images = read_images(paths)
    assert images.values.shape == (2, 1, *size)
    assert images.notes == ()
    png, webp = (np.unravel_index(picture[0].argmax(), size) for picture in images.values)
    assert png == webp
    return tuple(int(place) for place in png)


def test_a_large_jpeg_on_its_side_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = np.zeros((200, 600), np.uint8)
    picture[:, :300] = 255
    read = read_one(saved(tmp_path / "a.jpg", picture, exif=exif))
    assert read.shape == (1, 64, 21)
    assert read[0, :28].min() > 240
    assert read[0, 36:].max() < 15


def test_broken_exif_data_hide_no_picture(tmp_path):
    path = saved(tmp_path / "a.png", GREY, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    np.testing.assert_array_equal(read_one(path), GREY[None])
    np.testing.assert_array_equal(read_one(saved(path, GREY, exif=b"no exif")), GREY[None])


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_of_several_frames_the_first_is_taken_and_that_is_noted(tmp_path, name):
    others = [Image.fromarray(255 - COLOURED)] * 2
    options = {"lossless": True, "exact": True} if name.endswith("webp") else {}
    saved(tmp_path / name, Image.fromarray(COLOURED), save_all=True, append_images=others, **options)
    images = read_images([tmp_path / name])
    np.testing.assert_array_equal(images.values[0], np.moveaxis(COLOURED, -1, 0))
    assert images.notes == ("1 file with several pictures or frames: the first of each was taken",)


def test_mixed_sizes_come_to_their_medians_with_proportions_kept(tmp_path):
    sizes = [(20, 10), (24, 16), (12, 40), (20, 16)]
    paths = [saved(tmp_path / f"{i}.png", np.full(size, 50 * i, np.uint8)) for i, size in enumerate(sizes)]
    images = read_images(paths)
    assert images.values.shape == (4, 1, 20, 16)
    assert images.notes == ("3 pictures of 4 resized to 16 x 20 pixels",)
    assert [set(np.unique(picture)) for picture in images.values] == [{0}, {50}, {100}, {150}]


def test_a_thin_shape_stays_thin_in_the_middle(tmp_path):
    tall = np.zeros((40, 20), np.uint8)
    tall[:, 8:12] = 255
    (picture,) = read_one(saved(tmp_path / "a.png", tall), (1, 20, 20))
    bright_columns = np.flatnonzero(picture.mean(0) > 128)
    assert bright_columns.tolist() == [9, 10]
    assert not picture[:, :5].any()
    assert not picture[:, 15:].any()
    np.testing.assert_array_equal(read_one(saved(tmp_path / "b.png", tall.T), (1, 20, 20))[0], picture.T)


def test_what_is_around_a_picture_repeats_its_edges(tmp_path):
    wide = np.repeat(np.array([[10, 20, 30, 40]], np.uint8), 2, axis=0)
    (picture,) = read_one(saved(tmp_path / "a.png", wide), (1, 4, 4))
    assert picture.tolist() == [[10, 20, 30, 40]] * 4


def test_fine_lines_become_their_mean_when_made_smaller(tmp_path):
    lines = np.tile(np.array([[0], [255]], np.uint8), (100, 200))
    picture = read_one(saved(tmp_path / "a.png", lines), (1, 20, 20))
    assert np.abs(picture[0, 2:-2].astype(int) - 128).max() <= 3


@pytest.mark.parametrize(
    ("sizes", "size"),
    [
        ([(64, 64)], (64, 64)),
        ([(65, 65)], (64, 64)),
        ([(480, 640)], (48, 64)),
        ([(1000, 1)], (64, 1)),
        ([(10, 20), (11, 20)], (10, 20)),
        ([(1, 1)], (1, 1)),
    ],
)
def test_the_common_size_is_the_median_and_at_most_64(sizes, size):
    assert common_size(sizes) == size


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), min_size=1, max_size=9))
def test_the_common_size_is_within_bounds(sizes):
    height, width = common_size(sizes)
    assert min(height, width) >= 1
    assert max(height, width) <= MOST_PIXELS
    assert height <= max(h for h, _ in sizes)
    assert width <= max(w for _, w in sizes)


def test_pictures_of_one_size_are_read_bit_for_bit(tmp_path):
    values = RNG.integers(0, 256, (6, 3, 9, 5)).astype(np.uint8)
    for place, picture in enumerate(values):
        write_png(tmp_path / f"{place}.png", picture)
    images = read_images([tmp_path / f"{place}.png" for place in range(6)])
    np.testing.assert_array_equal(images.values, values)
    assert images.notes == ()


def test_the_shape_asked_for_is_the_shape(tmp_path):
    paths = [saved(tmp_path / "a.png", COLOURED), saved(tmp_path / "b.png", GREY)]
    grey = read_images(paths, shape=(1, 5, 7))
    np.testing.assert_array_equal(grey.values[1], GREY[None])
    np.testing.assert_allclose(grey.values[0, 0], np.asarray(Image.fromarray(COLOURED).convert("L")), atol=1)
    assert grey.notes == ("1 picture with colours turned to grey",)
    in_colours = read_images(paths[1:], shape=(3, 8, 8))
    assert in_colours.values.shape == (1, 3, 8, 8)
    assert in_colours.notes == ("1 picture of 1 resized to 8 x 8 pixels",)


def test_a_picture_of_one_pixel(tmp_path):
    assert read_one(saved(tmp_path / "a.png", np.array([[7]], np.uint8)), (3, 4, 4)).tolist() == [[[7] * 4] * 4] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"some text that is no picture", "is not a whole PNG, JPEG or WebP picture"),
        (b"GIF89a" + bytes(100), "is not a whole PNG, JPEG or WebP picture"),
        (b"\x89PNG\r\n\x1a\n", "is not a whole PNG, JPEG or WebP picture"),
        (b"\xff\xd8\xff" + bytes(100), "is not a whole PNG, JPEG or WebP picture"),
        (png_bytes(GREY[None])[:-30], "is damaged"),
        (png_bytes(GREY[None])[:-20] + b"x" * 20, "is damaged"),
    ],
)
def test_what_is_no_whole_picture_is_refused(tmp_path, content, message):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    assert message in refusal(path)
    assert "save it anew or take it out" in refusal(path)


@pytest.mark.parametrize("kind", ["BMP", "GIF", "TIFF", "PPM"])
def test_another_kind_of_picture_under_a_known_suffix_is_refused(tmp_path, kind):
    assert "is not a whole PNG, JPEG or WebP picture" in refusal(saved(tmp_path / "a.png", GREY, format=kind))


def test_a_file_that_is_not_there_or_a_folder_or_forbidden(tmp_path, monkeypatch):
    assert refusal(tmp_path / "a.png").startswith("there is no file ")
    (tmp_path / "b.png").mkdir()
    assert "is a folder" in refusal(tmp_path / "b.png")
    path = saved(tmp_path / "c.png", GREY)

    def forbidden(*_args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(builtins, "open", forbidden)
    assert "no permission to read" in refusal(path)


@pytest.mark.parametrize(
    ("width", "height"), [(10_000, 5_001), (12_000, 9_000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)]
)
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(tmp_path, width, height):
    path = tmp_path / "a.png"
    path.write_bytes(header_of(width, height))
    assert f"has {width * height:,} pixels, more than 50,000,000" in refusal(path)


def test_a_picture_just_small_enough_is_not_refused_by_its_header(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(header_of(10_000, 5_000))
    assert "is damaged" in refusal(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(kind, data):
    buffer = io.BytesIO()
    Image.fromarray(COLOURED).save(buffer, kind, exif=Image.Exif())
    content = bytearray(buffer.getvalue())
    for place, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=5)
    ):
        content[place] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.png")
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        try:
            values = read_images([path], shape=(3, 5, 7)).values
        except InputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert values.shape == (1, 3, 5, 7)


def test_no_file_at_all_is_refused():
    with pytest.raises(InputError, match="there are no pictures to read"):
        read_images([])


def test_without_pillow_the_extra_is_named(monkeypatch, tmp_path):
    real = builtins.__import__

    def without(name, *args):
        if name == "PIL" or name.startswith("PIL."):
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    for needs in (lambda: read_images([tmp_path / "a.png"]), lambda: png_bytes(GREY[None])):
        with pytest.raises(InputError, match=r"pip install 'goodfit\[image\]'"):
            needs()


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    with pytest.raises(InputError, match="can't be written: No such file or directory"):
        write_png(tmp_path / "none" / "a.png", GREY[None])
