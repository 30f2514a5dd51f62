"""What a PostgreSQL URL, the environment and the password file say together."""

import getpass
import ssl
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.databases.connecting import tls
from goodfit.data.databases.libpq import WAIT, server_of
from goodfit.errors import InputError

SECRET = "s3cret:word\\"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home folder."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def write_passwords(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=12), st.text(max_size=12), st.text(min_size=1, max_size=12))
def test_each_part_may_hold_any_sign(user, password, name):
    def written(part):
        return quote(part.encode("utf-8", "surrogatepass"), safe="") if part.isprintable() else ""

    server = server_of(f"postgresql://{written(user)}:{written(password)}@host:1/{written(name)}", {"PGUSER": "env"})
    assert server.user == (user if user and user.isprintable() else "env")
    assert server.password == (password if password.isprintable() else "")
    assert server.database == (name if name.isprintable() else server.user)


def test_what_a_url_leaves_away_comes_from_the_environment(home):
    environment = {
        "PGHOST": "db.example",
        "PGPORT": "6000",
        "PGUSER": "me",
        "PGPASSWORD": SECRET,
        "PGDATABASE": "shop",
        "PGSSLMODE": "require",
        "PGCONNECT_TIMEOUT": "3",
    }
    server = server_of("postgresql://", environment)
    assert server.places == (("db.example", 6000),)
    assert (server.user, server.password, server.database) == ("me", SECRET, "shop")
    assert (server.sslmode, server.timeout) == ("require", 3.0)
    beyond = server_of("postgresql://you:own@other:7000/mine?sslmode=disable&connect_timeout=9", environment)
    assert beyond.places == (("other", 7000),)
    assert (beyond.user, beyond.password, beyond.database) == ("you", "own", "mine")
    assert (beyond.sslmode, beyond.timeout) == ("disable", 9.0)


def test_without_anything_it_is_this_machine_and_this_user(home, monkeypatch):
    monkeypatch.setattr("goodfit.data.databases.libpq.SOCKETS", ())
    server = server_of("postgresql://", {})
    assert server.places == (("localhost", 5432),)
    assert (server.user, server.password, server.database) == (getpass.getuser(), "", getpass.getuser())
    assert (server.sslmode, server.timeout) == ("prefer", WAIT)


def test_several_places_and_addresses(home):
    assert server_of("postgresql://one,two:6000/x", {}).places == (("one", 5432), ("two", 6000))
    assert server_of("postgresql://[::1]:6000/x", {}).places == (("::1", 6000),)
    assert server_of("postgresql:///x?host=/run/pg&port=6000", {}).places == (("/run/pg", 6000),)


def test_the_password_file_is_asked_by_host_port_database_and_user(home):
    lines = "# mine\nother:*:*:me:wrong\nhost:5432:shop:me:s3cret\\:word\\\\\n*:*:*:*:last\n"
    write_passwords(home / ".pgpass", lines)
    assert server_of("postgresql://me@host/shop", {}).password == SECRET
    assert server_of("postgresql://me@host/else", {}).password == "last"
    assert server_of("postgresql://me:own@host/shop", {}).password == "own"
    assert server_of("postgresql://me@host/shop", {"PGPASSWORD": "env"}).password == "env"
    write_passwords(home / "elsewhere", "*:*:*:*:there\n")
    assert server_of("postgresql://me@host/shop", {"PGPASSFILE": str(home / "elsewhere")}).password == "there"


def test_a_password_file_that_others_may_read_is_left_alone_and_named(home):
    write_passwords(home / ".pgpass", "*:*:*:*:open\n", mode=0o644)
    server = server_of("postgresql://me@host/shop", {})
    assert server.password == ""
    assert "chmod 600" in server.unused


def test_no_password_is_in_what_a_server_prints(home):
    assert "s3cret" not in repr(server_of("postgresql://me:s3cret@host/shop?sslpassword=s3cret&options=s3cret", {}))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://host/x?sslmode=often", ("sslmode=often", "verify-full")),
        ("postgresql://host/x?colour=red", ("'colour'", "sslmode")),
        ("postgresql://host:port/x", ("port", "1 to 65535")),
        ("postgresql://host:0/x", ("port", "1 to 65535")),
        ("postgresql://one,two,three/x?port=1,2", ("3 hosts and 2 ports",)),
        ("postgresql://host/x?connect_timeout=soon", ("connect_timeout=soon", "seconds")),
    ],
)
def test_what_cannot_be_used_is_told(url, words, home):
    with pytest.raises(InputError) as refused:
        server_of(url, {})
    for word in words:
        assert word in str(refused.value)


def asked(options):
    return tls(server_of(f"postgresql://me@host/x?{options}", {}))


def test_sslmode_says_what_is_checked(home, tmp_path):
    assert asked("sslmode=disable") is None
    for mode in ("allow", "prefer", "require"):
        context = asked(f"sslmode={mode}")
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_NONE, False)
    for mode in ("verify-ca", "verify-full"):
        context = asked(f"sslmode={mode}&sslrootcert=system")
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
        with pytest.raises(InputError, match="needs root certificates"):
            asked(f"sslmode={mode}")
        with pytest.raises(InputError, match="can't be read"):
            asked(f"sslmode={mode}&sslrootcert={tmp_path}/none.crt")
