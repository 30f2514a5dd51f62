"""A table in pieces is the table read whole: the same columns, types and values, wherever the pieces end."""

import gzip

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from goodfit.data import batches as module
from goodfit.data.batches import batches
from goodfit.data.gathering import gather
from goodfit.data.readers import read
from goodfit.data.table import to_table
from goodfit.errors import InputError

SMALL = 40
"""Bytes of a piece: a few lines."""

CELLS = st.sampled_from(
    [
        *("", "NA", "?", "1", "2", "-3", "1.5", "1e3", "00", "true", "a", "b", " a "),
        *("2024-05-01", "2024-05-02T10:00:00", '"x, y"', '"two\nlines"', '"a ""quote"""'),
    ]
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(module, "BYTES_AT_ONCE", SMALL)


def assert_same_table(path, folder):
    whole, found = to_table(read(path)), gather(batches(path), "x", folder).table
    assert found.names == whole.names
    assert found.rows == whole.rows
    for own, other in zip(found.columns, whole.columns, strict=True):
        assert (own.kind, own.levels) == (other.kind, other.levels), own.name
        np.testing.assert_array_equal(own.values, other.values)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=30))
def test_separated_text_in_pieces_is_the_text_read_whole(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("pieces")
    path = folder / "table.csv"
    path.write_text("one,two\n" + "".join(f"{a},{b}\n" for a, b in rows))
    try:
        whole = to_table(read(path))
    except InputError:
        with pytest.raises(InputError):
            gather(batches(path), "x", folder / "cache")
        return
    found = gather(batches(path), "x", folder / "cache").table
    for own, other in zip(found.columns, whole.columns, strict=True):
        if {own.kind, other.kind} == {"category", "date"}:
            continue  # dates and moments in one column: polars tells them by the first rows
        assert (own.kind, own.levels) == (other.kind, other.levels)
        np.testing.assert_array_equal(own.values, other.values)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv", ".csv.gz", ".tsv"])
def test_every_kind_of_file(tmp_path, suffix):
    random = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "number": random.normal(size=500).round(3),
            "whole": random.integers(0, 9, 500),
            "flag": random.integers(0, 2, 500).astype(bool),
            "day": pl.Series(random.integers(10_000, 20_000, 500)).cast(pl.Int32).cast(pl.Date),
            "text": pl.Series(random.choice(["red", "green", "ünïcode", "gone"], 500).tolist()).replace("gone", None),
            "late": [None] * 499 + [1.5],
        }
    )
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".arrow":
        frame.write_ipc(path)
    else:
        content = frame.write_csv(separator="\t" if suffix == ".tsv" else ",").encode()
        path.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    assert_same_table(path, tmp_path / "cache")


def test_a_column_that_turns_out_to_be_text_is_read_anew(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("code,n\n" + "".join(f"{i},{i}\n" for i in range(50)) + "12b,50\n")
    found = gather(batches(path), "x", tmp_path / "cache")
    assert found.table.columns[0].kind == "category"
    assert "0" in found.table.columns[0].levels
    assert found.types == {"code": "String", "n": "Int64"}


def test_pieces_end_where_records_end(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('a,b\n"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten",1\nx,2\ny,3\n')
    whole = pl.concat(batches(path).frames(frozenset("a")), how="vertical_relaxed")
    assert whole.height == 3
    assert_frame_equal(whole, read(path), check_dtypes=False)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a,b\n" + "1,2\n" * 40 + "1,2,3\n", r"line 42 has 3 fields, the header has 2"),
        ("a,b\n" + "1,2\n" * 40 + '"1,2\n', r"quote is not closed"),
        (b"a,b\n" + b"1,2\n" * 40 + b"\xff,1\n", r"line 42: byte 0xFF is not UTF-8"),
    ],
)
def test_faults_are_named_by_their_line(tmp_path, content, told):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=told):
        gather(batches(path), "x", tmp_path / "cache")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_damaged_file_is_said_to_be_so(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    path.write_bytes(b"PAR1 and nothing more" * 20)
    with pytest.raises(InputError, match="is not a whole"):
        gather(batches(path), "x", tmp_path / "cache")


def test_what_can_only_be_read_whole_is_refused(tmp_path):
    path = tmp_path / "table.jsonl"
    path.write_text('{"a": 1}\n')
    with pytest.raises(InputError, match="only be read whole: convert it to Parquet"):
        batches(path)


def test_a_quote_opens_a_field_at_its_start_alone(tmp_path):
    """As reading it whole has it: elsewhere a quote is a letter, and nothing is sought that would close it."""
    path = tmp_path / "table.csv"
    path.write_text('name,n\n5" disk,1\n"x\ny",2\n' + "plain,3\n" * 20 + '7" disk,4\n' + '"a ""b""\n",5\n' * 5)
    assert_same_table(path, tmp_path / "cache")


def test_a_header_may_hold_a_line_s_end(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('"first\nname",n\n' + "".join(f"a,{i}\n" for i in range(40)))
    assert_same_table(path, tmp_path / "cache")


def test_one_stray_quote_costs_no_time(tmp_path, monkeypatch):
    """A search for its end from every line would take as the square of the lines."""
    calls = []
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 1 << 16)
    path = tmp_path / "table.csv"
    path.write_text('name,n\n5" disk,1\n' + "plain,3\n" * 20_000)
    monkeypatch.setattr(module, "separated", lambda *_, **__: calls.append(1))
    list(batches(path).frames(frozenset()))
    assert len(calls) == 3, "pieces, not the whole file"


@pytest.mark.parametrize(("kind", "fault"), [(".parquet", "text"), (".arrow", "text"), (".arrow", "index")])
def test_pieces_are_checked_before_polars_sees_them(tmp_path, kind, fault):
    if fault == "text":
        broken = pa.Array.from_buffers(
            pa.string(), 2, [None, pa.py_buffer(np.array([0, 1, 2], np.int32)), pa.py_buffer(b"\xff\xfe")]
        )
    else:
        broken = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["a"]), safe=False)
    table, path = pa.table({"x": broken}), tmp_path / f"table{kind}"
    if kind == ".arrow":
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
    else:
        pq.write_table(table, path)
    with pytest.raises(InputError, match=r"is not a whole (parquet|arrow) file"):
        list(batches(path).frames(frozenset()))


def test_batches_without_rows_are_none(tmp_path):
    path, some = tmp_path / "table.arrow", [pa.record_batch({"x": pa.array(x, pa.float64())}) for x in ([1.5, 2.5], [])]
    with pa.ipc.new_stream(str(path), some[0].schema) as stream:
        for place in (0, 1, 0):
            stream.write_batch(some[place])
    assert [frame.height for frame in batches(path).frames(frozenset())] == [2, 2]
