"""A PostgreSQL server of the tests' own, in a folder that goes with it."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from goodfit.studies.searching.database import with_driver

USER, PASSWORD = "searcher", "s3cr/et-word"
WAITS = 300
"""Tenths of a second at most until a server is there."""


@dataclass
class Server:
    """A server that can be stopped and started again.

    Args:
        programs: the folder of initdb and postgres.
        folder: its data and its socket.
        port: on 127.0.0.1.
        settings: `name=value` each, of which it learns when it starts.
    """

    programs: Path
    folder: Path
    port: int
    settings: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def make(self) -> None:
        """Its data: initdb refuses root, so the folder and all that runs there is another user's."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        for path in (self.folder, password):
            if os.getuid() == 0:
                os.chown(path, *_other_user())
        options = ("-A", "scram-sha-256", "--pwfile", password, "-U", USER, "--no-sync", "--locale=C", "-E", "UTF8")
        subprocess.run(
            [self.programs / "initdb", "-D", self.folder / "data", *options], check=True, capture_output=True, **_as()
        )

    def start(self) -> None:
        options = ("-p", str(self.port), "-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-F")
        options += tuple(word for setting in self.settings for word in ("-c", setting))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.folder / "data", *options], stderr=log, **_as()
            )
        for _ in range(WAITS):
            try:
                self.query("select 1")
            except SQLAlchemyError:  # it still starts
                time.sleep(0.1)
            else:
                return
        raise AssertionError((self.folder / "log").read_text())

    def owned(self, path: Path, mode: int = 0o600) -> Path:
        """A file of the server's own."""
        path.chmod(mode)
        if os.getuid() == 0:
            os.chown(path, *_other_user())
        return path

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self.process = None

    def query(self, asked: str) -> list[Any]:
        """The first column of what a query finds."""
        engine = create_engine(with_driver(self.url))
        try:
            with engine.begin() as connection:
                return list(connection.execute(text(asked)).scalars())
        finally:
            engine.dispose()


def run_server() -> Iterator[Server]:
    """For a fixture."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    if os.getuid() == 0 and _other_user() is None:
        pytest.skip("PostgreSQL doesn't run as root, and there is no user postgres or nobody here")
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Server(programs, folder, _free_port())
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)


def _other_user() -> tuple[int, int] | None:
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    return None


def _as() -> dict[str, Any]:
    """Who runs the server, and where."""
    usual: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
    other = _other_user() if os.getuid() == 0 else None
    return usual | ({"user": other[0], "group": other[1], "extra_groups": []} if other else {})


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
