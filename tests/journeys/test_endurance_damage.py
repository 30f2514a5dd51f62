"""A thousand damaged files, and what each is loaded as: refused in a line, or what it was."""

import json
import warnings
from collections import Counter
from pathlib import Path

import endurance_damage as damage
import numpy as np
import pytest
from commandline import assert_refused, goodfit

import goodfit as library
from goodfit.errors import DamagedFile, InputError
from goodfit.headers import _classes
from goodfit.saving import json_text, read_summary
from goodfit.sealed import read_sealed
from goodfit.templates import parsed
from goodfit.training import Checkpoint


@pytest.fixture(autouse=True)
def seed() -> np.random.Generator:
    return np.random.default_rng(0)


def check(found: Counter[tuple[str, str]], wrong: list[str]) -> None:
    assert wrong == []
    outcomes = Counter(outcome for _, outcome in found.elements())
    assert outcomes["refused"] > 0.8 * found.total()
    assert {outcome for (kind, outcome) in found if kind in {"bits flipped", "cut off"}} == {"refused"}


def test_a_thousand_damaged_models_are_refused_each_in_a_line(tmp_path: Path) -> None:
    found, wrong = damage.tally(tmp_path, 700)
    assert found.total() >= 1000
    check(found, wrong)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 4))
def test_ten_thousand(seed: int, tmp_path: Path) -> None:
    check(*damage.tally(tmp_path, 10_000, seed))


@pytest.mark.parametrize("kind", ["int32", "uint32"])
def test_numbers_of_another_kind_are_no_weights(kind: str, run: Path) -> None:
    """Their bytes are the same, and so was the checksum over them."""
    file = run / "model.safetensors"
    content = file.read_bytes()
    file.write_bytes(content.replace(b'"F32"', {"int32": b'"I32"', "uint32": b'"U32"'}[kind]))
    with pytest.raises(InputError, match="its checksum is wrong"):
        library.load(file)


def test_a_file_of_numbers_that_numpy_has_not(tmp_path: Path, csv: Path) -> None:
    file = tmp_path / "other.safetensors"
    for name, size in (("BF16", 4), ("F8_E4M3", 2)):
        header = json.dumps({"a": {"dtype": name, "shape": [2], "data_offsets": [0, size]}}).encode()
        file.write_bytes(damage.joined(header, bytes(size)))
        assert_refused(goodfit("predict", file, csv), str(file), "goodfit's")


def flipped(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


@pytest.mark.parametrize("name", ["run.json", "history.parquet", "model.safetensors"])
def test_a_flipped_bit_in_a_run_is_noticed_or_changes_nothing(name: str, run: Path, seed: np.random.Generator) -> None:
    expected = read_summary(run)
    content, noticed = (run / name).read_bytes(), 0
    for place in seed.integers(0, len(content), 150):
        (run / name).write_bytes(flipped(content, int(place), int(seed.integers(8))))
        try:
            summary, history = read_summary(run)
        except InputError as error:
            noticed += str(error).startswith(f"the run in {run} can't be read") and "\n" not in str(error)
        else:  # a blank that became another
            assert summary == expected[0]
            assert history.equals(expected[1])
            noticed += 1
    assert noticed == 150


BAD = [None, True, -1, 1e308, "", "../x", [], {}, [[]], [0], {"a": None}, "<b>", 10**400]


def test_a_summary_that_lies_under_a_checksum_of_its_own_is_refused_in_a_line(
    run: Path, seed: np.random.Generator
) -> None:
    """What can still be shown is shown; nothing else than a line comes of the rest."""
    summary = json.loads((run / "run.json").read_text())
    del summary["sha256"], summary["files"]
    paths = list(damage._paths(summary))
    statuses = Counter[int]()
    for way in ("replaced", "removed", "longer"):
        for place in seed.integers(1, len(paths), 12):
            changed = damage._changed(summary, paths[place], way, BAD[int(seed.integers(len(BAD)))])
            (run / "run.json").write_text(json.dumps(changed))
            done = goodfit("report", run, "-o", run / "other.html")
            statuses[done.status] += 1
            if done.status:
                assert_refused(done, str(run), "make it again")
    assert set(statuses) == {0, 2}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 100_000, "NaN", "[]", "null", '"text"', "1" * 10_000, '{"title": ["x"]'], ids=len
)
def test_json_that_is_no_summary(text: str, run: Path) -> None:
    (run / "run.json").write_text(text)
    assert_refused(goodfit("report", run), str(run), "make it again")
    with pytest.raises(InputError, match="make it again"):
        library.load(run)


def test_files_of_two_runs_in_one_folder_are_told_apart(run: Path) -> None:
    """As a process leaves them that is killed while it writes over an older run."""
    history = run / "history.parquet"
    history.write_bytes(history.read_bytes() + b"another")
    assert_refused(goodfit("report", run), "history.parquet isn't the one that run.json tells of", "half-way")


def test_an_older_run_without_checksums_is_read_as_before(run: Path) -> None:
    summary = json.loads((run / "run.json").read_text())
    del summary["sha256"], summary["files"]
    (run / "run.json").write_text(json_text(summary))
    assert goodfit("report", run).status == 0
    assert library.load(run).summary_ == summary


def test_a_state_with_flipped_bits_is_said_and_never_gone_on_with(tmp_path: Path, seed: np.random.Generator) -> None:
    import torch

    kept = Checkpoint(tmp_path / "unfinished.safetensors")
    kept.save({"state.first": torch.randn(3, 5), "epoch": torch.tensor(3), "alive": torch.arange(3)}, "job")
    content = kept.path.read_bytes()
    assert kept.load("job") is not None
    assert kept.load("another job") is None
    for place in range(len(content)):
        kept.path.write_bytes(flipped(content, place, int(seed.integers(8))))
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            state = kept.load("job")
        damaged = [warning for warning in said if warning.category is DamagedFile]
        assert (state is None) == bool(damaged)
        assert state is None or read_sealed(kept.path)[0] == {"fingerprint": "job"}  # a blank of the header's padding


def test_deep_json_is_refused_before_anything_is_made_of_it() -> None:
    for text in ("[" * 100_000, "]" * 10, '{"a": 1', "é\udcff"):
        with pytest.raises(InputError, match="it is"):
            parsed(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("kind", "values"), [("<U1000000000", ["a", "b"]), ("<i8", [0.5, 1]), ("|b1", [5, 7]), ("<f2", [1.0, 1e9])]
)
def test_classes_that_are_no_array_of_their_kind_are_refused(kind, values):
    with pytest.raises(InputError, match="its classes"):
        _classes({"dtype": kind, "values": values})


def test_classes_in_numpy_s_texts_of_any_length_come_back(tmp_path):
    X = np.linspace(-1, 1, 60)[:, None]
    y = np.array(["low", "a rather long name"], dtype=np.dtypes.StringDType())[(X[:, 0] > 0).astype(int)]
    model = library.Classifier("none", hidden=(), max_epochs=2, members=1).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    assert list(library.load(tmp_path / "model.safetensors").predict(X)) == list(model.predict(X))
