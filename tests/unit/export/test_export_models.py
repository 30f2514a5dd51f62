"""Whole models: an exported file predicts what the model predicts, on any row."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from exported import answers, fed, session

import goodfit
from goodfit.blend import Blend
from goodfit.data.media import picture_table, sound_table
from goodfit.data.table import to_table
from goodfit.decision import Decision, codes_of
from goodfit.errors import InputError
from goodfit.export import export_model
from goodfit.regularizers import Recipe
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

ROWS, TASKS = 120, ("binary", "multiclass", "regression")
CLASSES = {
    "binary": lambda signal: np.where(signal > 0.4, "ja", "nein").astype(object),
    "multiclass": lambda signal: np.digitize(signal, [-0.5, 0.5]) * 10,
    "regression": lambda signal: 1e4 + 500 * signal,
}


def frame(rows=ROWS, seed=0):
    random = np.random.default_rng(seed)
    columns = {
        "a": random.normal(size=rows),
        "b": random.standard_cauchy(rows),
        "colour": random.choice(["red", "green", "blue", None], rows).tolist(),
        "flag": random.random(rows) < 0.5,
        "noise": random.normal(size=rows),
    }
    holes = pl.when(pl.int_range(pl.len()) % 7 == 0).then(None)
    return pl.DataFrame(columns).with_columns(b=holes.otherwise(pl.col("b")), flag=holes.otherwise(pl.col("flag")))


def strange():
    return pl.DataFrame(
        {
            "a": [1e300, -1e300, None, 5.0, 0.1, 0.1],
            "b": [None, 1e9, -1e300, 0.0, 1e300, 0.1],
            "colour": ["violet", None, "red", None, "red", "blue"],
            "flag": [None, True, False, True, None, False],
            "noise": [None, 0.0, 1e300, -1e300, 0.0, 0.1],
        }
    )


def trained(task, text="l2=0.001", *, members=3, hidden=(8, 4), **encoding):
    table, signal = to_table(frame()), frame()["a"].to_numpy()
    problem = read_problem(table, CLASSES[task](signal), task=task, name="aim")
    plan = Plan(members=members, validation=1 / 3, learning_rate=0.02, **encoding)
    fitted = fit(problem, [Recipe.parse(text)], plan=plan, settings=Settings(hidden, batch_size=16, max_epochs=6))
    return model_of(fitted, fitted.best)


def assert_same(model, path, new):
    """The file says what the model says of every row: to the last digits, and so within 1e-5."""
    done = export_model(model, path)
    said = answers(session(path), fed(new, done.inputs))
    expected = model.predict(to_table(new))
    if model.task == "regression":
        assert list(said) == ["prediction"]
        np.testing.assert_allclose(said["prediction"], expected[:, 0], rtol=1e-9, atol=1e-9)
    else:
        assert list(said) == ["probabilities", "label"]
        np.testing.assert_allclose(said["probabilities"], expected, rtol=1e-9, atol=1e-12)
        assert said["label"].tolist() == model.classes[codes_of(expected, model.decision)].tolist()
    return done


@pytest.mark.parametrize("new", [frame(50, seed=1), strange()], ids=["alike", "strange"])
@pytest.mark.parametrize("text", ["dropout=0.2", "batch_norm=1", "batch_norm=0.6, l1=0.02", "l1=0.02"])
@pytest.mark.parametrize("task", TASKS)
def test_a_file_predicts_as_its_model(task, text, new, tmp_path):
    assert_same(trained(task, text), tmp_path / "model.onnx", new)


@pytest.mark.parametrize("hidden", [(), (6,)])
def test_a_linear_model_and_a_single_network_too(hidden, tmp_path):
    assert_same(trained("multiclass", "l1=0.01", members=1, hidden=hidden), tmp_path / "model.onnx", strange())


def test_numbers_in_their_own_units_too(tmp_path):
    assert_same(trained("regression", standardize=False), tmp_path / "model.onnx", frame(50, seed=1))


@pytest.mark.parametrize("task", TASKS)
def test_a_blend_weighs_its_models_and_then_tempers(task, tmp_path):
    first, second = trained(task), trained(task, "batch_norm=1", hidden=(5,))
    shared = replace(trained(task, "l1=0.01", hidden=(3, 3, 3)), encoders=first.encoders, scales=first.scales)
    blend = Blend((first, second, shared), (3, 1, 2), 1.7)
    assert len(blend.distinct_encoders) == 6
    done = assert_same(blend, tmp_path / "model.onnx", strange())
    assert done.networks == 9
    assert done.units == (3 * (8 + 5 + 3), 3 * (4 + 3), 3 * 3)


def test_a_probability_of_almost_0_is_tempered_from_its_floor(tmp_path):
    assert_same(Blend((trained("multiclass", hidden=()),), (1,), 2.5), tmp_path / "model.onnx", strange())


def test_networks_that_hear_nothing_stand_beside_some_that_do(tmp_path):
    """Their only input, the first, is always 0: the column is the same in every training row."""
    model = trained("binary", members=4)
    scale = model.encoders[0].measures.scale * (np.arange(4) > 0)
    encoder = replace(model.encoders[0], measures=model.encoders[0].measures._replace(scale=scale))
    parameters = model.parameters.copy()
    parameters[[0, 3], : model.layout.weights] = 0
    assert model.members == (0, 1, 2, 0)
    still = replace(model, encoders=(encoder, *model.encoders[1:]), parameters=parameters)
    assert_same(still, tmp_path / "model.onnx", frame(30, seed=4))


@pytest.mark.parametrize("decision", [Decision(0, 0.3), Decision(1, 0.9), Decision(1, 0.0), Decision(0, 1.1)])
def test_a_threshold_decides(decision, tmp_path):
    assert_same(replace(trained("binary"), decision=decision), tmp_path / "model.onnx", frame(80, seed=2))


def test_a_threshold_that_a_probability_just_reaches_takes_the_row(tmp_path):
    model = trained("binary", members=1, hidden=())
    still = replace(model, parameters=np.zeros_like(model.parameters), decision=Decision(1, 0.5))
    assert_same(still, tmp_path / "model.onnx", frame(5))
    assert_same(replace(still, decision=None), tmp_path / "model.onnx", frame(5))


@pytest.mark.parametrize(
    "classes",
    [
        np.array(["é", "z"]),
        np.array([False, True]),
        np.array([3, 70], np.uint8),
        np.array([0.0, 2.0]),
        np.array(["", "b"], object),
    ],
    ids=["text", "boolean", "whole", "float", "object"],
)
def test_labels_are_the_classes_in_their_own_type(classes, tmp_path):
    assert_same(replace(trained("binary"), classes=classes), tmp_path / "model.onnx", frame(20, seed=3))


@pytest.mark.parametrize("sides", [(9, 7), (3, 2)])
@pytest.mark.parametrize("channels", [(4, 3), ()], ids=["convolved", "dense"])
@pytest.mark.parametrize("text", ["none", "batch_norm=1, l1=0.05"])
def test_pictures_are_pixels_from_0_to_255(text, channels, sides, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 3, *sides), dtype=np.uint8)
    problem = read_problem(picture_table(pixels), pixels[:, 0].mean((1, 2)) > 127, task="binary")
    plan = Plan(members=2, validation=1 / 3, learning_rate=0.01)
    small = Settings((8,), channels=channels, batch_size=16, max_epochs=3)
    fitted = fit(problem, [Recipe.parse(text)], plan=plan, settings=small)
    model, path = model_of(fitted, fitted.best), tmp_path / "model.onnx"
    done = export_model(model, path)
    said = answers(session(path), {"image": pixels.astype(np.float32)})
    np.testing.assert_allclose(said["probabilities"], model.predict(picture_table(pixels)), atol=1e-5)
    assert done.inputs == ("image",)
    assert done.unused_inputs == ()


def test_sounds_are_spectrograms_in_decibels(tmp_path):
    random = np.random.default_rng(0)
    table, path = sound_table(random.normal(-40, 20, (40, 16, 12)).astype(np.float32)), tmp_path / "model.onnx"
    problem = read_problem(table, random.normal(size=40), task="regression")
    plan = Plan(members=1, validation=1 / 3, learning_rate=0.01)
    fitted = fit(problem, [Recipe.parse("none")], plan=plan, settings=Settings((8,), channels=(4,), max_epochs=3))
    model = model_of(fitted, fitted.best)
    export_model(model, path)
    said = answers(session(path), {"sound": table.columns[0].values[:, None]})
    np.testing.assert_allclose(said["prediction"], model.predict(table)[:, 0], atol=1e-5)


def test_a_class_that_no_label_can_hold_is_refused(tmp_path):
    X, y = np.random.default_rng(0).normal(size=(40, 2)), np.array([1, 2**63 + 5] * 20, np.uint64)
    model = goodfit.Classifier("none", hidden=(4,), max_epochs=2, members=1).fit(X, y)
    with pytest.raises(InputError, match="the class 9223372036854775813 is above 9223372036854775807"):
        model.export(tmp_path / "m.onnx")
