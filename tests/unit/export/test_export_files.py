"""What an export tells of its file, and what it refuses."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from commandline import python
from exported import answers, fed, session
from sklearn.exceptions import NotFittedError

import goodfit
from goodfit.errors import InputError
from goodfit.estimators.network import Network
from goodfit.export import export_model


def frame(rows=300, seed=0):
    random = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "signal": random.normal(size=rows),
            "noise": random.normal(size=rows),
            "colour": random.choice(["red", "green"], rows),
        }
    )


@pytest.fixture(scope="module")
def sparse() -> Network:
    """Networks that hear one of three columns."""
    settings = {"hidden": (16, 8), "learning_rate": 0.02, "max_epochs": 30, "members": 2, "batch_size": 32}
    return goodfit.Regressor("l1=0.01", **settings).fit(frame(), 3 * frame()["signal"].to_numpy())


def test_a_sparse_model_tells_what_it_left_out(sparse, tmp_path):
    done = sparse.export(tmp_path / "model.onnx")
    assert done.path == tmp_path / "model.onnx"
    assert done.inputs == ("signal",)
    assert done.unused_columns == ("noise", "colour")
    assert done.unused_inputs == ("noise", "colour=green", "colour=red", "colour (other)")
    assert done.units == (32, 16)
    assert all(0 < dropped < units for dropped, units in zip(done.units_dropped, done.units, strict=True))
    assert done.bytes == (tmp_path / "model.onnx").stat().st_size < done.bytes_before
    assert done.parameters < done.parameters_before == 2 * sparse.model_.layout.total


def test_the_parameters_told_are_those_in_the_file(sparse, tmp_path):
    done = sparse.export(tmp_path / "model.onnx")
    weights = [t for t in onnx.load(tmp_path / "model.onnx").graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
    kept = [a - b for a, b in zip(done.units, done.units_dropped, strict=True)]
    assert sum(int(np.prod(t.dims)) for t in weights) == done.parameters - sum(kept) - done.networks


def test_a_dense_model_leaves_nothing_out(tmp_path):
    model = goodfit.Classifier("l2=0.001", hidden=(4,), max_epochs=2, members=2).fit(frame(), [0, 1] * 150)
    done = model.export(tmp_path / "model.onnx")
    assert done.units_dropped == (0,)
    assert done.inputs == ("signal", "noise", "colour")
    assert done.unused_columns == ()


def test_a_network_that_hears_nothing_still_predicts_each_row(sparse, tmp_path):
    still = replace(
        sparse.model_,
        parameters=np.where(
            np.arange(sparse.model_.layout.total) < sparse.model_.layout.weights, 0, sparse.model_.parameters
        ),
    )
    done = export_model(still, tmp_path / "model.onnx")
    new = frame(7, seed=1)
    said = answers(session(done.path), fed(new, done.inputs))["prediction"]
    np.testing.assert_allclose(said, still.predict(goodfit.data.table.to_table(new))[:, 0], rtol=1e-12)
    assert len(said) == 7


def test_the_file_says_who_wrote_it_and_what_it_predicts(sparse, tmp_path):
    sparse.export(tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert (model.producer_name, model.producer_version) == ("goodfit", goodfit.saving.version("goodfit"))
    assert told == {"task": "regression", "target": "", "recipe": "l1=0.01"}


def test_one_model_is_always_the_same_file(sparse, tmp_path):
    contents = [sparse.export(tmp_path / name).path.read_bytes() for name in ("a.onnx", "b.onnx")]
    assert contents[0] == contents[1]


def test_a_loaded_model_is_exported_too(sparse, tmp_path):
    sparse.save(tmp_path / "model.safetensors")
    goodfit.load(tmp_path / "model.safetensors").export(tmp_path / "b.onnx")
    assert (tmp_path / "b.onnx").read_bytes() == sparse.export(tmp_path / "a.onnx").path.read_bytes()


def test_a_folder_is_made_and_an_old_file_replaced(sparse, tmp_path):
    path = tmp_path / "new" / "model.onnx"
    sparse.export(path)
    path.write_bytes(b"old")
    sparse.export(str(path))
    assert path.stat().st_size > 3
    assert [found.name for found in path.parent.iterdir()] == ["model.onnx"]


def test_names_that_nodes_would_take_are_left_to_columns(tmp_path):
    new = frame().rename({"signal": "constant_0", "noise": "Where_3", "colour": "Add_20"})
    model = goodfit.Classifier("none", hidden=(4,), max_epochs=2, members=1).fit(new, [0, 1] * 150)
    done = model.export(tmp_path / "model.onnx")
    said = answers(session(done.path), fed(new, done.inputs))["probabilities"]
    np.testing.assert_allclose(said, model.predict_proba(new), rtol=1e-9)


# -- what is refused --------------------------------------------------------------------------------------------------


def refused(model, path, *words):
    with pytest.raises(InputError) as caught:
        model.export(path)
    text = str(caught.value)
    assert "\n" not in text
    assert [word for word in words if word not in text] == []
    assert not Path(path).is_file()


def named(*names):
    new = frame().rename(dict(zip(frame().columns, names, strict=True)))
    return goodfit.Classifier("none", hidden=(), max_epochs=1, members=1).fit(new, [0, 1] * 150)


def test_a_model_that_is_not_fitted(tmp_path):
    with pytest.raises(NotFittedError):
        goodfit.Classifier().export(tmp_path / "model.onnx")


def test_texts(tmp_path):
    model = goodfit.Classifier("none", max_epochs=1, members=1).fit(["so good", "so bad"] * 20, [1, 0] * 20)
    refused(model, tmp_path / "model.onnx", "texts", "words", "predict with goodfit")


@pytest.mark.parametrize("name", ["", "probabilities", "label", "prediction"])
def test_a_column_without_a_name_or_named_as_an_output(name, tmp_path):
    refused(
        named("a", name, "b"), tmp_path / "model.onnx", "column", "name", "fit anew", *([repr(name)] if name else [])
    )


def test_two_columns_of_one_name(sparse, tmp_path):
    model = named("a", "b", "c")
    encoder = model.model_.encoders[0]
    fields = (replace(encoder.schema.fields[0], name="b"), *encoder.schema.fields[1:])
    twice = replace(encoder, schema=replace(encoder.schema, fields=fields))
    model.model_ = replace(model.model_, encoders=(twice,))
    refused(model, tmp_path / "model.onnx", "'b'", "another column")


def test_a_folder_in_place_of_a_file(sparse, tmp_path):
    refused(sparse, tmp_path, "is a folder", "model.onnx")


def test_a_place_where_nothing_can_be_written(sparse, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        sparse.export(tmp_path / "file" / "model.onnx")


def test_a_missing_package_names_the_extra(sparse, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    refused(sparse, tmp_path / "model.onnx", 'pip install "goodfit[onnx]"')


def test_onnx_is_imported_only_for_an_export():
    done = python("import sys, goodfit.estimators, goodfit.commands.export; print('onnx' in sys.modules)")
    assert (done.status, done.out.strip()) == (0, "False"), done.err
