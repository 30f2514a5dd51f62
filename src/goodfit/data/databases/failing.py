"""What goes wrong with a database, each in a line of its own words."""

from __future__ import annotations

from goodfit.errors import InputError
from goodfit.urls import hidden, shown

SEVERAL = "give one statement; databases are only read, and a second one can't follow the first"


def cannot_open(url: str, reason: str, remedy: str, password: str = "") -> InputError:
    """There is no way into the database."""
    return InputError(f"the database {shown(url)} can't be opened ({first_line(reason, url, password)}): {remedy}")


def cannot_answer(url: str, reason: str) -> InputError:
    """The database refuses the query."""
    return InputError(f"the query fails in {shown(url)} ({first_line(reason, url)}): correct the query")


def went_away(url: str, reason: str) -> InputError:
    """The database was there until now."""
    return InputError(
        f"the database {shown(url)} went away while it was read ({first_line(reason, url)}): bring it back and give "
        "the same command again; nothing was written"
    )


def several_statements(url: str) -> InputError:
    """More than one was given."""
    return InputError(f"the query to {shown(url)} has several statements: {SEVERAL}")


def no_rows_asked(url: str) -> InputError:
    """The statement isn't one that returns rows."""
    return InputError(f"the query to {shown(url)} asks for no rows, and databases are only read: give one select")


def no_such_file(url: str, path: str) -> InputError:
    """A database's file is absent."""
    return InputError(f"there is no file {path} for {shown(url)}: check the name and the folder")


def unfit_column(name: str, kind: str, advice: str) -> InputError:
    """A column's type is none that a table has."""
    return InputError(f"column {name!r} of the query is of type {kind}: {advice}, or leave the column out")


def unfit_value(name: str, value: object, kind: str) -> InputError:
    """A value is none that a table's column of this kind holds."""
    return InputError(f"column {name!r} of the query holds {value!r}, which is no {kind} here: replace it in the query")


def first_line(reason: str, url: str, password: str = "") -> str:
    """The first paragraph of what a driver says, in one line, without credentials."""
    paragraph = reason.strip().split("\n\n")[0]
    return hidden(" ".join(paragraph.split()), url, secrets=(password,)) or "without a reason"
