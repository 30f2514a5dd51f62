"""The database of a search's trials: its URL, with a driver, and what fails there in a line that shows no password."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import OptunaError
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from goodfit.data.databases.connecting import Refused, connect, told
from goodfit.data.databases.libpq import server_of
from goodfit.errors import InputError
from goodfit.urls import hidden, shown

POSTGRES = ("postgresql", "postgres")
DRIVERS = ("psycopg2", "psycopg", "pg8000")
OWN = "postgresql+pg8000"
FAILURES = (SQLAlchemyError, OptunaError, OSError, RuntimeError, Refused)
STRANGE = (TypeError, ValueError, LookupError, AttributeError, AssertionError)
"""What Optuna stumbles over in a database that holds something else than it wrote."""


def url_of(path: Path) -> str:
    """Of a database in a file, whatever signs its path holds."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def with_driver(url: str) -> str:
    """The URL with the driver that is installed, where it is PostgreSQL's and names none.

    Raises:
        InputError: none is installed.
    """
    scheme, mark, rest = url.partition("://")
    if not mark or scheme not in POSTGRES:
        return url
    for driver in DRIVERS:
        if find_spec(driver):
            return f"postgresql+{driver}://{rest}"
    raise InputError(f"the store {shown(url)} needs a driver for PostgreSQL: install goodfit[postgres]")


def storage_of(url: str) -> optuna.storages.RDBStorage:
    """Optuna's way to a database; by pg8000 with what users of libpq give: sslmode, PGPASSWORD, the password file.

    Raises:
        InputError: no driver, or an option that can't be used.
    """
    named = with_driver(url)
    if not named.startswith(f"{OWN}://"):
        return optuna.storages.RDBStorage(named)
    from pg8000.legacy import Connection  # the one that SQLAlchemy knows

    server = server_of(url)
    creator: dict[str, Any] = {"creator": lambda: connect(server, Connection)}
    return optuna.storages.RDBStorage(f"{OWN}://", engine_kwargs=creator)


@contextmanager
def opening(url: str) -> Iterator[None]:
    """What fails here is a database that can't be used, or a URL of none: an InputError of one line."""
    try:
        with quiet():
            yield
    except InputError:
        raise
    except ImportError as error:
        raise _refused(url, error, "install its driver; for PostgreSQL that is goodfit[postgres]") from None
    except (*FAILURES, *STRANGE) as error:
        raise _refused(url, error, _remedy(url, error)) from None


def damaged(url: str, what: str) -> InputError:
    """The refusal of a database that can be read, but says something else than was written."""
    return _refused(url, ValueError(what), _remedy(url, ValueError(what)))


@contextmanager
def using(url: str) -> Iterator[None]:
    """What fails here is a database that could be used until now: an InputError of one line."""
    try:
        with quiet():
            yield
    except (*FAILURES, KeyError) as error:
        if isinstance(error, KeyError) and "does not exist" not in str(error):
            raise
        reason = _reason(url, error)
        first = "free some space" if "full" in reason else "bring it back"
        advice = f"{first}, and the same command goes on with what was kept"
        raise InputError(f"the store {shown(url)} failed ({reason}): {advice}") from None


@contextmanager
def quiet() -> Iterator[None]:
    """Without what Optuna says of a study that was made, and SQLAlchemy of a connection that is no more."""
    loggers = [logging.getLogger(name) for name in ("optuna", "sqlalchemy.pool")]
    levels = [logger.level for logger in loggers]
    for logger, level in zip(loggers, (logging.WARNING, logging.CRITICAL + 1), strict=True):
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _refused(url: str, error: Exception, remedy: str) -> InputError:
    return InputError(f"the store {shown(url)} can't be used ({_reason(url, error)}): {remedy}")


def _remedy(url: str, error: Exception) -> str:
    """What to do about a database that can't be opened."""
    if isinstance(error, ArgumentError) or not url.startswith("sqlite"):
        return "give the URL of a database that is there, such as postgresql://user@host/name, or leave it away"
    reason = _reason(url, error)
    if "locked" in reason:
        return "end what else uses it, and give the same command again"
    if "full" in reason:
        return "free some space, and the same command goes on with what was kept"
    return "move the file away, and the same command goes on with the networks beside it"


def _reason(url: str, error: Exception) -> str:
    """The first line of what the database or its driver says."""
    cause: Any = error.__cause__ or error
    cause = getattr(cause, "orig", None) or cause
    text = hidden(told(cause), url)
    return (text.strip().splitlines() or [type(cause).__name__])[0]
