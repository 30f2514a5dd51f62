"""A model: the mean of its networks, each with its own encoder, a row at a time."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit import model as models
from goodfit.data.table import Table, to_table
from goodfit.errors import InputError
from goodfit.model import Model, network_outputs
from goodfit.networks import Layout
from goodfit.regularizers import Recipe, stack
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.problem import read_problem
from goodfit.training import Settings
from goodfit.training.evaluation import outputs_of

ROWS, TASKS = 80, ("binary", "multiclass", "regression")


def table_of(rows: int = ROWS, seed: int = 0) -> Table:
    random = np.random.default_rng(seed)
    columns = {"a": random.normal(size=rows), "b": random.normal(size=rows), "c": random.choice(["x", "y", "z"], rows)}
    frame = pl.DataFrame(columns | {"same": [1.0] * rows})
    return to_table(frame.with_columns(b=pl.when(pl.col("a") > 1.5).then(None).otherwise(pl.col("b"))))


def trained(task: str, text: str = "dropout=0.2, early_stopping=3", members: int = 4) -> Model:
    """Networks of three folds, one of which two of them hold out."""
    table = table_of()
    signal = table.columns[0].values
    target = {"binary": signal > 0.4, "multiclass": np.digitize(signal, [-0.5, 0.5]), "regression": 9 + 5 * signal}
    problem = read_problem(table, target[task], task=task, name="aim")
    plan, small = (
        Plan(members=members, validation=1 / 3, learning_rate=0.01),
        Settings((8, 4), batch_size=16, max_epochs=6),
    )
    fitted = fit(problem, [Recipe.parse(text)], plan=plan, settings=small)
    return model_of(fitted, fitted.best)


@pytest.fixture(scope="module", params=TASKS)
def model(request) -> Model:
    return trained(request.param)


def by_hand(model: Model, member: int, table: Table) -> np.ndarray:
    """A network's predictions `(n, C)` by its encoder, its layers and numpy."""
    view = model.members[member]
    weights, biases = model.layers(member)
    hidden = model.encoders[view].transform(table, np.float64)
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
        hidden = hidden @ w.astype(np.float64) + b
        hidden = np.maximum(hidden, 0) if layer < len(weights) - 1 else hidden
    if model.task == "regression":
        return hidden * model.scales[view].scale + model.scales[view].center
    logits = np.hstack([np.zeros_like(hidden), hidden]) if model.task == "binary" else hidden
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def test_a_model_predicts_the_mean_over_its_networks(model):
    assert model.members == (0, 1, 2, 0)
    table = table_of(30, seed=1)
    expected = np.mean([by_hand(model, member, table) for member in range(4)], axis=0)
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-10)
    assert model.predict(table).shape == (30, {"binary": 2, "multiclass": 3, "regression": 1}[model.task])
    if model.task != "regression":
        np.testing.assert_allclose(model.predict(table).sum(1), 1, rtol=1e-12)


def test_a_view_gives_the_predictions_of_its_own_networks(model):
    table = model.encoders[0].schema.check(table_of(20, seed=1))
    for view, members in {0: (0, 3), 1: (1,), 2: (2,)}.items():
        expected = [by_hand(model, member, table) for member in members]
        np.testing.assert_allclose(model.predict_view(table, view), expected, rtol=1e-10)


def test_layers_are_the_parameters_and_copies_of_them(model):
    weights, biases = model.layers(1)
    sizes = model.layout.sizes
    assert [w.shape for w in weights] == [(sizes[0], 8), (8, 4), (4, sizes[-1])]
    assert [b.shape for b in biases] == [(8,), (4,), (sizes[-1],)]
    parts = [*(w.ravel() for w in weights), *biases]
    np.testing.assert_array_equal(np.concatenate(parts), model.parameters[1])
    weights[0][:] = 99
    assert not (model.parameters == 99).any()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 39), min_size=1, max_size=60))
def test_a_row_is_predicted_alike_in_any_company(model, rows):
    """To the last digits of a double: a product of another height is summed in another order."""
    table = table_of(40, seed=2)
    whole = model.predict(table)
    some = model.predict(table.take(np.array(rows)))
    np.testing.assert_allclose(some, whole[rows], rtol=1e-12, atol=1e-14)


def test_a_table_longer_than_a_chunk_is_predicted_the_same(model, monkeypatch):
    table = table_of(50, seed=3)
    whole = model.predict(table)
    monkeypatch.setattr(models, "CHUNK", 7)
    np.testing.assert_allclose(model.predict(table), whole, rtol=1e-12, atol=1e-14)


def test_columns_are_known_by_their_names_and_others_are_ignored(model):
    table = table_of(20, seed=4)
    extra = to_table(pl.DataFrame({"id": [f"row {i}" for i in range(20)]})).columns
    shuffled = Table((*extra, *table.columns[::-1]), 20)
    np.testing.assert_array_equal(model.predict(shuffled), model.predict(table))
    np.testing.assert_array_equal(model.predict(table.drop("same")), model.predict(table))
    with pytest.raises(InputError, match="'a' is missing"):
        model.predict(table.drop("a"))
    with pytest.raises(InputError, match="'c' holds numbers"):
        model.predict(Table((*table.columns[:2], replace(table.columns[0], name="c")), 20))


def test_new_levels_and_missing_values_are_predicted():
    model = trained("binary")
    rows = {"a": [None, 0.1, 1e300], "b": [0.5, None, -1e300], "c": ["new", None, "x"], "same": [None, 2.0, 1.0]}
    predicted = model.predict(to_table(pl.DataFrame(rows)))
    assert np.isfinite(predicted).all()
    np.testing.assert_allclose(predicted.sum(1), 1)


def test_what_a_model_is_told_of_its_training(model):
    assert model.target == "aim"
    assert model.columns == ("a", "b", "c", "same")
    assert str(model.recipe) == "dropout=0.2, early_stopping=3"
    assert len(model.encoders) == 3
    assert len(model.scales) == (3 if model.task == "regression" else 0)
    expected = {"binary": [False, True], "multiclass": [0, 1, 2], "regression": []}[model.task]
    assert model.classes.tolist() == expected


def test_batch_norm_predicts_by_its_running_statistics():
    """A single row has no batch: its prediction is the running statistics' alone."""
    model = trained("regression", "batch_norm=1", members=1)
    table = model.encoders[0].schema.check(table_of(10, seed=5))
    inputs = model.encoders[0].transform(table, np.float64)
    sizes, flat = model.layout.sizes, model.parameters[0].astype(np.float64)
    weights, biases = model.layers(0)
    units = sum(sizes[1:-1])
    scales, shifts = flat[-2 * units : -units], flat[-units:]
    means, variances = model.statistics[0, :units], model.statistics[0, units:]
    hidden, start = inputs, 0
    for w, b in zip(weights[:-1], biases[:-1], strict=True):
        own = slice(start, start + len(b))
        hidden = (hidden @ w + b - means[own]) / np.sqrt(variances[own] + 1e-5) * scales[own] + shifts[own]
        hidden, start = np.maximum(hidden, 0), start + len(b)
    expected = (hidden @ weights[-1] + biases[-1]) * model.scales[0].scale + model.scales[0].center
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-6)


def test_outputs_are_a_network_a_row_of_the_parameters(model):
    inputs = torch.from_numpy(model.encoders[0].transform(table_of(5), np.float64))
    together = network_outputs(model.parameters, model.statistics, model.layout, model.recipe, inputs)
    assert together.shape == (4, 5, model.layout.sizes[-1])
    for member in range(4):
        own = slice(member, member + 1)
        alone = network_outputs(model.parameters[own], model.statistics[own], model.layout, model.recipe, inputs)
        np.testing.assert_allclose(together[member].numpy(), alone[0].numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("recipe", ["none", "batch_norm=1"])
def test_convolutions_in_single_precision_are_those_in_double_to_six_digits(recipe):
    """And a picture is predicted alike in any company."""
    regularizers, generator = Recipe.parse(recipe), torch.Generator().manual_seed(0)
    layout = Layout((3 * 20 * 16, 8, 4), recipe != "none", (3, 20, 16), (6, 5))
    parameters = 0.3 * torch.randn(2, layout.total, generator=generator)
    statistics = torch.rand(2, layout.statistics, generator=generator) + 0.5
    pictures = torch.rand(70, 3 * 20 * 16, generator=generator).double()
    found = network_outputs(parameters.numpy(), statistics.numpy(), layout, regularizers, pictures)
    exact = outputs_of(
        parameters.double(), statistics.double(), layout, stack([regularizers] * 2), pictures.expand(2, -1, -1)
    )
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, exact, rtol=1e-5, atol=1e-5 * float(exact.abs().max()))
    assert (found - exact).abs().max() > 1e-9
    for rows in ([3], [69, 0, 3], [*range(3, 70)]):
        alone = network_outputs(parameters.numpy(), statistics.numpy(), layout, regularizers, pictures[rows])
        torch.testing.assert_close(alone, found[:, rows], rtol=1e-5, atol=1e-5 * float(exact.abs().max()))
