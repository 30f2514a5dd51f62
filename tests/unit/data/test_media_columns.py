"""Columns of pictures, sounds and texts: from arrays and lists to inputs, and to JSON and back."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from goodfit.data.encoder import Encoder, fit_encoder
from goodfit.data.media import MEDIA, medium_of, picture_table, read_rows, sound_table, text_table, texts_of
from goodfit.data.schema import Schema
from goodfit.data.splits import distinct
from goodfit.data.table import Column, Table, to_table
from goodfit.data.words import fit_vocabulary
from goodfit.errors import InputError
from goodfit.regularizers.form import Form
from goodfit.sounds.mel import SILENCE

random = np.random.default_rng(0)
GREY = random.integers(0, 256, (6, 5, 4), dtype=np.uint8)
RED = random.integers(0, 256, (6, 3, 5, 4), dtype=np.uint8)
LEVELS = random.uniform(-80, 0, (6, 64, 7)).astype(np.float32)
TEXTS = ["so good", "so bad", "good good film", "", "bad film", "so good"]
TABLES = {"image": picture_table(RED), "sound": sound_table(LEVELS), "text": text_table(TEXTS)}
EACH = pytest.mark.parametrize("kind", MEDIA)


def encoder_of(table: Table) -> Encoder:
    """An encoder of these rows, with a vocabulary where they are texts."""
    encoder = fit_encoder(table, Schema.of(table))
    if table.columns[0].kind != "text":
        return encoder
    words = fit_vocabulary([[text] for text in texts_of(table.columns[0])])
    return replace(encoder, schema=encoder.schema.with_shape((len(words.terms),)), vocabulary=words)


def refused(call, *parts: str) -> None:
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


# -- pictures ---------------------------------------------------------------------------------------------------------

SHAPES = {
    "grey": (GREY, GREY[:, None]),
    "grey, channels first": (GREY[:, None], GREY[:, None]),
    "grey, channels last": (GREY[..., None], GREY[:, None]),
    "colours, channels first": (RED, RED),
    "colours, channels last": (np.moveaxis(RED, 1, 3), RED),
    "a list of pictures": (list(GREY), GREY[:, None]),
    "not contiguous": (np.asfortranarray(GREY), GREY[:, None]),
}


@pytest.mark.parametrize(("given", "wanted"), SHAPES.values(), ids=SHAPES)
def test_pictures_of_every_shape_come_channels_first(given, wanted):
    (column,) = picture_table(given).columns
    assert (column.kind, column.values.dtype, column.values.flags.c_contiguous) == ("image", np.uint8, True)
    np.testing.assert_array_equal(column.values, wanted)
    assert not column.missing.any()


def test_three_channels_first_are_taken_where_both_ends_could_be_channels():
    both = random.integers(0, 256, (4, 3, 8, 3), dtype=np.uint8)
    np.testing.assert_array_equal(picture_table(both).columns[0].values, both)


BAD_PICTURES = {
    "floats": (GREY.astype(np.float32), ("float32", "0 to 255 as uint8")),
    "wider whole numbers": (GREY.astype(np.int64), ("int64", "uint8")),
    "booleans": (GREY > 9, ("bool", "uint8")),
    "no pictures": (GREY[:0], ("shape (0, 5, 4)", "(n, height, width) or (n, channels, height, width)")),
    "no pixels": (GREY[:, :0], ("shape (6, 0, 4)",)),
    "two channels": (RED[:, :2], ("shape (6, 2, 5, 4)", "1 channel (grey) or 3")),
    "four channels last": (np.zeros((6, 5, 5, 4), np.uint8), ("1 channel (grey) or 3",)),
    "one picture": (GREY[0], ("shape (5, 4)",)),
    "a film": (RED[None], ("shape (1, 6, 3, 5, 4)",)),
}


@pytest.mark.parametrize(("given", "parts"), BAD_PICTURES.values(), ids=BAD_PICTURES)
def test_what_is_no_pictures_is_refused(given, parts):
    refused(lambda: picture_table(given), "pictures", *parts)


@settings(deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 255)))
def test_pixels_become_inputs_on_one_scale_row_by_row(pixels):
    """Black is -2 and white 2 whatever else there is, and the channels lie one after the other."""
    table = picture_table(np.concatenate([pixels, 255 - pixels, np.zeros_like(pixels)]))
    schema = Schema.of(table)
    inputs = fit_encoder(table, schema).transform(table)
    assert inputs.dtype == np.float32
    np.testing.assert_allclose(inputs[: len(pixels)], pixels.reshape(len(pixels), -1) / 63.75 - 2, atol=1e-5)
    np.testing.assert_allclose(inputs[-len(pixels) :], -2)
    assert schema.form == Form("image", (1, *pixels.shape[1:]))


def test_the_channels_of_an_input_lie_one_after_the_other():
    inputs = encoder_of(TABLES["image"]).transform(TABLES["image"])
    np.testing.assert_allclose(inputs.reshape(6, 3, 5, 4), RED / 63.75 - 2, atol=1e-5)


# -- sounds -----------------------------------------------------------------------------------------------------------


def test_levels_become_inputs_on_one_scale():
    table = TABLES["sound"]
    inputs = encoder_of(table).transform(table)
    np.testing.assert_allclose(inputs.reshape(6, 64, 7), (LEVELS + 40) / 20, atol=1e-5)
    silent = sound_table(np.full((1, 64, 7), SILENCE, np.float32))
    assert (encoder_of(table).transform(silent) == -2).all()
    assert Schema.of(table).form == Form("sound", (1, 64, 7))


# -- texts ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=20))
def test_texts_of_any_letters_come_back_and_none_is_empty(texts):
    column = text_table(texts).columns[0]
    assert texts_of(column) == [text or "" for text in texts]
    assert column.levels == tuple(sorted(set(column.levels)))
    assert not column.missing.any()


def test_a_text_that_is_missing_is_empty():
    column = Column("t", "text", np.array([1, -1, 0], np.int32), ("a", "b"))
    assert texts_of(column) == ["b", "", "a"]
    assert column.missing.tolist() == [False, True, False]


def test_what_is_no_texts_is_refused():
    refused(lambda: text_table(["a", 7]), "text 2 is 7", "give texts")
    refused(lambda: text_table([]), "no texts", "give one or more")
    refused(lambda: text_table(["fine", "half \ud83d of one"]), "text 2 holds '\\ud83d'", "replace")


ALIKE = {
    "list": ["b", "a", "b"],
    "tuple": ("b", "a", "b"),
    "array": np.array(["b", "a", "b"]),
    "array of objects": np.array(["b", "a", "b"], dtype=object),
    "pandas": pd.Series(["b", "a", "b"], name="x"),
    "pandas' texts": pd.Series(["b", "a", "b"], dtype="string"),
    "pandas' categories": pd.Series(["b", "a", "b"], dtype="category"),
    "polars": pl.Series("x", ["b", "a", "b"]),
}


@pytest.mark.parametrize("given", ALIKE.values(), ids=ALIKE)
def test_texts_of_every_library_are_texts(given):
    (column,) = read_rows(given).columns
    assert (column.kind, column.levels, column.values.tolist()) == ("text", ("a", "b"), [1, 0, 1])


@pytest.mark.parametrize(
    "given",
    [
        ["b", None, "b"],
        np.array(["b", None, "b"], dtype=object),
        pd.Series(["b", None, "b"]),
        pd.Series(["b", np.nan, "b"], dtype=object),
        pd.Series(["b", pd.NA, "b"], dtype="string"),
        pl.Series(["b", None, "b"]),
    ],
    ids=["list", "array", "pandas", "pandas' objects", "pandas' texts", "polars"],
)
def test_among_texts_one_that_is_missing_is_empty(given):
    assert texts_of(read_rows(given).columns[0]) == ["b", "", "b"]


# -- rows of any kind -------------------------------------------------------------------------------------------------


def test_rows_tell_what_they_are():
    assert read_rows(GREY).columns[0].kind == "image"
    assert read_rows(RED).columns[0].kind == "image"
    assert read_rows(pd.DataFrame({"a": ["x", "y"]})).columns[0].kind == "category"
    assert read_rows([["x"], ["y"]]).columns[0].kind == "category"
    assert read_rows([[1.0], [2.0]]).columns[0].kind == "number"
    assert read_rows(GREY[0]).columns[0].kind == "number"
    assert read_rows(TABLES["sound"]) is TABLES["sound"]


@pytest.mark.parametrize(
    "given",
    [["a", 1], [1, 2], [None, None], [], "abc", GREY.astype(float), RED[None], ["a", ["b"]], ["a", GREY], b"ab"],
    ids=["text and number", "numbers", "none", "nothing", "one text", "floats", "films", "list", "array", "bytes"],
)
def test_what_can_be_no_rows_is_refused_in_one_line(given):
    refused(lambda: read_rows(given))


@EACH
def test_a_medium_stands_alone(kind):
    table = TABLES[kind]
    assert medium_of(table) is table.columns[0]
    number = Column("n", "number", np.arange(6.0))
    assert medium_of(Table((number,), 6)) is None
    refused(lambda: medium_of(Table((number, *table.columns), 6)), f"column '{kind}' holds {kind}s", "alone")
    refused(lambda: Schema.of(Table((number, *table.columns), 6)), "alone")


@EACH
def test_equal_rows_are_merged_and_others_are_not(kind):
    table = TABLES[kind].take(np.array([0, 1, 0, 2, 2, 0]))
    target = np.array([0, 0, 0, 1, 0, 0])
    found = distinct(table, target, order="first")
    assert (found.rows.tolist(), found.counts.tolist()) == ([0, 1, 3, 4], [3, 1, 1, 1])
    assert found.inverse.tolist() == [0, 1, 0, 2, 3, 0]


@EACH
def test_the_order_of_merged_rows_is_decided_by_their_content(kind):
    """A text's hash is its own, though its code depends on the other texts."""
    table, shuffled = TABLES[kind].take(np.arange(5)), np.array([3, 0, 4, 2, 1])
    target = np.arange(5) % 2
    one = distinct(table, target, order="content").rows
    other = distinct(table.take(shuffled), target[shuffled], order="content").rows
    assert one.tolist() == shuffled[other].tolist()
    if kind == "text":
        more = text_table([*TEXTS[:5], "aaa"])
        again = distinct(more, np.array([*target, 0]), order="content").rows
        assert [row for row in again.tolist() if row < 5] == one.tolist()


@settings(deadline=None)
@given(st.integers(0, 5), st.integers(0, 2), st.integers(0, 4), st.integers(0, 3))
def test_one_pixel_makes_another_picture(row, channel, down, across):
    changed = RED.copy()
    changed[row, channel, down, across] ^= 1
    both = picture_table(np.concatenate([RED, changed]))
    found = distinct(both, np.zeros(12), order="first")
    assert len(found.rows) == 7
    assert found.inverse[6:].tolist() == [6 if place == row else place for place in range(6)]


# -- schema and encoder -----------------------------------------------------------------------------------------------


@EACH
def test_schema_and_encoder_come_back_from_json(kind):
    table = TABLES[kind]
    encoder = encoder_of(table)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict(), allow_nan=False)))
    assert again.schema == encoder.schema
    assert (again.schema.form, again.vocabulary) == (encoder.schema.form, encoder.vocabulary)
    assert again.schema.form.kind == kind
    for dtype in (np.float32, np.float64):
        one, other = (e.transform(table, dtype) for e in (encoder, again))
        assert one.dtype == dtype
        assert one.shape == (6, len(encoder.schema.input_names))
        np.testing.assert_array_equal(one, other)
    assert np.abs(encoder.transform(table)).max() > 1


@EACH
def test_nothing_is_learned_from_other_rows(kind):
    """Pictures and sounds are encoded one way whatever the rows; the structure alone comes from all of them."""
    table = TABLES[kind]
    schema = Schema.of(table)
    one, other = (fit_encoder(table, schema, np.array(rows)) for rows in ([0, 1], [3, 4, 5]))
    assert one.to_dict() == other.to_dict()


@EACH
def test_rows_that_are_all_the_same_can_not_be_learned_from(kind):
    same = TABLES[kind].take(np.zeros(6, np.int64))
    refused(lambda: Schema.of(same), f"'{kind}' is the same in every row", "no column can be used")


def test_a_new_table_must_have_the_shape_of_the_training():
    schema = Schema.of(TABLES["image"])
    refused(lambda: schema.check(picture_table(RED[..., :3])), "pictures", "(3, 5, 3)", "(3, 5, 4)")
    refused(lambda: schema.check(picture_table(GREY)), "(1, 5, 4)", "bring them to that shape")
    refused(lambda: Schema.of(TABLES["sound"]).check(sound_table(LEVELS[..., :6])), "sounds", "(1, 64, 6)")
    assert schema.check(picture_table(RED[:2])).rows == 2


@EACH
@pytest.mark.parametrize("other", [*MEDIA, "numbers"])
def test_a_new_table_of_another_kind_is_refused(kind, other):
    table = to_table(np.arange(6.0)[:, None]) if other == "numbers" else TABLES[other]
    renamed = table.renamed([kind])
    schema = encoder_of(TABLES[kind]).schema
    if other == kind:
        assert schema.check(renamed).rows == 6
        return
    refused(lambda: schema.check(renamed), f"column '{kind}' holds", "in training")
    numbers = Schema.of(to_table(np.arange(6.0)[:, None], names=["x"]))
    if other != "numbers":
        refused(lambda: numbers.check(TABLES[other].renamed(["x"])), "column 'x' holds", "was numbers")


def test_new_texts_may_come_as_a_column_of_categories_with_gaps():
    encoder = encoder_of(TABLES["text"])
    frame = to_table(pl.DataFrame({"text": ["so good", None, "never seen"]}))
    inputs = encoder.transform(frame)
    np.testing.assert_array_equal(inputs[0], encoder.transform(text_table(["so good"]))[0])
    assert not inputs[1:].any()


def test_a_new_table_without_the_column_is_refused():
    refused(lambda: Schema.of(TABLES["text"]).check(text_table(["a"], "other")), "column 'text' is missing")


def test_more_or_fewer_names_than_columns_are_refused():
    refused(lambda: TABLES["text"].renamed(["a", "b"]), "1 column where 2 are wanted")
