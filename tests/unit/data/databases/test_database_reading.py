"""Rows of SQLite and DuckDB as frames: types, sizes, and what is refused."""

import datetime
import sqlite3
import sys
from contextlib import closing

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.databases import batches, read
from goodfit.errors import InputError

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pg8000")

DAY = datetime.date(2024, 2, 29)
MOMENT = datetime.datetime(2024, 2, 29, 10, 30, 0, 250_000)


@pytest.fixture
def make(tmp_path):
    """Make a database by some statements; its URL."""

    def database(kind, *statements):
        path = tmp_path / f"shop.{kind}"
        with closing(sqlite3.connect(path) if kind == "sqlite" else duckdb.connect(str(path))) as connection:
            for statement in statements:
                connection.execute(statement)
            if kind == "sqlite":
                connection.commit()
        return f"{kind}:///{path}"

    return database


BOTH = pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
NUMBERS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n"


@BOTH
def test_frames_have_as_many_rows_as_asked_for_and_one_schema(kind, make):
    url = make(kind, f"create table t as {NUMBERS}")
    frames = list(batches(url, "select i, case when i > 12000 then i / 2.0 end as late from t order by i", 6000))
    assert [frame.height for frame in frames] == [6000, 6000, 6000, 2000]
    assert {str(frame.schema) for frame in frames} == {str(pl.Schema({"i": pl.Int64(), "late": pl.Float64()}))}
    whole = pl.concat(frames)
    assert whole["i"].to_list() == list(range(1, 20001))
    assert whole["late"].null_count() == 12000
    assert whole.equals(read(url, "select i, case when i > 12000 then i / 2.0 end as late from t order by i"))


@BOTH
def test_frames_may_be_small(kind, make):
    url = make(kind, f"create table t as {NUMBERS}")
    assert [f.height for f in batches(url, "select * from t where i <= 7", 3)] == [3, 3, 1]
    assert [f.height for f in batches(url, "select * from t where i <= 2", 1)] == [1, 1]


@BOTH
def test_a_reader_may_stop_early(kind, make):
    url = make(kind, f"create table t as {NUMBERS}")
    frames = batches(url, "select * from t", 100)
    next(frames)
    frames.close()
    assert read(url, "select count(*) as n from t")["n"][0] == 20000


TYPES = {
    "sqlite": "create table t (whole integer, broken real, mixed, words text, day date, moment, zoned, yes boolean, "
    "gap, never text)",
    "duckdb": "create table t (whole bigint, broken double, mixed decimal(9, 3), words varchar, day date, "
    "moment timestamp, zoned timestamptz, yes boolean, gap double, never varchar)",
}
ROW = (
    "insert into t values (9007199254740993, 0.1, 2.5, 'NA', '2024-02-29', '2024-02-29 10:30:00.25', "
    "'2024-02-29T10:30:00.25+02:00', {}, null, null)"
)
EMPTY = "insert into t values (null, null, null, null, null, null, null, null, null, null)"


@BOTH
def test_types(kind, make):
    frame = read(make(kind, TYPES[kind], ROW.format("true"), EMPTY), "select * from t")
    assert frame.dtypes == [
        *(pl.Int64, pl.Float64, pl.Float64, pl.String, pl.Date, pl.Datetime("us"), pl.Datetime("us", "UTC")),
        *(pl.Boolean, pl.Float64, pl.String if kind == "duckdb" else pl.Float64),
    ]
    utc = (MOMENT - datetime.timedelta(hours=2)).replace(tzinfo=datetime.UTC)
    assert frame.rows()[0] == (9007199254740993, 0.1, 2.5, "NA", DAY, MOMENT, utc, True, None, None)
    assert frame.rows()[1] == (None,) * 10


def test_types_of_duckdb_alone(make):
    url = make("duckdb")
    asked = (
        "select 170141183460469231731687303715884105727::hugeint h, 18446744073709551615::ubigint u, 200::utinyint b, "
        "0.1::decimal(38, 20) d, 'nan'::double n, '-infinity'::double i, 'a'::enum('a', 'b') e, "
        "'6f1ab5f6-8bb6-4b1c-9a3c-95ea4ab9c3f4'::uuid g, time '10:30:00' c, timestamp_ns '2024-02-29 10:30:00.25' s"
    )
    row = read(url, asked).rows()[0]
    assert row[:4] == (float(2**127), float(2**64), 200, 0.1)
    assert row[4] != row[4]
    assert row[5:] == (
        *(float("-inf"), "a", "6f1ab5f6-8bb6-4b1c-9a3c-95ea4ab9c3f4"),
        *(datetime.time(10, 30), MOMENT),
    )


@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False), st.integers(-(2**63), 2**63 - 1)), min_size=1))
@settings(max_examples=20, deadline=None)
def test_numbers_of_sqlite_are_what_they_were(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("numbers") / "n.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (place integer, x)")
        connection.executemany("insert into t values (?, ?)", enumerate(values))
        connection.commit()
    found = read(f"sqlite:///{path}", "select x from t order by place")["x"]
    if any(isinstance(value, float) for value in values):
        values = [None if value is None else float(value) for value in values]
    assert found.to_list() == values


TEXTS = st.one_of(
    st.text(max_size=8),
    st.dates().map(str),
    st.datetimes().map(str),
    st.sampled_from(["2024-02-30", "2024-02-29", "2024-02-29 25:00:00", "2024-02-29 10:00", "0000-01-01", "", "NULL"]),
)


@given(st.lists(TEXTS.filter(lambda text: "\0" not in text and text.isprintable()), min_size=1, max_size=4))
@settings(max_examples=30, deadline=None)
def test_texts_of_sqlite_are_dates_where_all_are(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("texts") / "t.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table t (place integer, x text)")
        connection.executemany("insert into t values (?, ?)", enumerate(texts))
        connection.commit()
    found = read(f"sqlite:///{path}", "select x from t order by place")["x"]
    if found.dtype == pl.String:
        assert found.to_list() == texts
    else:
        assert [str(value) for value in found] == texts


REFUSED = {
    "writing": ("delete from t", ("begins with delete", "only read", "select")),
    "writing below a comment": ("/* a */ -- b\n  DROP table t", ("begins with DROP", "only read")),
    "a second statement": ("select 1; delete from t", ("several statements", "one")),
    "a second one behind a comment": ("select 1; /* */ drop table t", ("several statements",)),
    "nothing": (" ; ", ("query is empty",)),
    "a comment alone": ("-- all", ("query is empty",)),
    "unknown table": ("select * from nope", ("the query fails", "nope", "correct the query")),
    "unknown column": ("select nope from t", ("the query fails", "nope")),
    "syntax": ("selct 1", ("the query fails", "syntax error", "selct")),
    "no rows": ("select * from t where false", ("returns no rows",)),
    "equal names": ("select x, x from t", ("more than one column is named 'x'",)),
    "equal names by others' letters": ("select x as y, x as y from t", ("more than one column is named 'y'",)),
    "parameters": ("select ?", ("the query fails", "parameters")),
    "bytes": ("select cast('ab' as blob) as b", ("column 'b'", "blob", "hex(x)", "leave the column out")),
}


@pytest.mark.parametrize(("query", "words"), REFUSED.values(), ids=REFUSED)
@BOTH
def test_a_query_is_refused_in_a_line_and_nothing_is_changed(kind, query, words, make):
    url = make(kind, "create table t as select 1 as x")
    with pytest.raises(InputError) as refused:
        read(url, query)
    told = str(refused.value)
    assert "\n" not in told
    for word in words:
        assert word.lower() in told.lower(), told
    assert read(url, "select x from t").rows() == [(1,)]


DUCKDB_REFUSED = {
    "a list": ("select [1] as l", ("column 'l'", "INTEGER[]", "x[1]")),
    "a struct": ("select {'a': 1} as s", ("column 's'", "STRUCT", "x.name")),
    "json": ("select '{}'::json as j", ("column 'j'", "JSON", "x->>'key'")),
    "an interval": ("select interval 1 day as i", ("column 'i'", "INTERVAL", "epoch(x)")),
    "bits": ("select '101'::bit as b", ("column 'b'", "BIT", "x::varchar")),
    "a date without end": ("select 'infinity'::date as d", ("column 'd'", "years 1 to 9999")),
    "an end without a date": ("select '-infinity'::timestamp as d", ("column 'd'", "years 1 to 9999")),
    "a file": ("copy t to 'out.csv'", ("begins with copy",)),
    "settings": ("set threads = 1", ("begins with set",)),
    "a statement that is none": ("explain select 1", ("asks for no rows", "one select")),
    "writing within": ("with d as (delete from t returning x) select * from d", ("the query fails", "read-only")),
    "a program's own variables": ("select * from url", ("the query fails", "url")),
}


@pytest.mark.parametrize(("query", "words"), DUCKDB_REFUSED.values(), ids=DUCKDB_REFUSED)
def test_what_duckdb_alone_has_is_refused(query, words, make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    url = make("duckdb", "create table t as select 1 as x")
    before = set(tmp_path.iterdir())
    with pytest.raises(InputError) as refused:
        read(url, query)
    for word in words:
        assert word in str(refused.value)
    assert "\n" not in str(refused.value)
    assert set(tmp_path.iterdir()) == before


def test_numbers_and_text_in_one_column_of_sqlite_are_told(make):
    url = make("sqlite", "create table t (x)", "insert into t values (1), (''), (2.5), (null)")
    with pytest.raises(InputError, match=r"column 'x' of the query holds numbers and text: write cast"):
        read(url, "select x from t")
    assert read(url, "select cast(nullif(x, '') as real) as x from t")["x"].to_list() == [1.0, None, 2.5, None]


def test_columns_of_sqlite_may_have_any_name_and_be_many(make):
    url = make("sqlite")
    names = [f'{place} "a", b\'; --' for place in range(700)]
    select = "select " + ", ".join('{} as "{}"'.format(i, n.replace('"', '""')) for i, n in enumerate(names))
    frame = read(url, select)
    assert frame.columns == names
    assert frame.rows() == [tuple(range(700))]


def test_only_ones_and_noughts_that_are_declared_so_are_booleans(make):
    url = make("sqlite", "create table t (a boolean, b boolean, c integer)", "insert into t values (0, 2, 1)")
    assert read(url, "select * from t").dtypes == [pl.Boolean, pl.Int64, pl.Int64]


@BOTH
def test_a_file_that_is_no_database_is_told(kind, tmp_path):
    path = tmp_path / "rows.csv"
    with pytest.raises(InputError, match=r"there is no file .*rows.csv.*check the name"):
        read(f"{kind}:///{path}", "select 1")
    path.write_text("a,b\n" * 500)
    with pytest.raises(InputError, match=r"rows.csv can't be opened \(.*database.*\): give a file that"):
        read(f"{kind}:///{path}", "select 1")
    assert path.read_text() == "a,b\n" * 500
    with pytest.raises(InputError, match=r"can't be opened"):
        read(f"{kind}:///{tmp_path}", "select 1")


def test_a_locked_file_is_told(make, monkeypatch):
    url = make("sqlite", "create table t as select 1 as x")
    monkeypatch.setattr("goodfit.data.databases.sqlite.WAIT", 0.05)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(InputError, match=r"database is locked\): end what else uses it"):
            read(url, "select * from t")
        other.execute("rollback")
    assert read(url, "select * from t").height == 1


def test_a_file_that_goes_away_in_the_middle_is_told(make):
    url = make("sqlite", f"create table t as select i, hex(zeroblob(200)) as text from ({NUMBERS})")
    frames = batches(url, "select * from t", 1000)
    next(frames)
    with open(url.removeprefix("sqlite:///"), "r+b") as file:
        file.truncate(8192)
    with pytest.raises(InputError, match=r"went away while it was read .*bring it back.*nothing was written"):
        list(frames)


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("duckdb", "duckdb:///shop.duckdb", r"pip install goodfit\[duckdb\]"),
        ("pg8000.native", "postgresql://me:s3cret@host/shop", r"pip install goodfit\[postgres\]"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(module, url, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=extra) as refused:
        read(url, "select 1")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("url", ["shop.db", "mysql://me:s3cret@host/shop", "https://host/shop.db"])
def test_other_urls_are_refused(url):
    with pytest.raises(InputError, match=r"postgresql://user@host/name, sqlite:///file.db") as refused:
        read(url, "select 1")
    assert "s3cret" not in str(refused.value)
