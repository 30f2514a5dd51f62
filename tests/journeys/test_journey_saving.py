"""A saved model is plain numbers and plain text, and predicts bit for bit the same in a process that knows no other."""

import json
import pickle
import pickletools
import re
import struct
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from commandline import RUN_FILES, assert_done, contents, python
from customers import make_table

import goodfit
from goodfit import Classifier, InputError, Regressor

Estimator = Classifier | Regressor
FORMS = ("run", "one.safetensors")
SMALL = {"hidden": (8,), "members": 2, "max_epochs": 3}
PREDICT = """
import json, sys
from pathlib import Path
import numpy, polars
import goodfit
for path in Path(sys.argv[1]).glob("*/new.parquet"):
    for form in ("run", "one.safetensors"):
        model, table = goodfit.load(path.parent / form), polars.read_parquet(path)
        to = path.parent / form.replace(".", " ")
        if hasattr(model, "classes_"):
            to.with_suffix(".json").write_text(json.dumps(model.predict(table).tolist()))
            numpy.save(to.with_suffix(".npy"), model.predict_proba(table))
        else:
            numpy.save(to.with_suffix(".npy"), model.predict(table))
"""


def kinds() -> dict[str, tuple[Estimator, pl.Series]]:
    """Estimators and targets of every kind."""
    age = make_table()["age"]
    return {
        "text": (Classifier("l2=0.001, dropout=0.2", **SMALL), make_table()["left"]),
        "three texts": (Classifier("l1=0.001", **SMALL), (age // 15).clip(2, 4).cast(pl.Int64).cast(pl.String)),
        "whole numbers": (Classifier("batch_norm", **SMALL), (age > 45).cast(pl.Int64) * 7),
        "booleans": (Classifier("early_stopping=2", **SMALL), age > 45),
        "numbers": (Regressor("batch_norm, weight_averaging", **SMALL), age),
        "linear": (Regressor("none", hidden=(), members=1, max_epochs=3), age),
    }


@pytest.fixture(scope="module")
def columns() -> pl.DataFrame:
    """Numbers with gaps, text with gaps, dates and booleans."""
    return make_table().drop("left", "age").with_columns(pl.int_range(pl.len()).alias("place") / 7)


@pytest.fixture(scope="module")
def new(columns: pl.DataFrame) -> pl.DataFrame:
    """Rows out of their order, some of a town that the training had not."""
    town = pl.when(pl.int_range(pl.len()) < 9).then(pl.lit("Ely")).otherwise("town")
    return columns.sample(40, seed=1).with_columns(town=town)


@pytest.fixture(scope="module")
def saved(
    columns: pl.DataFrame, new: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Estimator]]:
    """Models of every kind, as run folder and as one file."""
    folder, models = tmp_path_factory.mktemp("saved"), {}
    for name, (estimator, target) in kinds().items():
        models[name] = estimator.fit(columns, target)
        for form in FORMS:
            estimator.save(folder / name / form)
        new.write_parquet(folder / name / "new.parquet")
    return folder, models


def test_fresh_process_predicts_bit_for_bit_the_same(
    saved: tuple[Path, dict[str, Estimator]], new: pl.DataFrame
) -> None:
    folder, models = saved
    assert_done(python(PREDICT, folder))
    for name, model in models.items():
        for form in FORMS:
            file = folder / name / form.replace(".", " ")
            numbers = np.load(file.with_suffix(".npy"), allow_pickle=False)
            assert np.ptp(numbers) > 0
            if isinstance(model, Classifier):
                assert np.array_equal(numbers, model.predict_proba(new))
                assert json.loads(file.with_suffix(".json").read_text()) == model.predict(new).tolist()
            else:
                assert np.array_equal(numbers, model.predict(new))


@pytest.mark.parametrize("name", kinds())
def test_loaded_model_is_the_saved_one(
    name: str, saved: tuple[Path, dict[str, Estimator]], new: pl.DataFrame, tmp_path: Path
) -> None:
    folder, models = saved[0] / name, saved[1]
    run, one = (goodfit.load(folder / form) for form in FORMS)
    for loaded in (run, one):
        assert type(loaded) is type(models[name])
        assert loaded.recipe_ == models[name].recipe_
        assert loaded.feature_names_in_.tolist() == new.columns
        if isinstance(loaded, Classifier):
            assert loaded.classes_.dtype == models[name].classes_.dtype
            assert loaded.classes_.tolist() == models[name].classes_.tolist()
    assert run.history_.equals(models[name].history_)
    run.save(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder / "run")
    one.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == (folder / "one.safetensors").read_bytes()
    assert (folder / "one.safetensors").read_bytes() == (folder / "run" / "model.safetensors").read_bytes()


def test_model_learned_from_an_array_needs_no_names(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = Regressor("none", **SMALL).fit(X, X[:, 0])
    model.save(tmp_path / "model.safetensors")
    assert np.array_equal(goodfit.load(tmp_path / "model.safetensors").predict(X), model.predict(X))


def test_one_file_holds_no_run(saved: tuple[Path, dict[str, Estimator]], tmp_path: Path) -> None:
    loaded = goodfit.load(saved[0] / "text" / "one.safetensors")
    for act in (loaded.report, loaded.save):
        with pytest.raises(InputError, match="holds no run: load its run folder"):
            act(tmp_path / "there")
    assert contents(tmp_path) == {}


def test_report_of_a_loaded_run_is_the_same(saved: tuple[Path, dict[str, Estimator]], tmp_path: Path) -> None:
    folder, models = saved
    models["text"].report(tmp_path / "one.html")
    goodfit.load(folder / "text" / "run").report(tmp_path / "other.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "other.html").read_bytes()


def test_doubtful_recipe_is_said_in_training_only(tmp_path: Path) -> None:
    X = np.arange(40.0)[:, None]
    with pytest.warns(goodfit.DoubtfulRecipe, match="weight_decay"):
        model = Regressor("l2=0.1, weight_decay=0.1", **SMALL).fit(X, X[:, 0])
    model.save(tmp_path / "run")
    assert np.array_equal(goodfit.load(tmp_path / "run").predict(X), model.predict(X))


def test_run_of_a_command_is_loaded_like_one_of_an_estimator(trained: Path) -> None:
    model = goodfit.load(trained)
    assert isinstance(model, Classifier)
    assert model.score(make_table().drop("left"), make_table()["left"]) > 0.6
    assert set(model.history_.columns) == {"recipe", "member", "seed", "epoch", "train_loss", "validation_loss"}


def test_run_folder_holds_no_pickle(trained: Path) -> None:
    """Each file is wholly accounted for by its format, and none of the formats has code."""
    assert {path.name for path in trained.iterdir()} == RUN_FILES
    whole = (trained / "model.safetensors").read_bytes()
    end = 8 + struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:end])
    told = header.pop("__metadata__")
    assert {tensor["dtype"] for tensor in header.values()} == {"F32"}
    assert sum(np.prod(tensor["shape"]) * 4 for tensor in header.values()) == len(whole) - end
    json.loads(told["model"])
    json.loads((trained / "run.json").read_text())
    assert set(pl.read_parquet(trained / "history.parquet").dtypes) <= {pl.String, pl.Int64, pl.Float64}
    (trained / "report.html").read_text()
    for path in trained.iterdir():
        content = path.read_bytes()
        assert not any(b"\x80" + bytes([protocol]) in content[:2] for protocol in range(2, 6))
        with pytest.raises((ValueError, IndexError, UnicodeDecodeError)):
            list(pickletools.genops(content))


def test_the_check_for_pickle_can_fail() -> None:
    assert [op.name for op, *_ in pickletools.genops(pickle.dumps([1]))]


def test_nothing_in_the_package_can_write_or_read_a_pickle() -> None:
    unsafe = re.compile(
        r"^\s*(import|from) +(pickle|cloudpickle|joblib|dill|shelve)|torch\.(save|load)\(|allow_pickle", re.M
    )
    sources = list(Path(goodfit.__file__).parent.rglob("*.py"))
    assert len(sources) > 50
    assert [path.name for path in sources if unsafe.search(path.read_text())] == []


def test_saving_over_an_older_run_replaces_it_whole(saved: tuple[Path, dict[str, Estimator]], tmp_path: Path) -> None:
    models = saved[1]
    models["text"].save(tmp_path / "run")
    models["numbers"].save(tmp_path / "run")
    assert contents(tmp_path / "run") == contents(saved[0] / "numbers" / "run")


@pytest.mark.parametrize("form", ["file", "file/below", "file/below.safetensors"])
def test_no_place_to_save(form: str, saved: tuple[Path, dict[str, Estimator]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OSError, match="file"):
        saved[1]["text"].save(tmp_path / form)
    assert contents(tmp_path) == {"file": b"mine"}


def test_model_file_is_read_by_whom_the_user_lets(trained: Path, tmp_path: Path) -> None:
    """As with every other file, the umask says who; safetensors' own writer would let only the owner."""
    (tmp_path / "file").write_text("")
    wanted = (tmp_path / "file").stat().st_mode
    assert {path.stat().st_mode for path in trained.iterdir()} == {wanted}
