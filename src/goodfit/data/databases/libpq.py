"""Where a PostgreSQL server is and who asks: from a URL, the environment and the password file, as libpq reads them.

Source: PostgreSQL's documentation, Database Connection Control Functions, Environment Variables and The Password File.
"""

from __future__ import annotations

import getpass
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import unquote

from goodfit.errors import InputError
from goodfit.urls import shown, split_url

Mode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "passfile": "PGPASSFILE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslpassword": "",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "application_name": "PGAPPNAME",
    "options": "PGOPTIONS",
}
"""Options that a URL may have, and where else each may stand."""
PORT = "5432"
WAIT = 10.0
"""Seconds for a server to answer, where nothing else is asked for."""
SOCKETS = ("/var/run/postgresql", "/tmp")


@dataclass(frozen=True)
class Server:
    """Whom to connect to, and how.

    Args:
        places: hosts, or folders of sockets, each with its port, in the order in which they are tried.
        user: who asks.
        password: "" for none.
        database: its name.
        sslmode: as libpq's.
        root: file of root certificates, "system" for the system's, "" for the usual place.
        certificate: the client's file, "" for none.
        key: the certificate's, "" where it stands in the same file.
        key_password: of the key, "" for none.
        timeout: seconds to wait for an answer of each place.
        application: what the server calls this client.
        options: such as `-c search_path=shop`.
        unused: why the password file wasn't read, "" where it was or there is none.
    """

    places: tuple[tuple[str, int], ...]
    user: str
    password: str = field(repr=False)
    database: str
    sslmode: Mode
    root: str
    certificate: str
    key: str
    key_password: str = field(repr=False)
    timeout: float
    application: str
    options: str = field(repr=False)
    unused: str = ""


def server_of(url: str, environment: Mapping[str, str] | None = None) -> Server:
    """Read a URL, and what the environment and the password file add to it.

    Args:
        url: `postgresql://user:password@host:port/name?sslmode=require`, each part but the scheme may be left away.
        environment: this process's by default.

    Raises:
        InputError: an option that isn't known, or a value that can't be used.

    Example:
        >>> server = server_of("postgresql://me@db.example/shop?sslmode=require", {"PGPASSWORD": "secret"})
        >>> server.places, server.database, server.sslmode, server.password
        ((('db.example', 5432),), 'shop', 'require', 'secret')
    """
    values = _values(url, os.environ if environment is None else environment)
    user = values["user"] or getpass.getuser()
    database = values["dbname"] or user
    places = _places(url, values["host"], values["port"] or PORT)
    password, unused = values["password"], ""
    if not password:
        password, unused = _from_file(values["passfile"], places, database, user)
    return Server(
        places=places,
        user=user,
        password=password,
        database=database,
        sslmode=_mode(url, values["sslmode"] or "prefer"),
        root=values["sslrootcert"],
        certificate=values["sslcert"],
        key=values["sslkey"],
        key_password=values["sslpassword"],
        timeout=_seconds(url, values["connect_timeout"]),
        application=values["application_name"] or "goodfit",
        options=values["options"],
        unused=unused,
    )


def _values(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    address = split_url(url)
    unknown = sorted(address.options.keys() - VARIABLES.keys())
    if unknown:
        raise InputError(f"{shown(url)} has the option {unknown[0]!r}: known are {', '.join(VARIABLES)}")
    hosts, ports = zip(*(_divided(place) for place in address.place.split(",")), strict=True)
    given = {
        "host": ",".join(hosts) if any(hosts) else "",
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(address.user),
        "password": unquote(address.password),
        "dbname": unquote(address.name),
    }
    options = address.options
    return {
        name: options.get(name) or given.get(name, "") or environment.get(variable, "")
        for name, variable in VARIABLES.items()
    }


def _divided(place: str) -> tuple[str, str]:
    """Host and port; the address of IP version 6 stands in brackets."""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return unquote(host), port


def _places(url: str, host: str, port: str) -> tuple[tuple[str, int], ...]:
    hosts, ports = host.split(","), port.split(",")
    ports = ports * len(hosts) if len(ports) == 1 else ports
    if len(ports) != len(hosts):
        raise InputError(f"{shown(url)} has {len(hosts)} hosts and {len(ports)} ports: give one port, or one each")
    found = []
    for name, number in zip(hosts, ports, strict=True):
        wanted = number or PORT
        if not (wanted.isdecimal() and 0 < int(wanted) < 65_536):
            raise InputError(f"{shown(url)} has a port that is no number from 1 to 65535: give one, such as {PORT}")
        found.append((name or _usual_place(int(wanted)), int(wanted)))
    return tuple(found)


def _usual_place(port: int) -> str:
    """The folder of the server's socket on this machine, or its name."""
    return next((each for each in SOCKETS if Path(each, f".s.PGSQL.{port}").exists()), "localhost")


def _mode(url: str, mode: str) -> Mode:
    for known in get_args(Mode):
        if mode == known:
            return known  # type: ignore[no-any-return]
    raise InputError(f"{shown(url)} has sslmode={mode}: known are {', '.join(get_args(Mode))}")


def _seconds(url: str, text: str) -> float:
    if not text:
        return WAIT
    if not text.isdecimal():
        raise InputError(f"{shown(url)} has connect_timeout={text}: give whole seconds")
    return float(text) or WAIT


def _from_file(path: str, places: tuple[tuple[str, int], ...], database: str, user: str) -> tuple[str, str]:
    """The password of the first line that fits, and why there is none."""
    file = Path(path) if path else Path.home() / ".pgpass"
    try:
        if os.name == "posix" and stat.S_IMODE(file.stat().st_mode) & 0o077:
            return "", "the password file isn't read, for others may read it too: chmod 600"
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "", ""
    for line in lines:
        fields = _fields(line)
        for host, port in places:
            asked = ("localhost" if host.startswith("/") else host, str(port), database, user)
            if len(fields) == 5 and all(f in ("*", a) for f, a in zip(fields, asked, strict=False)):
                return fields[4], ""
    return "", ""


def _fields(line: str) -> list[str]:
    """A line of the password file: fields between colons, a backslash before what is meant as it stands."""
    if line.startswith("#"):
        return []
    found, escaped = [""], False
    for sign in line:
        if escaped or sign not in "\\:":
            found[-1] += sign
            escaped = False
        elif sign == "\\":
            escaped = True
        else:
            found.append("")
    return found
