"""Files as people have them: read as meant, or refused with the line at fault."""

import datetime
import gzip
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.readers import KNOWN, read
from goodfit.errors import InputError

FRAME = pl.DataFrame({"n": [1.5, None, -2.0], "t": ["a", None, "b"], "d": [datetime.date(2024, 5, 1)] * 3})


def written(tmp_path: Path, content: bytes, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def as_bytes(method: str, frame: pl.DataFrame = FRAME) -> bytes:
    buffer = io.BytesIO()
    getattr(frame, method)(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", as_bytes("write_csv")),
        ("T.CSV", as_bytes("write_csv")),
        ("t.tsv", as_bytes("write_csv").replace(b",", b"\t")),
        ("t.tab", as_bytes("write_csv").replace(b",", b"\t")),
        ("t.txt", as_bytes("write_csv").replace(b",", b"|")),
        ("t.csv.gz", gzip.compress(as_bytes("write_csv"), mtime=0)),
        ("t.parquet", as_bytes("write_parquet")),
        ("t.arrow", as_bytes("write_ipc")),
        ("t.feather", as_bytes("write_ipc")),
        ("t.ipc", as_bytes("write_ipc_stream")),
        ("a[1]*.parquet", as_bytes("write_parquet")),
    ],
)
def test_every_kind_gives_the_same_frame(tmp_path, name, content):
    assert read(written(tmp_path, content, name)).equals(FRAME)
    assert read(str(tmp_path / name)).equals(FRAME)


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson"])
def test_json_lines(tmp_path, name):
    frame = read(written(tmp_path, b'{"n":1.5,"t":"a"}\n\n{"t":null}\r\n{"n":2,"t":"b","u":true}\n', name))
    assert frame.to_dict(as_series=False) == {"n": [1.5, None, 2.0], "t": ["a", None, "b"], "u": [None, None, True]}


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_in_the_header(tmp_path, separator):
    text = f'"a,;|x"{separator}b{separator}c\n1{separator}x y{separator}2\n'
    assert read(written(tmp_path, text.encode())).rows() == [(1, "x y", 2)]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        (b"a\n1\nNA\n?\nN/A\nNaN\nnan\nnull\nNULL\n2.5\n", {"a": [1.0, *[None] * 7, 2.5]}),
        (b"a, b\n1, 2\n?, NA\n", {"a": [1, None], "b": [2.0, None]}),
        (b"a;b\n1,5;x\n-2;y,z\n", {"a": [1.5, -2.0], "b": ["x", "y,z"]}),
        (b"a,b\n1,inf\n2,3\n", {"a": [1, 2], "b": [np.inf, 3.0]}),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4\r\n\r\n", {"a": [1, 3], "b": [2, 4]}),
        (b"a,b\r1,2\r3,4\r", {"a": [1, 3], "b": [2, 4]}),
        (b"\n\na\n1\n\n3\n", {"a": [1, 3]}),
        (b'a,b\n1,"x\n\ny"\n2,"q,""z"\n', {"a": [1, 2], "b": ["x\n\ny", 'q,"z']}),
        (b'a,b\n5" pipe,3\n6,4\n', {"a": ['5" pipe', "6"], "b": [3, 4]}),
        (b"a,b\n,\n1,2\n", {"a": [None, 1], "b": [None, 2]}),
        (b"a,,b\n1,2,3", {"a": [1], "column 2": [2], "b": [3]}),
        (b"a\ntrue\nfalse\n", {"a": [True, False]}),
        (
            b"a\n2024-05-01 10:00:00\n2024-05-02 11:30:00\n",
            {"a": [datetime.datetime(2024, 5, 1, 10), datetime.datetime(2024, 5, 2, 11, 30)]},
        ),
        (b"a\n" + b"1\n" * 5000 + b"1.5\n", {"a": [1.0] * 5000 + [1.5]}),
    ],
)
def test_separated_text_as_people_write_it(tmp_path, content, columns):
    assert read(written(tmp_path, content)).to_dict(as_series=False) == columns


cell = st.one_of(st.integers(-99, 99).map(str), st.text(st.sampled_from('ab ,;"\n\té'), max_size=5))


@settings(deadline=None)
@given(st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1, max_size=8))
def test_text_written_by_polars_comes_back(tmp_path_factory, rows):
    frame = pl.DataFrame(rows, schema={"name one": pl.String, "b": pl.String}, orient="row")
    path = written(tmp_path_factory.mktemp("text"), as_bytes("write_csv", frame))
    back = read(path)
    assert back.shape == frame.shape
    for one, other in zip(frame, back, strict=True):
        texts = [None if text.strip() == "" else text.strip() for text in one]
        if other.dtype == pl.String:
            assert other.to_list() == texts
        else:
            assert other.to_list() == [None if text is None else float(text) for text in texts]


PARQUET = as_bytes("write_parquet")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"", ["is empty"]),
        ("t.parquet", b"", ["is empty"]),
        ("t.csv", b" \n\n", ["is empty"]),
        ("t.csv", b"a,b\n", ["no rows"]),
        ("t.csv", b"a,b", ["no rows"]),
        ("t.parquet", as_bytes("write_parquet", FRAME.head(0)), ["no rows"]),
        ("t.csv", b"a,b,a\n1,2,3\n", ["'a'", "more than one"]),
        ("t.csv", b"a,b\n1,2\n3\n", ["line 3 has 1 field,", "header has 2"]),
        ("t.csv", b"a,b\n1,2,3\n3,4\n", ["line 2 has 3 fields,", "header has 2"]),
        ("t.csv", b'\na,b\n1,"x\ny"\n\n3\n', ["line 6 has 1 field,"]),
        ("t.csv", b'a,b\n1,"x\n', ["line 2", "quote"]),
        ("t.csv", b"a,b\n1,x\n2,\xe9\n", ["line 3", "0xE9", "save it as UTF-8"]),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), ["line 1", "0xFF", "save it as UTF-8"]),
        ("t.xls", b"a", ["'.xls'", *KNOWN]),
        ("t", b"a", ["unknown kind of file ''"]),
        ("t.parquet", b"no parquet", ["parquet", "not a whole"]),
        ("t.parquet", PARQUET[:-20], ["parquet", "not a whole"]),
        ("t.arrow", as_bytes("write_ipc")[:50], ["arrow", "not a whole"]),
        ("t.jsonl", b'{"a":1}\n\nfoo\n', ["line 3", "JSON"]),
        ("t.jsonl", b'{"a":1}\n[1]\n', ["line 2", "JSON"]),
        ("t.jsonl", b'{"a":1}\n{"a":NaN}\n', ["line 2", "null"]),
        ("t.jsonl", b'{"a":"\xff"}\n', ["line 1", "UTF-8"]),
        ("t.csv.gz", b"a,b\n1,2\n", ["gzip"]),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4], ["gzip"]),
    ],
)
def test_faults_are_one_line_with_the_file_and_the_place(tmp_path, name, content, words):
    path = written(tmp_path, content, name)
    with pytest.raises(InputError) as error:
        read(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert all(word in message for word in words), message


def test_absent_files_and_folders(tmp_path):
    with pytest.raises(InputError, match=r"there is no file .*none\.csv"):
        read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a folder"):
        read(tmp_path)


def test_files_without_permission(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, b"a\n1\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="no permission to read"):
        read(path)
