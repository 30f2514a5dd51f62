"""Rows from databases through the commands: the same models, clear refusals, and nothing secret anywhere."""

import datetime
import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest
from commandline import QUICK, Done, assert_done, assert_refused, goodfit
from hypothesis import given, settings
from hypothesis import strategies as st
from postgres import PASSWORD, USER, Server, run_server

from goodfit.data.databases import batches, read
from goodfit.errors import InputError
from goodfit.studies.searching.database import opening, storage_of

ALL = 'select age, spent, town, since, member, "left" from customers'
SCHEMA = 'create table customers (age {0}, spent {0}, town text, since date, member boolean, "left" text)'


@pytest.fixture(scope="module")
def server(csv: Path) -> Iterator[Server]:
    """With the table of customers in it."""
    for running in run_server():
        running.query(f"{SCHEMA.format('double precision')}; select 1")
        for chunk in pl.read_csv(csv, try_parse_dates=True).iter_slices(40):
            rows = ", ".join("({})".format(", ".join(map(literal, row))) for row in chunk.rows())
            running.query(f"insert into customers values {rows}; select 1")
        yield running


@pytest.fixture(scope="module")
def files(csv: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URLs of the same table in SQLite and DuckDB."""
    folder, rows = tmp_path_factory.mktemp("files"), pl.read_csv(csv, try_parse_dates=True).rows()
    with closing(sqlite3.connect(folder / "shop.db")) as lite:
        lite.execute(SCHEMA.format("real"))
        lite.executemany("insert into customers values (?, ?, ?, ?, ?, ?)", [(*r[:3], str(r[3]), *r[4:]) for r in rows])
        lite.commit()
    with closing(duckdb.connect(str(folder / "shop.duckdb"))) as duck:
        duck.execute(SCHEMA.format("double"))
        duck.executemany("insert into customers values (?, ?, ?, ?, ?, ?)", rows)
    return {"sqlite": f"sqlite:///{folder}/shop.db", "duckdb": f"duckdb:///{folder}/shop.duckdb"}


def literal(value: object) -> str:
    if value is None:
        return "null"
    return repr(value) if isinstance(value, bool | int | float) else "'{}'".format(str(value).replace("'", "''"))


def assert_no_password(folder: Path, *ended: Done) -> None:
    for done in ended:
        assert PASSWORD not in done.out + done.err
        assert USER not in done.out + done.err or "authentication failed" in done.err
    for path in folder.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "postgresql"])
def test_the_same_rows_make_the_same_model(
    kind: str, files: dict[str, str], request: pytest.FixtureRequest, trained: Path, csv: Path, tmp_path: Path
) -> None:
    url = files.get(kind) or request.getfixturevalue("server").url
    done = goodfit("fit", url, "--query", ALL, "--target", "left", *QUICK, "--out", tmp_path / "run")
    assert_done(done)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (trained / "model.safetensors").read_bytes()
    name = Path(url).name
    summary = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (summary["title"], summary["data"]["name"]) == (f"query of {name}: left", f"query of {name}")
    from_database = goodfit("predict", tmp_path / "run", url, "--query", ALL)
    assert from_database.out == goodfit("predict", trained, csv).out
    assert_done(from_database)
    assert_no_password(tmp_path, done, from_database)


COMMANDS = {
    "fit": ("fit", "{}", "--target", "lft", *QUICK),
    "compare": ("compare", "{}", "--target", "lft", "--recipe", "none"),
    "diagnose": ("diagnose", "{}", "--target", "lft"),
    "augment": ("augment", "table", "{}", "{out}", "--target", "lft", "--with", "smote=1"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_each_command_reads_them(command: tuple[str, ...], files: dict[str, str], tmp_path: Path) -> None:
    words = [word.format(files["sqlite"], out=tmp_path / "new") for word in command]
    out = () if command[0] == "augment" else ("--out", tmp_path / "new")
    refused = goodfit(*words, "--query", ALL, *out)
    assert_refused(refused, f"goodfit {command[0]}: query of shop.db has no column 'lft'", "did you mean 'left'?")
    assert not (tmp_path / "new").exists()


def test_texts_come_from_a_query_too(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "texts.db")) as lite:
        lite.execute("create table t as select 'a quick fox' as said union all select 'a big house'")
        lite.commit()
    url, asked = f"sqlite:///{tmp_path}/texts.db", ("--query", "select said from t")
    assert_done(goodfit("augment", "text", url, tmp_path / "out", "--with", "synonyms=0.9", *asked))
    assert (tmp_path / "out" / "augmented.csv").exists()
    refused = goodfit("augment", "image", url, tmp_path / "more", "--with", "flip", *asked)
    assert_refused(refused, "--query asks for texts or rows", "give a file or a folder")


SECRET = "postgresql://me:s3cretWord@host.invalid/shop"
MISTAKES = {
    "a URL without a query": (("fit", "sqlite:///{}"), ("shop.db is a database", "--query 'select ...'")),
    "a log that is a URL": (("diagnose", "duckdb:///{}"), ("is a database", "--query 'select ...'")),
    "a query without a URL": (("fit", "rows.csv", "--query", "select 1"), ("--query asks a database", "rows.csv")),
    "a file for its URL": (("fit", "{}", "--query", "select 1"), ("give its URL sqlite:///", "--query")),
    "no target": (("fit", "sqlite:///{}", "--query", ALL), ("query of shop.db", "--target")),
    "another database": (("fit", "mysql://me:s3cretWord@host/x", "--query", "q"), ("mysql://...@host/x", "duckdb:///")),
    "too much": (("fit", SECRET, SECRET), ("extra argument", "postgresql://...@host.invalid/shop")),
    "no command": ((SECRET,), ("No such command", "postgresql://...@host.invalid/shop")),
    "a URL for a kind": (("fit", "x.csv", f"--kind={SECRET}"), ("--kind", "postgresql://...@host.invalid/shop")),
    "no such host": (("fit", SECRET, "--query", "q", "--target", "y"), ("can't be opened", "check host and port")),
    "an option of none": (
        ("fit", f"{SECRET}?a=s3cretWord", "--query", "q", "--target", "y"),
        ("option 'a'", "sslmode"),
    ),
}


@pytest.mark.parametrize(("words", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_without_the_password(
    words: tuple[str, ...],
    told: tuple[str, ...],
    files: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = goodfit(*(word.format(files["sqlite"].removeprefix("sqlite:///")) for word in words))
    assert_refused(refused, *told)
    assert "s3cretWord" not in refused.err
    assert not list(tmp_path.iterdir())


MANY = (
    "select 1::int2 a, 2::int4 b, 9007199254740993::int8 c, 3::oid d, 0.1::float4 e, 0.1::float8 f, "
    "0.10000000000000000001::numeric(30, 20) g, 'nan'::numeric h, '-infinity'::float8 i, '1e400'::numeric j, true k, "
    "'a'::text l, ' b '::varchar m, ' c '::char(9) n, '6f1ab5f6-8bb6-4b1c-9a3c-95ea4ab9c3f4'::uuid o, "
    "'10.0.0.1'::inet p, date '0001-01-01' q, timestamp '2024-02-29 10:30:00.25' r, "
    "timestamptz '2024-02-29 10:30:00.25+02' s, time '10:30:00.5' t, null u, null::int v, '' w, 'NULL' x, "
    "'\\\"(),' y, E'one\\ntwo\\r\\n' z"
)


def test_types_of_postgres(server: Server) -> None:
    frame = read(server.url, MANY)
    row = frame.rows()[0]
    moment = datetime.datetime(2024, 2, 29, 10, 30, 0, 250_000)
    assert row[:7] == (1, 2, 9007199254740993, 3, 0.1, 0.1, 0.1)
    assert row[7] != row[7]
    assert row[8:11] == (float("-inf"), float("inf"), True)
    assert row[11:16] == ("a", " b ", " c", "6f1ab5f6-8bb6-4b1c-9a3c-95ea4ab9c3f4", "10.0.0.1")
    utc = (moment - datetime.timedelta(hours=2)).replace(tzinfo=datetime.UTC)
    assert row[16:20] == (datetime.date(1, 1, 1), moment, utc, datetime.time(10, 30, 0, 500_000))
    assert row[20:] == (None, None, "", "NULL", '\\"(),', "one\ntwo\r\n")
    assert frame.dtypes[20:22] == [pl.String, pl.Int64]
    server.query("create type mood as enum ('sad', 'glad'); create domain share as real check (value <= 1); select 1")
    assert read(server.url, "select 'sad'::mood m, 0.5::share s").rows() == [("sad", 0.5)]


def test_frames_of_postgres_have_one_schema(server: Server) -> None:
    asked = "select i, case when i > 15000 then i / 2.0 end as late from generate_series(1, 20000) i"
    frames = list(batches(server.url, asked, 6000))
    assert [frame.height for frame in frames] == [6000, 6000, 6000, 2000]
    assert {str(frame.schema) for frame in frames} == {str(pl.Schema({"i": pl.Int64(), "late": pl.Float64()}))}
    whole = pl.concat(frames)
    assert whole["i"].to_list() == list(range(1, 20001))
    assert whole["late"].sum() == sum(i / 2 for i in range(15001, 20001))


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=12)


def test_texts_of_postgres_are_what_they_were(server: Server) -> None:
    @given(st.lists(st.tuples(st.none() | TEXT, st.none() | st.floats(allow_nan=False)), min_size=1, max_size=5))
    @settings(max_examples=12, deadline=None)
    def holds(rows: list[tuple[str | None, float | None]]) -> None:
        values = ", ".join(f"({place}, {literal(t)}, {literal_number(x)})" for place, (t, x) in enumerate(rows))
        found = read(server.url, f"select t, x::float8 from (values {values}) as v(place, t, x) order by place;")
        assert found.rows() == rows

    holds()


def literal_number(value: float | None) -> str:
    return "null::float8" if value is None else f"'{value!r}'::float8"


POSTGRES_REFUSED = {
    "writing": ("delete from customers", ("begins with delete", "only read")),
    "writing within": ("with d as (delete from customers returning age) select * from d", ("data-modifying",)),
    "writing by a function": ("select nextval('numbers')", ("read-only transaction", "nextval")),
    "writing made possible": ("select set_config('transaction_read_only', 'off', true)", ("before any query",)),
    "a second statement": ("select 1; delete from customers", ("several statements",)),
    "a second one by a bracket": ("select 1) x; delete from customers; select (1", ("syntax error",)),
    "a file of the server's": ("select 1) to '/tmp/x' --", ("syntax error",)),
    "a misspelt word": ("selct 1", ('syntax error at or near "selct"', "correct the query")),
    "unknown table": ("select * from nope", ('relation "nope" does not exist',)),
    "unknown column": ("select agee from customers", ('"agee" does not exist', "Perhaps you meant")),
    "no rows": ("select 1 where false", ("returns no rows",)),
    "no columns": ("select from customers", ("no columns",)),
    "equal names": ("select age, age from customers", ("more than one column is named 'age'",)),
    "a parameter": ("select $1", ("the query fails", "parameter")),
    "a fault in a later row": ("select 1 / (90 - row_number() over ()) as x from customers", ("division by zero",)),
    "an array": ("select array[1] as a", ("column 'a'", "int4[]", "x[1]", "leave the column out")),
    "json": ("select '{}'::jsonb as j", ("column 'j'", "jsonb", "x->>'key'")),
    "bytes": ("select 'x'::bytea as b", ("column 'b'", "bytea", "encode(x, 'hex')")),
    "an interval": ("select interval '1 month' as i", ("column 'i'", "interval", "epoch")),
    "a row": ("select c from customers c", ("column 'c'", "customers", "x::text")),
    "a point": ("select point(1, 2) as p", ("column 'p'", "point", "x::text")),
    "a date without end": ("select 'infinity'::date as d", ("column 'd'", "'infinity'", "no date")),
    "a date before Christ": ("select date '0044-03-15 BC' as d", ("column 'd'", "44-03-15 BC", "no date")),
    "a year of five digits": ("select timestamp '20000-01-01' as d", ("column 'd'", "20000-01-01", "no date")),
}


@pytest.mark.parametrize(("query", "words"), POSTGRES_REFUSED.values(), ids=POSTGRES_REFUSED)
def test_a_query_to_postgres_is_refused_in_a_line_and_nothing_is_changed(
    query: str, words: tuple[str, ...], server: Server
) -> None:
    server.query("create sequence if not exists numbers; select 1")
    with pytest.raises(InputError) as refused:
        read(server.url, query)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert server.query("select count(*) from customers") == [120]


def test_who_may_not_come_in_is_told(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("PGPASSWORD", raising=False)
    bare = server.url.replace(f":{PASSWORD}", "")
    for url, words in (
        (server.url.replace(PASSWORD, "forgotten"), ("password authentication failed", "check user and password")),
        (bare, ("password authentication failed", "in PGPASSWORD or in ~/.pgpass")),
        (server.url.replace("/postgres", "/none"), ('"none" does not exist', "name a database that is there")),
        (f"{server.url}?sslmode=require", ("offers no TLS", "check sslmode")),
        ("postgresql://me:forgotten@127.0.0.1:1/x", ("Connection refused", "check host and port")),
    ):
        refused = goodfit("fit", url, "--query", ALL, "--target", "left", "--out", tmp_path / "run")
        assert_refused(refused, "can't be opened", *words)
        assert "forgotten" not in refused.err
        assert_no_password(tmp_path, refused)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert read(bare, ALL).height == 120
    monkeypatch.delenv("PGPASSWORD")
    (tmp_path / ".pgpass").write_text(f"127.0.0.1:{server.port}:postgres:{USER}:{PASSWORD}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    assert read(bare, ALL).height == 120
    socket = f"postgresql:///postgres?host={server.folder}&port={server.port}&user={USER}&password={PASSWORD}"
    assert read(socket, ALL).height == 120


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """A port where something else answers, or nobody."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen()

        def serve() -> None:
            with opened.accept()[0] as client:
                client.recv(100)
                if answer is None:
                    client.recv(100)  # until the other side gives up
                else:
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(opened.getsockname()[1])
        thread.join(10)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "timed out"), (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no PostgreSQL server"), (b"", "no PostgreSQL server")],
    ids=["silence", "another server", "closed"],
)
def test_waiting_for_what_is_no_server_is_bounded(answer: bytes | None, words: str) -> None:
    with listening(answer) as port, pytest.raises(InputError, match=words):
        read(f"postgresql://me:pw@127.0.0.1:{port}/x?connect_timeout=1", "select 1")


def test_a_server_that_ends_the_connection_in_the_middle_leaves_nothing(server: Server, tmp_path: Path) -> None:
    which = "application_name = 'goodfit' and query ~ '^fetch 8'"
    end = f"select pg_terminate_backend(pid) from pg_stat_activity where {which}"

    def strike() -> None:
        while not server.query(end):
            time.sleep(0.05)

    thread = threading.Thread(target=strike, daemon=True)
    thread.start()
    slow = 'select age, "left" from customers, generate_series(1, 100) where pg_sleep(0.01) is not null'
    done = goodfit("fit", server.url, "--query", slow, "--target", "left", *QUICK, "--out", tmp_path / "run")
    thread.join(60)
    assert_refused(done, "the database postgresql://...@127.0.0.1", "went away", "bring it back")
    assert not list(tmp_path.iterdir())
    assert_no_password(tmp_path, done)


def test_a_server_that_stops_in_the_middle_is_told(server: Server) -> None:
    frames = batches(server.url, "select i from generate_series(1, 100000) i", 1000)
    assert next(frames).height == 1000
    process = server.process
    assert process is not None
    process.send_signal(signal.SIGQUIT)  # no time for a last word
    process.wait(60)
    try:
        with pytest.raises(InputError, match=r"went away while it was read .*bring it back.*nothing was written"):
            for _ in frames:
                pass
    finally:
        server.start()
    assert read(server.url, ALL).height == 120


def make_certificates(folder: Path) -> None:
    """A root, one of a server called localhost, and another root."""
    for name in ("root", "other"):
        openssl(folder, "req", "-x509", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl(folder, "req", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    signing = ("-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial", "-extfile", "names")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", "server.csr", "-out", "server.crt", *signing],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def openssl(folder: Path, *words: str) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    subprocess.run(["openssl", *words, *key], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def secured(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """The server with TLS, and the folder of certificates."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make certificates with")
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    for name in ("server.crt", "server.key"):
        target = server.folder / name
        target.write_bytes((folder / name).read_bytes())
        server.owned(target)
    server.stop()
    server.settings = (
        "ssl=on",
        *(f"ssl_{k}_file={server.folder}/server.{e}" for k, e in (("cert", "crt"), ("key", "key"))),
    )
    server.start()
    yield server, folder
    server.stop()
    server.settings = ()
    server.start()


SSL_USED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


def test_sslmode_is_as_libpqs(secured: tuple[Server, Path]) -> None:
    server, folder = secured
    named = server.url.replace("127.0.0.1", "localhost")
    for url, options, expected in (
        (server.url, "sslmode=disable", False),
        (server.url, "sslmode=prefer", True),
        (server.url, "", True),
        (server.url, "sslmode=require", True),
        (server.url, f"sslmode=verify-ca&sslrootcert={folder}/root.crt", True),
        (named, f"sslmode=verify-full&sslrootcert={folder}/root.crt", True),
    ):
        assert read(f"{url}?{options}" if options else url, SSL_USED).rows() == [(expected,)]
    for options, words in (
        (f"sslmode=verify-full&sslrootcert={folder}/root.crt", "certificate verify failed: IP address mismatch"),
        (f"sslmode=verify-ca&sslrootcert={folder}/other.crt", "certificate verify failed"),
        (f"sslmode=require&sslrootcert={folder}/other.crt", "certificate verify failed"),
    ):
        with pytest.raises(InputError, match=words) as refused:
            read(f"{server.url}?{options}", "select 1")
        assert "check sslmode and sslrootcert" in str(refused.value)


@pytest.mark.slow
def test_the_store_of_a_search_takes_sslmode_too(secured: tuple[Server, Path]) -> None:
    server, folder = secured
    url = f"{server.url}?sslmode=verify-ca&sslrootcert={folder}/root.crt"
    with opening(url):
        storage = storage_of(url)
    try:
        with storage.engine.connect() as connection:
            assert connection.exec_driver_sql(SSL_USED).scalar() is True
    finally:
        storage.remove_session()
        storage.engine.dispose()
    wrong = url.replace("root.crt", "other.crt")
    with pytest.raises(InputError, match="certificate verify failed") as refused, opening(wrong):
        storage_of(wrong)
    assert PASSWORD not in str(refused.value)
