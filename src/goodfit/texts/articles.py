"""A or an: which article stands before a word."""

from __future__ import annotations

import re

_SILENT_H = re.compile(r"hour|honest|honou?r|heir")
# a u that sounds as in use, and the w that one and once begin with
_SAID_WITH_CONSONANT = re.compile(
    r"eu|ewe|one(s|self|ness)?$|once|ubiq|ufo|uni(?!n|m|dent)|unanim|ur(an|in|o)|us[aeiu]|ut[eio]"
)


def takes_an(word: str) -> bool:
    """Whether a word takes "an": it begins with the sound of a vowel.

    Args:
        word: in lower case.

    Example:
        >>> [word for word in ("hour", "house", "umbrella", "university", "one", "online") if takes_an(word)]
        ['hour', 'umbrella', 'online']
    """
    if word[:1] == "h":
        return bool(_SILENT_H.match(word))
    return word[:1] in set("aeiou") and not _SAID_WITH_CONSONANT.match(word)
