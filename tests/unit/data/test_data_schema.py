"""The structure that all folds share: inputs a column, columns left out and why, and what a new table must have."""

import datetime
import json

import numpy as np
import polars as pl
import pytest

from goodfit.data.schema import MAX_LEVELS, Schema
from goodfit.data.table import to_table
from goodfit.errors import InputError

DAYS = [datetime.date(2024, 1, day) for day in (1, 2, 3, 4)]


def table(**columns):
    return to_table(pl.DataFrame(columns, strict=False))


def test_layout_of_every_kind():
    schema = Schema.of(
        table(
            size=[1.0, None, 2.0, 3.0],
            rooms=[1, 2, 3, 4],
            new=[True, False, None, True],
            town=["b", "a", "b", "c"],
            street=["x", None, "x", "y"],
            day=DAYS,
            at=[datetime.datetime(2024, 1, 1, 6), None, None, None],
        )
    )
    assert schema.input_names == (
        *("size", "size (missing)", "rooms", "new", "new (missing)"),
        *("town=b", "town (other)", "street=x", "street (other)", "street (missing)"),
        *("day", "day (year day sin)", "day (year day cos)", "day (week day sin)", "day (week day cos)"),
        *("at", "at (year day sin)", "at (year day cos)", "at (week day sin)", "at (week day cos)"),
        *("at (hour sin)", "at (hour cos)", "at (missing)"),
    )
    assert schema.input_columns == (0, 0, 1, 2, 2, 3, 3, 4, 4, 4, *[5] * 5, *[6] * 8)
    assert schema.names == ("size", "rooms", "new", "town", "street", "day", "at")
    assert schema.starts == (0, 2, 3, 5, 7, 10, 15, 23)
    assert schema.notes == ()


def test_pieces_of_numbers_stand_between_the_number_and_its_indicator():
    columns = {
        "size": [1.0, None, 2.0, 3.0, 3.0],
        "rooms": [1, 2, 3, 4, 5],
        "two": [0, 1, 1, 0, 1],
        "new": [True, False, None, True, True],
        "town": ["b", "a", "b", "c", "a"],
        "day": [*DAYS, DAYS[0]],
    }
    schema, plain = Schema.of(table(**columns), 3), Schema.of(table(**columns))
    assert schema.input_names[:10] == (
        *("size", "size[1]", "size[2]", "size (missing)"),
        *("rooms", "rooms[1]", "rooms[2]", "rooms[3]"),
        *("two", "new"),
    )
    assert schema.input_columns[:10] == schema.form.columns[:10] == (0, 0, 0, 0, 1, 1, 1, 1, 2, 3)
    assert schema.starts[:4] == (0, 4, 8, 9)
    assert schema.input_names[8:] == plain.input_names[3:]
    assert [field.pieces for field in schema.fields] == [2, 3, 0, 0, 0, 0]


@pytest.mark.parametrize(("pieces", "room"), [(0, 0), (1, 0), (2, 2), (5, 5), (6, 6), (7, 6), (32, 6)])
def test_a_number_has_no_more_pieces_than_distinct_values_less_one(pieces, room):
    (field,) = Schema.of(table(n=[1.0, 2, 2, 3, 4, 5, 6, 7, 7, None]), pieces).fields
    assert field.pieces == room
    assert len(field.inputs) == 2 + room


@pytest.mark.parametrize("cut", [True, False])
@pytest.mark.parametrize("most", [0, 1, 2, 6, 40, 64])
def test_a_schema_with_fewer_pieces_is_that_of_the_table_with_fewer(most, cut):
    random = np.random.default_rng(0)
    columns = {"few": random.integers(4, size=5000) / 7, "late": [0.5] * 4900 + [*range(100)]}
    rows = table(**columns, many=random.normal(size=5000), text=["x", "y"] * 2500, yes=[True, False] * 2500)
    assert Schema.of(rows, 64).with_pieces(most, cut=cut) == Schema.of(rows, most, cut=cut)
    assert Schema.of(rows, 64, cut=True).with_pieces(most, cut=cut) == Schema.of(rows, most, cut=cut)
    assert [field.pieces for field in Schema.of(rows, 64).fields] == [3, 64, 64, 0, 0]


def test_most_frequent_levels_have_an_input_ties_by_name():
    texts = [f"{i:03}" for i in range(MAX_LEVELS + 2) for _ in range(2)] + ["999"] * 3 + ["once"]
    (field,) = Schema.of(table(code=texts)).fields
    assert field.frequency
    assert field.levels == (*(f"{i:03}" for i in range(MAX_LEVELS - 1)), "999")
    assert Schema.of(table(code=texts[: 2 * MAX_LEVELS + 2])).fields[0].frequency
    assert not Schema.of(table(code=texts[: 2 * MAX_LEVELS])).fields[0].frequency


def test_useless_columns_are_left_out_with_a_note_each():
    schema = Schema.of(
        table(
            id=["a", "b", "c", "d"],
            empty=[None] * 4,
            same=[5, 5, 5, 5],
            word=["x"] * 4,
            kept=[5, 5, 5, None],
            number=[1, 2, 3, 4],
        )
    )
    assert schema.names == ("kept", "number")
    assert schema.notes == (
        "column 'id' is different in every row: not used",
        "column 'empty' is empty in every row: not used",
        "column 'same' is the same in every row: not used",
        "column 'word' is the same in every row: not used",
    )


def test_many_notes_of_one_reason_are_one_line():
    schema = Schema.of(to_table(np.c_[np.zeros((3, 7)), [1, 2, 3]]))
    assert schema.notes == ("7 columns are the same in every row: not used ('x0', 'x1', 'x2', 'x3', 'x4', ...)",)


def test_nothing_left_is_refused():
    with pytest.raises(InputError, match="no column can be used: column 'a' is the same in every row: not used"):
        Schema.of(table(a=[1, 1]))


def test_round_trip_by_json():
    times = [datetime.datetime(2024, 1, 1, 6), None, None, None]
    columns = {"size": [1.0, None, 2.0, 3.0], "town": ["a", "a", "b", None], "at": times}
    for pieces in (0, 2):
        schema = Schema.of(table(**columns), pieces)
        assert schema.fields[0].pieces == pieces
        assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


def test_fields_written_before_there_were_pieces_have_none():
    schema = Schema.of(table(size=[1.0, None, 2.0, 3.0], town=["a", "a", "b", None]))
    state = json.loads(json.dumps(schema.to_dict()))
    for field in state["fields"]:
        del field["pieces"]
    assert Schema.from_dict(state) == schema


def test_check_reorders_and_ignores_what_training_did_not_use():
    schema = Schema.of(table(size=[1.0, 2.0], town=["a", None], same=[1, 1]))
    checked = schema.check(table(extra=[1, 2], town=["new", "a"], size=[3, 4]))
    assert checked.names == ("size", "town")
    assert checked.columns[1].levels == ("a", "new")
    np.testing.assert_array_equal(checked.columns[0].values, [3, 4])


def test_check_accepts_empty_columns_of_any_type_and_booleans_for_zeros_and_ones():
    schema = Schema.of(table(n=[1.0, 2.0], b=[True, False], c=["a", None], d=[*DAYS[:2]]))
    empty = schema.check(table(n=[None] * 2, b=[None] * 2, c=[None] * 2, d=[None] * 2))
    assert [c.kind for c in empty.columns] == ["number", "boolean", "category", "date"]
    assert all(c.missing.all() for c in empty.columns)
    swapped = schema.check(table(n=[True, False], b=[1, 0], c=["a", "b"], d=DAYS[:2]))
    assert [c.kind for c in swapped.columns] == ["number", "boolean", "category", "date"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": ["x", "abc"]}, ["'n' holds text, e.g. 'x' in row 1", "was numbers"]),
        ({"n": [None, "abc"]}, ["'abc' in row 2"]),
        ({"b": [1, 7]}, ["'b' holds numbers, e.g. 7 in row 2", "was booleans"]),
        ({"c": [1, 2]}, ["'c' holds numbers, e.g. 1 in row 1", "was text"]),
        ({"d": ["2024-01-01", "x"]}, ["'d' holds text", "was dates"]),
        ({"n": DAYS[:2]}, ["'n' holds dates, e.g. 2024-01-01", "was numbers"]),
    ],
)
def test_check_refuses_other_types(change, words):
    good = {"n": [1.0, 2.0], "b": [True, False], "c": ["a", None], "d": DAYS[:2]}
    schema = Schema.of(table(**good))
    with pytest.raises(InputError) as error:
        schema.check(table(**(good | change)))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_check_names_absent_columns():
    schema = Schema.of(table(a=[1, 2], b=[1, 2]))
    with pytest.raises(InputError, match="column 'b' is missing from the new table"):
        schema.check(table(a=[1, 2]))
    with pytest.raises(InputError, match="columns 'a', 'b' are missing from the new table"):
        schema.check(table(c=[1, 2]))
