"""Augmented examples: which techniques show on them, what files are called, and how rows and texts are written."""

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goodfit.data.table import to_column
from goodfit.errors import InputError
from goodfit.regularizers import Recipe, families
from goodfit.studies.augmenting.rewriting import MOST_SHOWN, beginning, compare_texts, vary_texts
from goodfit.studies.augmenting.rows import components, synthesize, telling_columns, written_as
from goodfit.studies.augmenting.sources import LONGEST_STEM, plain_name, stems
from goodfit.studies.augmenting.techniques import SHOWN, read_techniques, usable
from goodfit.studies.problem import read_problem

KINDS = tuple(SHOWN)
words = st.lists(st.sampled_from(["good", "bad", "film", ",", ".", "so", "\n", "Größe", "don't"]), max_size=30)
texts = words.map(" ".join)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", families())
def test_each_technique_is_shown_or_refused_in_one_line(name, kind):
    if name in usable(kind):
        assert str(read_techniques(name, kind)).startswith(f"{name}=")
        return
    with pytest.raises(InputError, match=name) as refused:
        read_techniques(name, kind)
    assert "\n" not in str(refused.value)


def test_why_a_technique_is_refused():
    with pytest.raises(
        InputError, match="gaussian_noise acts on encoded rows in training; only smote makes rows to look"
    ):
        read_techniques("gaussian_noise=1", "table")
    with pytest.raises(InputError, match="rotate acts on pictures, not on sounds: leave it out of --with"):
        read_techniques("rotate=15", "sound")
    with pytest.raises(InputError, match="l2 changes no pictures: leave it out of --with, and name brightness, "):
        read_techniques("flip, l2=0.1", "image")


@pytest.mark.parametrize("nothing", ["", "none", "flip=0", "rotate=0, mixup=0"])
def test_nothing_to_show_is_refused(nothing):
    with pytest.raises(InputError, match="changes nothing: name techniques, of brightness, "):
        read_techniques(nothing, "image")


def test_what_does_nothing_is_left_out():
    assert str(read_techniques("rotate=0, flip=1", "image")) == "flip=1"


names = st.lists(
    st.text(st.characters(codec=None), min_size=1, max_size=200).map(lambda t: t.replace("\0", "a")), max_size=8
)


@given(names)
@example(["/", ".", "..", "", "/"])
def test_stems_are_different_and_any_system_takes_them(given_names):
    found = stems(given_names)
    assert len(found) == len(given_names)
    assert len({stem.lower() for stem in found}) == len(found)
    for stem in found:
        assert stem
        assert not set(stem) & set('/\\:*?"<>|\n ')
        assert len(stem.encode()) <= LONGEST_STEM + len("_99")


def test_stems_say_the_folder_only_where_names_alone_are_not_enough():
    assert stems(["a/1.png", "b/1.png", "b/2.png"]) == ("a-1", "b-1", "2")
    assert stems(["a-1.png", "a/1.png", "b/1.PNG"]) == ("a-1", "a-1_2", "b-1")
    assert plain_name("..") == "_"


@given(texts, texts)
def test_pieces_put_together_are_the_text_and_its_variant(text, variant):
    pieces = compare_texts(text, variant)
    assert "".join(piece.text for piece in pieces if piece.what != "inserted") == text
    assert "".join(piece.text for piece in pieces if piece.what != "deleted") == variant
    assert all(piece.text for piece in pieces)


def test_a_long_text_is_compared_at_its_beginning():
    text = " ".join(f"w{number}" for number in range(100_000))
    variant = text.replace("w3 ", "").replace("w150 ", "other ")
    pieces = compare_texts(text, variant)
    assert [piece.text for piece in pieces if piece.what == "inserted"] == ["other"]
    assert [piece.text.strip() for piece in pieces if piece.what == "deleted"] == ["w3", "w150"]
    assert beginning(text) == "".join(piece.text for piece in pieces if piece.what != "inserted")
    assert len(beginning(text).split()) == MOST_SHOWN // 2 + len(["…"])
    assert pieces[-1].text == "…"
    assert len(beginning("a" * 10_000_000)) < 20_000


def test_a_variant_of_a_text_depends_on_its_row_and_number_alone():
    recipe, some = Recipe.parse("word_swap=0.5"), ["one two three four five six"] * 3
    whole = vary_texts(some, [4, 5, 9], recipe, count=3, seed=1)
    assert vary_texts(some[:1], [5], recipe, count=2, seed=1) == [whole[1][:2]]
    assert len({text for variants in whole for text in variants}) > 5
    assert vary_texts(some, [4, 5, 9], recipe, count=3, seed=2) != whole


COLUMNS = {
    "whole numbers": pl.Series([1, None, 3]),
    "small whole numbers": pl.Series([1, 2, 3], dtype=pl.UInt8),
    "numbers": pl.Series([1.5, 2.25, None]),
    "single precision": pl.Series([0.5, 0.1, None], dtype=pl.Float32),
    "decimals": pl.Series(["1.50", "2.25"]).cast(pl.Decimal(10, 2)),
    "booleans": pl.Series([True, None, False]),
    "text": pl.Series(["b", None, "a"]),
    "levels": pl.Series(["b", "a", "b"], dtype=pl.Categorical),
    "dates": pl.Series([datetime.date(2024, 2, 29), None, datetime.date(1969, 7, 20)]),
    "instants": pl.Series([datetime.datetime(2024, 2, 29, 12, 30, 1, 250), None]),
    "zoned": pl.Series([datetime.datetime(2024, 2, 29, 12, 30)]).dt.replace_time_zone("Europe/Berlin"),
    "durations": pl.Series([datetime.timedelta(hours=1, microseconds=3), None]),
    "times": pl.Series([datetime.time(12, 30, 1), None]),
    "nothing": pl.Series([None, None]),
}


@pytest.mark.parametrize("values", COLUMNS.values(), ids=COLUMNS)
def test_values_are_written_as_the_table_has_them(values):
    values = values.alias("x")
    written = written_as(to_column(values, "x"), values)
    assert written.name == "x"
    assert written.to_list() == values.to_list()
    assert written.dtype == (pl.String if values.dtype == pl.Categorical else values.dtype)


def test_synthetic_numbers_have_as_many_decimals_as_real_ones():
    values = to_column([1 / 3, 2 / 3], "x")
    assert written_as(values, pl.Series("x", [0.25, 1.5])).to_list() == [0.33, 0.67]
    assert written_as(values, pl.Series("x", [1.0, 2.0])).to_list() == [0.0, 1.0]
    assert written_as(values, pl.Series("x", [1 / 3])).to_list() == [1 / 3, 2 / 3]
    assert written_as(to_column([1.0, 2.0], "x"), pl.Series("x", [1, 2])).dtype == pl.Int64


def rows_of_two_classes(rows=60):
    random = np.random.default_rng(0)
    rare = np.arange(rows) % 6 == 0
    frame = pl.DataFrame(
        {
            "noise": random.normal(size=rows),
            "place": random.normal(size=rows) + 8 * rare,
            "size": random.normal(size=rows) + 2 * rare,
            "town": random.choice(["Bath", "York"], rows),
            "rare": rare,
        }
    )
    return frame, read_problem(frame.drop("rare"), frame["rare"], name="rare")


def test_synthetic_rows_even_the_classes_and_keep_the_columns():
    frame, problem = rows_of_two_classes()
    made = synthesize(frame, "rare", problem, Recipe.parse("smote=1"), 0)
    assert made.counts == [("False", 50, 0), ("True", 10, 40)]
    assert made.frame.schema == frame.schema
    assert made.frame["rare"].all()
    for number, (one, other) in enumerate(made.added.parents[:, :2].tolist()):
        ends = sorted([frame["place"][one], frame["place"][other]])
        assert ends[0] <= made.frame["place"][number] <= ends[1]
        assert frame["rare"][one]
        assert frame["rare"][other]


def test_the_columns_that_tell_classes_apart_are_named_best_first():
    assert telling_columns(rows_of_two_classes()[1]) == ["place", "size"]


def test_components_keep_the_distances_of_points_in_a_plane():
    random = np.random.default_rng(0)
    plane = random.normal(size=(40, 2))
    frame = pl.DataFrame({"a": plane[:, 0], "b": plane[:, 1], "kind": ["x"] * 30 + ["y"] * 10})
    made = synthesize(frame, "kind", read_problem(frame.drop("kind"), frame["kind"]), Recipe.parse("smote=1"), 0)
    real, synthetic, share = components(made)
    assert (real.shape, synthetic.shape) == ((40, 2), (20, 2))
    assert share == pytest.approx(1.0)
    stacked = np.concatenate([plane, made.frame.select("a", "b").to_numpy()])
    scaled = stacked / stacked.std(0)
    apart = [
        np.linalg.norm(points[:, None] - points[None], axis=2) for points in (scaled, np.vstack([real, synthetic]))
    ]
    assert apart[0] == pytest.approx(apart[1], abs=1e-9)


@pytest.mark.parametrize("turn", [1, -1])
def test_components_point_where_their_largest_weight_does(turn):
    random = np.random.default_rng(1)
    a, b = random.normal(size=(2, 40)) * [[1], [0.1]]
    frame = pl.DataFrame({"a": turn * a, "b": turn * (a + b), "kind": ["x"] * 30 + ["y"] * 10})
    made = synthesize(frame, "kind", read_problem(frame.drop("kind"), frame["kind"]), Recipe.parse("smote=1"), 0)
    real, _, _ = components(made)
    assert np.corrcoef(real[:, 0], turn * a)[0, 1] > 0.9


def test_one_column_has_one_component():
    frame = pl.DataFrame({"a": np.arange(20.0), "kind": ["x"] * 14 + ["y"] * 6})
    made = synthesize(frame, "kind", read_problem(frame.drop("kind"), frame["kind"]), Recipe.parse("smote=1"), 0)
    real, _, share = components(made)
    assert share == 1.0
    assert (real[:, 1] == 0.0).all()
    assert np.diff(real[:, 0]).min() > 0
