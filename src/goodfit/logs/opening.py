"""Opening a log: errors in one line, gzip undone, and a big file in blocks of whole lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from goodfit.errors import InputError
from goodfit.files import Unzipped, refuse_special

BLOCK = 1 << 24
HEAD = 1 << 16
_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Bytes(Protocol):
    """What is read from, in order."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, as many or all."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[Bytes]:
    """A file's bytes, unzipped if it is a gzip file.

    Raises:
        InputError: it can't be read, or isn't a whole gzip file; also from within the block.
    """
    try:
        refuse_special(path)
        with path.open("rb") as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            if zipped:
                yield Unzipped(file, path)
            else:
                yield file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path} is not a whole gzip file: compress it anew") from None
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: check the name and the folder") from None
    except PermissionError:
        raise InputError(f"no permission to read {path}: ask for it, or copy the file") from None
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror or error}") from None


def head_of(path: Path) -> bytes:
    """The first bytes of a file, without a byte order mark."""
    with opened(path) as file:
        return file.read(HEAD).removeprefix(_BYTE_ORDER_MARK)


def blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """A text file in blocks that end with a line, each with the number of its first line.

    Only the last block may end without a newline. Lines may end in the ways of Unix and of Windows.
    """
    line, rest, first = 1, b"", True
    with opened(path) as file:
        while read := file.read(BLOCK):
            if first:
                read, first = read.removeprefix(_BYTE_ORDER_MARK), False
            whole, newline, after = read.rpartition(b"\n")
            if not newline:
                rest += read
                continue
            block = rest + whole + newline
            yield line, block
            line, rest = line + block.count(b"\n"), after
    if rest:
        yield line, rest


def text_of(content: bytes, path: Path, line: int = 1) -> str:
    """Bytes as text.

    Args:
        content: UTF-8.
        path: the file.
        line: the number of the first line.

    Raises:
        InputError: it isn't UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        at = line + content.count(b"\n", 0, error.start)
        byte = content[error.start]
        raise InputError(f"{path}, line {at}: byte 0x{byte:02X} is not UTF-8: save it as UTF-8") from None
