"""Picture files -> one array of pixels: every kind of pixel, size and fault that such files come with."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from goodfit.data.table import counted
from goodfit.errors import InputError
from goodfit.files import refuse_special

if TYPE_CHECKING:
    from PIL import Image as pillow

Pixels = npt.NDArray[np.uint8]

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
MOST_PIXELS = 64
"""The longer side of pictures, unless another shape is asked for."""
MOST_IN_FILE = 50_000_000

_FORMATS = ("PNG", "JPEG", "WEBP")
_SAYS_ORIENTATION = {"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"}
_ORIENTATION, _ON_ITS_SIDE = 0x0112, (5, 6, 7, 8)
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


@dataclass(frozen=True, eq=False)
class Images:
    """Pictures of one size.

    Args:
        values: `(n, C, H, W)` uint8, C is 1 (grey) or 3 (red, green, blue).
        notes: what was done to make them alike, a sentence each.
    """

    values: Pixels
    notes: tuple[str, ...] = ()


class _Picture(NamedTuple):
    """A picture as it was read: pixels `(C, H, W)`, and whether it was resized and was one of several frames."""

    pixels: Pixels
    resized: bool
    several: bool


def read_images(paths: Sequence[Path], *, shape: tuple[int, int, int] | None = None) -> Images:
    """Read PNG, JPEG and WebP files, one after the other, as pictures of one size.

    A picture of another size is scaled, smoothly and with its proportions kept, until it just fits, and put in the
    middle; the rest repeats its edges. So a thin digit stays thin, and nothing is cut off. Pictures are turned as their
    EXIF data say, and what is transparent is white. Grey values of 16 bits are divided by 257.

    Args:
        paths: n files.
        shape: `(C, H, W)` to bring them to; None: the medians of their heights and widths, made smaller where
            the longer is above `MOST_PIXELS`, in grey if no picture has a colour.

    Raises:
        InputError: pillow is missing; there are no files; one is absent, empty, no such picture, damaged, or has more
            than `MOST_IN_FILE` pixels.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     paths = [Path(folder, "small.png"), Path(folder, "large.png")]
        ...     write_png(paths[0], np.zeros((1, 8, 8), np.uint8))
        ...     write_png(paths[1], np.zeros((1, 10, 10), np.uint8))
        ...     images = read_images(paths)
        >>> images.values.shape, images.notes
        ((2, 1, 9, 9), ('2 pictures of 2 resized to 9 x 9 pixels',))
    """
    _require_pillow()
    if not paths:
        raise InputError("there are no pictures to read: name at least one file")
    with warnings.catch_warnings():
        # pillow warns of odd metadata and large files; what matters of that is refused below
        warnings.simplefilter("ignore")
        channels, height, width = shape or (None, *common_size([_size(path) for path in paths]))
        values = np.empty((len(paths), channels or 1, height, width), np.uint8)
        resized = several = greyed = 0
        for place, path in enumerate(paths):
            picture = _read(path, height, width)
            colours = len(picture.pixels)
            if colours > values.shape[1] and channels is None:
                values = np.repeat(values, colours, axis=1)
            greyed += colours > values.shape[1]
            resized += picture.resized
            several += picture.several
            values[place] = picture.pixels if colours <= values.shape[1] else _grey(picture.pixels)
    notes = (
        (resized, f"{counted(resized, 'picture')} of {len(paths)} resized to {width} x {height} pixels"),
        (several, f"{counted(several, 'file')} with several pictures or frames: the first of each was taken"),
        (greyed, f"{counted(greyed, 'picture')} with colours turned to grey"),
    )
    return Images(values, tuple(note for count, note in notes if count))


def common_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The medians of heights and of widths, made smaller by one factor where the longer is above `MOST_PIXELS`.

    Example:
        >>> common_size([(28, 28), (30, 20), (28, 24)]), common_size([(480, 640)])
        ((28, 24), (48, 64))
    """
    height, width = np.median(np.array(sizes), axis=0).tolist()
    factor = min(1.0, MOST_PIXELS / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def png_bytes(pixels: Pixels) -> bytes:
    """A picture `(C, H, W)`, C being 1 or 3, as the content of a PNG file.

    Raises:
        InputError: pillow is missing.

    Example:
        >>> png_bytes(np.zeros((3, 2, 2), np.uint8))[1:4]
        b'PNG'
    """
    _require_pillow()
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1)).save(content, "PNG")
    return content.getvalue()


def write_png(path: Path, pixels: Pixels) -> None:
    """Write a picture `(C, H, W)`, C being 1 or 3, to a PNG file.

    Raises:
        InputError: pillow is missing, or the file can't be written.
    """
    content = png_bytes(pixels)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from None


def _require_pillow() -> None:
    try:
        import PIL  # noqa: F401
    except ImportError:
        raise InputError("pictures need pillow, which isn't installed: pip install 'goodfit[image]'") from None


def _read(path: Path, height: int, width: int) -> _Picture:
    image = _decoded(path, 2 * max(height, width))
    several = getattr(image, "n_frames", 1) > 1
    image = _plain(image)
    resized = image.size != (width, height)
    pixels = np.asarray(_fitted(image, height, width) if resized else image)
    if pixels.ndim == 2:
        return _Picture(pixels[None], resized, several)
    grey = np.array_equal(pixels[..., 0], pixels[..., 1]) and np.array_equal(pixels[..., 0], pixels[..., 2])
    return _Picture(np.moveaxis(pixels[..., :1] if grey else pixels, -1, 0), resized, several)


@contextmanager
def _opened(path: Path) -> Iterator[pillow.Image]:
    """A file whose header is read and not too large; faults in here, also those of decoding it, name the file."""
    from PIL import Image, UnidentifiedImageError

    refuse_special(path)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MOST_IN_FILE:
                raise InputError(_too_large(path, [image.width * image.height]))
            yield image
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        # far too many, so that pillow refuses first; its words hold their number
        raise InputError(_too_large(path, re.findall(r"\d+", str(error)))) from None
    except UnidentifiedImageError:
        what = "is not a whole PNG, JPEG or WebP picture" if _holds_any(path) else "is empty"
        raise InputError(f"{path} {what}: save it anew or take it out") from None
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: check the name and the folder") from None
    except PermissionError:
        raise InputError(f"no permission to read {path}: ask for it, or copy the file") from None
    except Exception:  # a decoder meets damaged files with errors of any kind
        what = "is a folder: name a file in it" if path.is_dir() else "is damaged: save it anew or take it out"
        raise InputError(f"{path} {what}") from None


def _too_large(path: Path, pixels: Sequence[int | str]) -> str:
    number = f"{int(pixels[0]):,}" if pixels else "too many"
    return f"{path} has {number} pixels, more than {MOST_IN_FILE:,}: make it smaller or take it out"


def _holds_any(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:  # gone since
        return True


def _size(path: Path) -> tuple[int, int]:
    """Height and width as the picture is to be seen, from its header alone."""
    with _opened(path) as image:
        orientation = 1
        if _SAYS_ORIENTATION & image.info.keys():
            with suppress(Exception):  # as in `_decoded`
                orientation = image.getexif().get(_ORIENTATION, 1)
        width, height = image.size
        return (width, height) if orientation in _ON_ITS_SIDE else (height, width)


def _decoded(path: Path, enough: int) -> pillow.Image:
    """The first picture of a file, the right way up; a large JPEG may come smaller, if with `enough` pixels a side."""
    from PIL import ImageOps

    with _opened(path) as image:
        image.draft(None, (enough, enough))
        image.load()
        with suppress(Exception):  # who can't tell which way is up from broken EXIF data takes the picture as it lies
            ImageOps.exif_transpose(image, in_place=True)
        return image


def _plain(image: pillow.Image) -> pillow.Image:
    """The picture in bytes, grey (mode L) or red, green and blue (mode RGB), on white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int32)
        values = np.where(values == image.info.get("transparency"), 65535, values)
        return Image.fromarray(((values.clip(0, 65535) + 128) // 257).astype(np.uint8))
    if image.has_transparency_data:
        whole = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", whole.size, "white"), whole).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _fitted(image: pillow.Image, height: int, width: int) -> Pixels:
    """The picture scaled until it just fits, in the middle, its edges repeated around it; `(H, W)` or `(H, W, 3)`."""
    from PIL import Image

    factor = min(height / image.height, width / image.width)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    small = np.asarray(image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0))
    down, right = height - size[1], width - size[0]
    margins = [(down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0)]
    return np.pad(small, margins[: small.ndim], mode="edge")


def _grey(pixels: Pixels) -> Pixels:
    """The brightness `(1, H, W)` of a picture `(3, H, W)`."""
    return np.rint(np.tensordot(_LUMA, pixels.astype(np.float32), 1)).astype(np.uint8)[None]
