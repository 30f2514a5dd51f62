"""A connection to a PostgreSQL server by pg8000: its socket, TLS as sslmode says, and who may come in."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from goodfit.data.databases.libpq import Server
from goodfit.errors import InputError

TLS_REQUEST = struct.pack("!ii", 8, 80_877_103)
ALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence after which a server is asked whether it is there, between questions, and how many."""
STRANGE = "what answers is no PostgreSQL server"
VERIFYING = ("verify-ca", "verify-full")


class Refused(Exception):
    """No connection came about.

    Args:
        reason: the server's or the system's.
        remedy: what to do.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


def connect(server: Server, make: Callable[..., Any]) -> Any:
    """Connect to the first place that answers.

    Args:
        server: where and how.
        make: of pg8000, such as `pg8000.native.Connection`; it gets a socket.

    Raises:
        Refused: none answers, or the last one that does lets nobody in.
        InputError: a certificate that isn't there.
    """
    context = tls(server)
    refused = Refused("there is no host", "name one")
    for host, port in server.places:
        try:
            return _at(host, port, server, context, make)
        except Refused as error:
            refused = error
    raise refused


def tls(server: Server) -> ssl.SSLContext | None:
    """What sslmode asks of the server's certificate; None for no TLS.

    Note:
        `prefer` and `require` check nothing, as libpq's; `require` with root certificates is `verify-ca`. For `allow`
        TLS is tried first.

    Raises:
        InputError: certificates that aren't there, or can't be read.
    """
    if server.sslmode == "disable":
        return None
    root = _root(server)
    try:
        context = ssl.create_default_context(cafile=root or None)
        context.check_hostname = server.sslmode == "verify-full" or server.root == "system"
        if server.sslmode not in VERIFYING and not server.root:
            context.verify_mode = ssl.CERT_NONE
        if server.certificate:
            context.load_cert_chain(server.certificate, server.key or None, server.key_password or None)
    except OSError as error:
        raise InputError(
            f"a certificate of sslmode={server.sslmode} can't be read ({error.strerror or error}): check sslrootcert, "
            "sslcert and sslkey"
        ) from None
    return context


def _root(server: Server) -> str:
    """The file of root certificates; "" for the system's."""
    if server.root:
        return "" if server.root == "system" else server.root
    if server.sslmode not in VERIFYING:
        return ""
    usual = Path.home() / ".postgresql" / "root.crt"
    if not usual.exists():
        raise InputError(
            f"sslmode={server.sslmode} needs root certificates: give sslrootcert=FILE, sslrootcert=system for the "
            "system's, or put them in ~/.postgresql/root.crt"
        )
    return str(usual)


def _at(host: str, port: int, server: Server, context: ssl.SSLContext | None, make: Callable[..., Any]) -> Any:
    """A connection to one place."""
    from pg8000.exceptions import Error

    opened: socket.socket | None = None
    try:
        opened = _socket(host, port, server.timeout)
        if context is not None and not host.startswith("/"):
            opened = _secured(opened, host, server.sslmode, context)
        connection = make(
            server.user,
            database=server.database,
            password=server.password,
            ssl_context=False,
            application_name=server.application,
            startup_params={"options": server.options} if server.options else None,
            sock=opened,
        )
        opened.settimeout(None)  # a query may take its time
    except (OSError, Error, ValueError, LookupError, struct.error) as error:
        if opened:
            opened.close()
        strange = isinstance(error, LookupError | struct.error | UnicodeError)
        raise Refused(STRANGE if strange else told(error), _remedy(error, server)) from None
    return connection


def _socket(host: str, port: int, timeout: float) -> socket.socket:
    if host.startswith("/"):
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        opened.settimeout(timeout)
        opened.connect(f"{host}/.s.PGSQL.{port}")
        return opened
    opened = socket.create_connection((host, port), timeout)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in ALIVE.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return opened


def _secured(opened: socket.socket, host: str, mode: str, context: ssl.SSLContext) -> socket.socket:
    opened.sendall(TLS_REQUEST)
    answer = opened.recv(1)
    if answer == b"S":
        return context.wrap_socket(opened, server_hostname=host)
    if answer != b"N":
        raise ConnectionError(STRANGE)
    if mode in ("allow", "prefer"):
        return opened
    raise ConnectionError(f"the server offers no TLS, and sslmode={mode} asks for it")


def told(error: Exception) -> str:
    """What the server or the system says, in its own words.

    Example:
        >>> told(ConnectionRefusedError(111, "Connection refused"))
        'Connection refused'
    """
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):
        hint = f" ({first['H']})" if "H" in first else ""
        return f"{first.get('M', 'no reason given')}{hint}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    reason = str(error) or type(error).__name__
    return "the connection is lost" if reason == "network error" else reason


def code_of(error: Exception) -> str:
    """The SQLSTATE that the server names, "" where it isn't the server that speaks."""
    first = error.args[0] if error.args else ""
    return str(first.get("C", "")) if isinstance(first, dict) else ""


def _remedy(error: Exception, server: Server) -> str:
    if code_of(error).startswith("28"):
        if server.unused:
            return server.unused
        where = "in the URL, in PGPASSWORD or in ~/.pgpass"
        return "check user and password" if server.password else f"give the password {where}"
    if isinstance(error, ssl.SSLError) or "sslmode" in str(error):
        return "check sslmode and sslrootcert"
    if code_of(error).startswith("3D"):
        return "name a database that is there"
    return "check host and port, and that the server runs"
