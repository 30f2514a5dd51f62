"""What a graph makes of a table's columns is what the encoder makes of them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from exported import answers, fed, session
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.data.encoder import fit_encoder
from goodfit.data.schema import Schema
from goodfit.data.table import to_table
from goodfit.export.columns import Columns, known_levels
from goodfit.export.encoding import encode, idle_inputs
from goodfit.export.graph import DOUBLE, Graph

ROWS = 400


def frame(rows=ROWS, seed=0):
    """Columns of every kind, with missing values, and a category with more levels than have inputs."""
    random = np.random.default_rng(seed)
    seconds = random.uniform(-3e9, 3e9, rows)
    numbers = np.where(random.random(rows) < 0.1, np.nan, random.normal(50, 20, rows))
    return pl.DataFrame(
        {
            "number": pl.Series(numbers).fill_nan(None),
            "wild": random.standard_cauchy(rows) ** 3,
            "count": random.integers(0, 6, rows),
            "flag": [None if draw < 0.1 else draw < 0.5 for draw in random.random(rows)],
            "kind": random.choice(["é", "b", "c", None], rows).tolist(),
            "many": [f"level {place}" for place in (random.exponential(60, rows)).astype(int)],
            "day": [(datetime(1970, 1, 1) + timedelta(seconds=s)).date() for s in seconds],
            "when": [datetime.fromtimestamp(0, UTC) + timedelta(seconds=s) for s in seconds[::-1]],
        }
    )


def strange():
    """Rows unlike any of the training, but of its types."""
    new = frame(60, seed=1)
    return new.with_columns(
        number=pl.Series([1e300, -1e300, 0.0, None, 1e9] * 12, dtype=pl.Float64),
        wild=pl.Series([1e300, -1e300, 1e-300, 30.0, None] * 12, dtype=pl.Float64),
        kind=pl.Series(["new", None, "é", "b", "c"] * 12),
        many=pl.Series(["level 0", "never", None] * 20),
        when=pl.Series([datetime(5000, 2, 28, 23, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), None] * 20),
        day=pl.Series(
            [datetime(year, month, 29 - month).date() for year in (1900, 1999, 2000, 2024) for month in range(1, 13)]
            + [None] * 12
        ),
    )


def encoder_of(table, *, standardize=True, **structure):
    schema = Schema.of(table, **structure)
    return fit_encoder(table, schema, np.arange(0, table.rows, 2), standardize=standardize)


def encoded(encoder, names, wanted):
    """A graph of an encoder alone, and which inputs it gives."""
    graph = Graph([*names, "encoded"])
    columns = Columns(graph, known_levels([encoder]))
    found = encode(columns, encoder, wanted)
    graph.output("encoded", found.value, (len(found.inputs),), DOUBLE)
    return session(graph.to_bytes({})), graph.inputs, found.inputs


ENCODERS = [
    pytest.param({}, id="usual"),
    pytest.param({"standardize": False}, id="natural"),
    pytest.param({"cut": True}, id="cut"),
    pytest.param({"pieces": 12, "cut": True}, id="pieces"),
]


@pytest.mark.parametrize("new", [frame(100, seed=2), strange()], ids=["alike", "strange"])
@pytest.mark.parametrize("structure", ENCODERS)
def test_a_graph_encodes_as_the_encoder_does(structure, new):
    encoder = encoder_of(to_table(frame()), **structure)
    wanted = ~idle_inputs(encoder)
    loaded, names, inputs = encoded(encoder, encoder.schema.names, wanted)
    assert sorted(inputs) == np.flatnonzero(wanted).tolist()
    expected = encoder.transform(to_table(new), np.float64)
    assert not expected[:, ~wanted].any()
    np.testing.assert_allclose(answers(loaded, fed(new, names))["encoded"], expected[:, inputs], rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=15)
@given(st.data())
def test_any_of_the_inputs_can_be_asked_for(data):
    encoder = encoder_of(to_table(frame()), pieces=5)
    able = np.flatnonzero(~idle_inputs(encoder)).tolist()
    some = data.draw(st.sets(st.sampled_from(able), min_size=1, max_size=20))
    wanted = np.zeros(len(encoder.schema.input_names), bool)
    wanted[list(some)] = True
    loaded, names, inputs = encoded(encoder, encoder.schema.names, wanted)
    assert set(inputs.tolist()) == some
    assert set(names) == {encoder.schema.names[encoder.schema.input_columns[place]] for place in some}
    new = frame(20, seed=3)
    expected = encoder.transform(to_table(new), np.float64)[:, inputs]
    np.testing.assert_allclose(answers(loaded, fed(new, names))["encoded"], expected, rtol=1e-9, atol=1e-9)


def test_an_infinite_number_counts_as_the_largest_that_a_table_may_have():
    encoder = encoder_of(to_table(frame()), pieces=4)
    loaded, names, inputs = encoded(encoder, encoder.schema.names, ~idle_inputs(encoder))
    new = strange()
    beyond = new.with_columns(
        pl.when(pl.col("number", "wild").abs() == 1e300)
        .then(pl.col("number", "wild") * 1e300)
        .otherwise(pl.col("number", "wild"))
        .name.keep()
    )
    assert beyond["number"].is_infinite().any()
    expected = encoder.transform(to_table(new), np.float64)[:, inputs]
    np.testing.assert_allclose(answers(loaded, fed(beyond, names))["encoded"], expected, rtol=1e-9, atol=1e-9)


def test_each_day_of_four_centuries_has_its_place_in_the_year_and_the_week():
    days = pl.DataFrame({"day": pl.date_range(datetime(1890, 1, 1), datetime(2110, 12, 31), eager=True)})
    encoder = encoder_of(to_table(days))
    loaded, names, inputs = encoded(encoder, ("day",), ~idle_inputs(encoder))
    expected = encoder.transform(to_table(days), np.float64)[:, inputs]
    np.testing.assert_allclose(answers(loaded, fed(days, names))["encoded"], expected, atol=1e-9)


def test_an_empty_text_is_a_level_where_the_training_had_it():
    table = to_table(pl.DataFrame({"kind": ["", "a"] * 10}))
    encoder = encoder_of(table.take(np.array([0, 1, 1, 0] * 5)))
    loaded, _, inputs = encoded(encoder, ("kind",), ~idle_inputs(encoder))
    given_ = {"kind": np.array([[""], ["a"], ["b"]], dtype=object)}
    shown = answers(loaded, given_)["encoded"]
    np.testing.assert_array_equal(shown, np.eye(3)[:, inputs])


def test_pieces_that_the_training_rows_have_no_intervals_for_are_always_0():
    table = to_table(pl.DataFrame({"count": [0, 1, 2, 3, 4, 5] * 5}))
    encoder = fit_encoder(table, Schema.of(table, pieces=4), np.flatnonzero(np.arange(30) % 6 < 3))
    names = np.array(encoder.schema.input_names)
    assert names[idle_inputs(encoder)].tolist() == ["count[3]", "count[4]"]
    assert not encoder.transform(table)[:, idle_inputs(encoder)].any()


def test_inputs_that_are_always_0_are_those_that_the_training_rows_lack():
    new = pl.DataFrame({"kind": ["a", "b", "a", "b"], "flat": [1.0, 1.0, 1.0, 2.0]})
    table = to_table(new)
    encoder = fit_encoder(table, Schema.of(table), np.array([0, 2]))
    names = np.array(encoder.schema.input_names)
    assert names[idle_inputs(encoder)].tolist() == ["kind=b", "flat"]
