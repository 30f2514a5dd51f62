"""Text from elsewhere as a reader may see it: what would steer a terminal or reorder a line is written out."""

from __future__ import annotations

import re

MOST = 2000
"""Characters of one text that are shown, unless told otherwise: a longer one loses its middle."""

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


def visible(text: str, *, keep: str = "", most: int | None = MOST) -> str:
    r"""A text in which nothing acts: neither on a terminal, nor on the order or the look of what stands beside it.

    Control characters (those of 7 bits and of 8, with which escape sequences begin), marks and overrides of the
    direction of writing, characters without width, breaks of lines and halves of characters (which stand for bytes of
    a file's name that are no UTF-8) are written as Python writes them in a string. Joiners stay between two letters
    beyond ASCII, where Persian, Hindi and emoji need them.

    Args:
        text: any.
        keep: characters to leave, such as a newline.
        most: characters shown, of a longer text those of its beginning and its end; None for all.

    Returns:
        The text; the same again if given once more.

    Example:
        >>> visible("a\x1b[31mred\x07"), visible("\u202eevil"), visible("x" * 10, most=6)
        ('a\\x1b[31mred\\x07', '\\u202eevil', 'xxxx… (4 characters left out) …xx')
    """
    if most is not None and len(text) > most:
        tail = most // 3
        left = f"… ({len(text) - most:,} characters left out) …"
        text = text[: most - tail] + left + text[len(text) - tail :]
    return _STEERING.sub(lambda found: found[0] if found[0] in keep else _written(found[0]), text)


def _written(character: str) -> str:
    code = ord(character)
    wide = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return _SHORT.get(character, wide)
