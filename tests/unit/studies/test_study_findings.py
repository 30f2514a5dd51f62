"""What a fit shows of itself: losses by epoch, weights, the columns that it uses."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from study_problems import SETTINGS, TASKS, problem_of, recipes

from goodfit.data.schema import Schema
from goodfit.networks import Layout
from goodfit.studies.findings import (
    BINS,
    first_weights,
    history_frame,
    selected_columns,
    weight_histograms,
)
from goodfit.studies.fitting import Fit, Plan, fit
from goodfit.studies.problem import read_problem
from goodfit.training import History, Run, RunResult, Settings

TEXTS = ("none", "l1=0.02", "early_stopping=1")
ROWS = 300


@pytest.fixture(scope="module", params=TASKS)
def fitted(request) -> Fit:
    settings = replace(SETTINGS, max_epochs=12)
    return fit(problem_of(request.param, copies=30), recipes(*TEXTS), plan=Plan(learning_rate=0.02), settings=settings)


def result_of(weights: np.ndarray, *, outcome="finished", epochs=3) -> RunResult:
    """A linear network with these first-layer weights."""
    weights = np.atleast_2d(np.asarray(weights, dtype=np.float32))
    nothing = np.zeros(0, dtype=np.int64)
    parameters = np.concatenate([weights.ravel(), np.full(weights.shape[1], 7, dtype=np.float32)])
    history = History(np.arange(epochs, dtype=float), np.arange(epochs, dtype=float))
    run = Run(recipes("none")[0], 0, nothing, nothing)
    return RunResult(run, parameters, np.zeros(0, np.float32), Layout(weights.shape), history, epochs, outcome)


# -- losses by epoch --------------------------------------------------------------------------------------------------


def test_the_history_has_a_row_a_recipe_member_and_epoch(fitted):
    frame = history_frame([candidate.results for candidate in fitted.candidates])
    assert frame.height == sum(r.epochs for c in fitted.candidates for r in c.results)
    for candidate in fitted.candidates:
        for member, result in enumerate(candidate.results):
            own = frame.filter((pl.col("recipe") == str(candidate.recipe)) & (pl.col("member") == member))
            assert own["epoch"].to_list() == list(range(1, result.epochs + 1))
            assert own["seed"].unique().to_list() == [result.run.seed]
            np.testing.assert_array_equal(own["train_loss"].to_numpy(), result.history.train)
            np.testing.assert_array_equal(own["validation_loss"].to_numpy(), result.history.validation)


def test_no_run_has_an_empty_history_with_all_its_columns():
    empty, some = history_frame([]), history_frame([[result_of([[1.0]])]])
    assert (empty.height, some.height) == (0, 3)
    assert {name: str(kind) for name, kind in some.schema.items() if name != "recipe"} == {
        name: str(kind) for name, kind in empty.schema.items() if name != "recipe"
    }


# -- histograms -------------------------------------------------------------------------------------------------------


def test_histograms_count_all_weights_on_the_same_bins(fitted):
    results = [candidate.results for candidate in fitted.candidates]
    found = weight_histograms(recipes(*TEXTS), results)
    for histogram, own, text in zip(found, results, TEXTS, strict=True):
        weights = np.concatenate([first_weights(result).ravel() for result in own])
        assert str(histogram.recipe) == text
        assert histogram.counts.sum() == histogram.total == len(weights)
        assert histogram.zeros == np.count_nonzero(weights == 0) / len(weights)
        np.testing.assert_array_equal(histogram.edges, found[0].edges)
        assert len(histogram.counts) == BINS
    assert found[1].zeros > 0.1 > found[0].zeros == 0


finite = st.floats(-(2.0**60), 2.0**60, width=32)


@settings(deadline=None)
@given(st.lists(arrays.arrays(np.float32, (7, 3), elements=finite), min_size=1, max_size=3))
def test_no_weight_falls_out_of_the_bins(many):
    found = weight_histograms(recipes("none"), [[result_of(weights) for weights in many]])[0]
    weights = np.concatenate([w.ravel() for w in many])
    assert found.counts.sum() == found.total == len(weights)
    assert found.zeros == np.mean(weights == 0)
    assert (np.diff(found.edges) > 0).all()
    inside = (weights > found.edges[0]) & (weights < found.edges[-1])
    assert np.histogram(weights[inside].astype(float), found.edges)[0].sum() == inside.sum()


def test_networks_that_diverged_are_in_no_histogram():
    rows = [result_of([[1.0], [np.nan]], outcome="diverged"), result_of([[0.0], [2.0]])]
    found = weight_histograms(recipes("none", "l1=1"), [rows, rows[:1]])
    assert (found[0].total, found[0].zeros, found[0].counts.sum()) == (2, 0.5, 2)
    assert (found[1].total, found[1].zeros, found[1].counts.sum()) == (0, 0.0, 0)


# -- selected columns -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lasso() -> Fit:
    """A linear model under a strong L1: three columns tell of the target, one of them a category, five do not."""
    random = np.random.default_rng(0)
    columns = {f"noise{i}": random.normal(size=ROWS) for i in range(4)}
    columns |= {"strong": random.normal(size=ROWS), "weak": random.normal(size=ROWS)}
    kinds, dull = random.choice(["x", "y", "z"], ROWS), random.choice(["p", "q"], ROWS)
    effect = np.select([kinds == "x", kinds == "y"], [4.0, 0.0], -4.0)
    target = 6 * columns["strong"] + 2 * columns["weak"] + effect + random.normal(size=ROWS)
    frame = pl.DataFrame(columns | {"kind": kinds, "dull": dull})
    linear = Settings(hidden=(), batch_size=32, max_epochs=40)
    plan = Plan(learning_rate=0.02, members=3)
    return fit(read_problem(frame, target), recipes("l1=0.15"), plan=plan, settings=linear)


def test_columns_that_tell_are_selected_and_noise_has_weights_of_exactly_nought(lasso):
    schema = lasso.prepared.encoders[0].schema
    found = selected_columns(lasso.best.results, schema)
    assert [column.name for column in found[:3]] == ["strong", "kind", "weak"]
    assert [column.selected for column in found[:3]] == [1.0, 1.0, 1.0]
    assert {column.name for column in found[3:]} == {"noise0", "noise1", "noise2", "noise3", "dull"}
    assert [(column.selected, column.weight) for column in found[3:]] == [(0.0, 0.0)] * 5


def test_the_inputs_of_a_category_are_one_column_with_the_norm_of_all(lasso):
    schema = lasso.prepared.encoders[0].schema
    found = {column.name: column for column in selected_columns(lasso.best.results, schema)}
    assert len(found) == 8 < len(schema.input_names)
    own = [i for i, name in enumerate(schema.input_names) if name.startswith("kind")]
    assert len(own) == 4
    norms = [np.linalg.norm(first_weights(result)[own]) for result in lasso.best.results]
    assert found["kind"].weight == pytest.approx(np.mean(norms))


def test_a_column_is_selected_by_the_networks_that_use_any_of_its_inputs():
    table = read_problem(pl.DataFrame({"n": [1.0, 2, 3, 4], "c": ["a", "b", "a", "b"]}), [0.5, 1, 2, 3]).table
    schema = Schema.of(table)
    assert schema.input_names == ("n", "c=a", "c=b", "c (other)")
    networks = [
        [[0, 0], [3, 0], [0, 4], [0, 0]],
        [[0, 0], [0, 0], [0, 0], [0, 0]],
        [[0, 1e-30], [0, 0], [0, 0], [0, 1]],
    ]
    results = [result_of(weights) for weights in networks]
    results.append(result_of(np.full((4, 2), np.nan), outcome="diverged"))
    found = selected_columns(results, schema)
    assert [(column.name, column.selected) for column in found] == [("c", 2 / 3), ("n", 1 / 3)]
    assert found[0].weight == pytest.approx((5 + 0 + 1) / 3)
    assert selected_columns(results[3:], schema) == []
