"""What goes wrong on the user's side: each message is one line that says what, where and what to do."""

from goodfit.visible import visible


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
