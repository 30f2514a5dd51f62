"""What goes wrong on the user's side: each message is one line that says what, where and what to do."""

from collections.abc import Iterable
from difflib import get_close_matches

from goodfit.visible import visible

LONGEST = 200
"""Characters of a name that is looked for among others: the time it takes grows with their square."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that a user may have meant, if one is much like it.

    Example:
        >>> nearest("dorpout", ["dropout", "l2"])
        'dropout'
    """
    near = [] if len(name) > LONGEST else get_close_matches(name, [n for n in names if len(n) <= LONGEST], n=1)
    return near[0] if near else None


class InputError(ValueError):
    """The data, a setting or a file can't be used as given; names and values in its message steer no terminal."""

    def __str__(self) -> str:
        return visible(super().__str__(), keep="\n")


class DoubtfulRecipe(UserWarning):
    """A combination of regularizers, or a recipe and its data, that is unlikely to do what its author wants."""


class SlowerTraining(UserWarning):
    """Training takes a slower way than this machine could, and what to do about it."""


class LostRuns(UserWarning):
    """Networks whose training failed again and again on other machines: they are left out, the others are kept."""


class DamagedFile(UserWarning):
    """What was kept of an interrupted run can't be read: the others are gone on with, and this is trained again."""
