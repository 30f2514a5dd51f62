"""A decision: which class a row is taken for, and that a saved model takes the same or is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from goodfit import saving
from goodfit.alarms import confusion_at
from goodfit.blend import Blend
from goodfit.decision import Decision, codes_of
from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.saving import model_bytes, read_model
from goodfit.sealed import read_sealed
from goodfit.studies.fitting import Plan, fit, model_of
from goodfit.studies.problem import read_problem
from goodfit.training import Settings

PROBLEM = read_problem(np.arange(40.0)[:, None], np.arange(40) > 30)
CHANCES = np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])


@pytest.fixture(scope="module")
def model():
    fitted = fit(PROBLEM, [Recipe.parse("l2=0.01")], plan=Plan(members=2), settings=Settings((4,), max_epochs=2))
    return model_of(fitted, fitted.best)


def format_of(model, tmp_path: Path) -> str:
    (tmp_path / "model.safetensors").write_bytes(model_bytes(model))
    return read_sealed(tmp_path / "model.safetensors")[0]["format"]


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 0.51, 1.1])
def test_a_row_is_an_alarm_from_the_threshold_on(positive, threshold):
    codes = Decision(positive, threshold).codes(CHANCES)
    np.testing.assert_array_equal(codes == positive, CHANCES[:, positive] >= threshold)
    flagged = confusion_at([True] * 3, CHANCES[:, positive], threshold).true_positives
    assert (codes == positive).sum() == flagged


def test_without_a_decision_the_likelier_class_is_taken():
    np.testing.assert_array_equal(codes_of(CHANCES, None), [0, 0, 1])
    np.testing.assert_array_equal(codes_of(CHANCES, Decision(0, 0.6)), [0, 1, 1])


@pytest.mark.parametrize("blended", [False, True])
def test_a_saved_decision_is_read_back_and_older_programs_refuse_it(blended, model, tmp_path, monkeypatch):
    plain = Blend((model, model), (1, 2), 1.5) if blended else model
    decided = replace(plain, decision=Decision(0, 0.1 + 0.2))
    assert format_of(plain, tmp_path) == ("3" if blended else "2")
    assert read_model(tmp_path).decision is None
    assert format_of(decided, tmp_path) == "4"
    again = read_model(tmp_path)
    assert again.decision == decided.decision
    np.testing.assert_array_equal(again.predict(PROBLEM.table), plain.predict(PROBLEM.table))
    monkeypatch.setattr(saving, "FORMAT_OF_DECISIONS", 3)
    with pytest.raises(InputError, match=r"in format 4, this is goodfit .* with format 3: upgrade goodfit"):
        read_model(tmp_path)


def test_a_model_without_a_decision_says_nothing_of_one(model, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(model_bytes(model))
    metadata, _ = read_sealed(tmp_path / "model.safetensors")
    assert "decision" not in json.loads(metadata["model"])
