"""`goodfit.diagnose_log`: which verdict fires on which curves."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from log_curves import drawn

from goodfit import diagnose_log
from goodfit.diagnosis.log import NAMES, LogDiagnosis

EPOCHS = np.arange(60)
FALLING = 0.1 + 2 * np.exp(-EPOCHS / 10)
SETTLED = 1.0 + 2 * np.exp(-EPOCHS / 6)
TURNED = SETTLED + 0.02 * np.maximum(0, EPOCHS - 25)
ENDLESS = 3.0 - 0.03 * EPOCHS


def noise(size: float, seed: int = 0) -> np.ndarray:
    return size * drawn(np.random.default_rng(seed), 1, len(EPOCHS), 0.3)[0]


@pytest.fixture
def diagnose(tmp_path: Path) -> Callable[..., LogDiagnosis]:
    def of(train: np.ndarray | None, validation: np.ndarray | None, **columns: object) -> LogDiagnosis:
        losses = {"loss": train, "val_loss": validation}
        told = {name: values for name, values in losses.items() if values is not None}
        rows = len(next(iter(told.values())))
        path = tmp_path / "log.csv"
        pl.DataFrame({"epoch": np.arange(rows)} | told | columns).write_csv(path)
        return diagnose_log(path)

    return of


def test_overfitting(diagnose):
    found = diagnose(FALLING + noise(0.01), TURNED + noise(0.02, 1))
    assert found.fired == ("overfitting", "stopped_wrong")
    assert abs(found.turn.epoch - 25) <= 5
    assert found.keep.epoch == found.turn.epoch >= found.keep.since
    assert found.turn.rise.low < 0.02 * 30 < found.turn.rise.high
    assert found.turn.train_fall > 0
    assert found["stopped_wrong"].evidence["it ended"] == "too late"
    assert f"epoch {found.turn.epoch:g}" in found["overfitting"].advice


def test_a_good_fit(diagnose):
    found = diagnose(FALLING + noise(0.01), SETTLED + noise(0.005, 1))
    assert found.fired == ("good_fit",)
    assert found.keep.epoch == 59
    assert found["overfitting"].outcome == "passed"


def test_underfitting(diagnose):
    found = diagnose(ENDLESS - 0.1 + noise(0.01), ENDLESS + noise(0.01, 1))
    assert found.fired == ("underfitting", "stopped_wrong")
    assert found["stopped_wrong"].evidence["it ended"] == "too early"


def test_validation_that_still_falls_while_training_rests_is_no_underfitting(diagnose):
    found = diagnose(0.5 + 0 * EPOCHS + noise(0.01), ENDLESS + noise(0.01, 1))
    assert found.fired == ("stopped_wrong",)


def test_too_noisy_to_tell(diagnose):
    found = diagnose(FALLING + noise(0.01), SETTLED + noise(0.3, 1))
    assert found.fired == ("validation_too_small",)
    assert {found[name].outcome for name in ("overfitting", "good_fit")} == {"undecided"}


def test_both_losses_rising_is_no_overfitting(diagnose):
    found = diagnose(TURNED - 0.5 + noise(0.01), TURNED + noise(0.01, 1))
    assert "overfitting" not in found.fired
    assert "stopped_wrong" in found.fired


def test_without_a_training_loss_a_turn_is_undecided(diagnose):
    found = diagnose(None, TURNED + noise(0.02))
    assert found["overfitting"].outcome == "undecided"
    assert "no training loss" in found["overfitting"].reason
    assert diagnose(None, SETTLED + noise(0.005)).fired == ("good_fit",)


@pytest.mark.parametrize("kind", ["nan", "inf", "explosion"])
def test_divergence(diagnose, kind):
    train, validation = FALLING + noise(0.01), SETTLED + noise(0.005, 1)
    train[50:] = {"nan": np.nan, "inf": np.inf, "explosion": 1e4}[kind]
    found = diagnose(train, validation)
    assert found["diverged"].fired
    assert found["diverged"].evidence["first at"] == 50
    assert "good_fit" not in found.fired


def test_a_gap_in_the_loss_is_no_divergence(diagnose):
    validation = SETTLED + noise(0.005, 1)
    validation[40:43] = np.nan
    found = diagnose(FALLING + noise(0.01), validation)
    assert found.fired == ("good_fit",)
    assert any("without a finite loss" in note for note in found.notes)


def test_few_epochs_are_undecided(diagnose):
    found = diagnose(np.array([3.0, 2, 1]), np.array([3.0, 2, 5]))
    assert found.fired == ()
    assert found.turn is None
    assert found.keep.epoch == 1
    assert {found[name].outcome for name in ("overfitting", "good_fit", "underfitting")} == {"undecided"}
    assert diagnose(np.array([3.0]), np.array([3.0])).keep.epoch == 0


def test_without_a_validation_loss_only_divergence_is_told(diagnose):
    train = FALLING.copy()
    assert diagnose(train, None).fired == ()
    train[-1] = np.nan
    found = diagnose(train, None)
    assert found.fired == ("diverged",)
    assert found["overfitting"].outcome == "not applicable"
    assert "no validation loss" in found["overfitting"].reason
    assert found.keep is None


def test_accuracies_alone_tell_nothing(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,accuracy,val_accuracy\n1,0.5,0.4\n2,0.6,0.5\n")
    found = diagnose_log(path)
    assert {verdict.outcome for verdict in found.verdicts} == {"not applicable"}
    assert "accuracies and no loss" in found["overfitting"].reason


def runs(tmp_path: Path, truth: np.ndarray, size: float, column: str, values: range | list[str]) -> LogDiagnosis:
    frames = [
        pl.DataFrame({column: value, "epoch": EPOCHS, "loss": FALLING, "val_loss": truth + noise(size, seed)})
        for seed, value in enumerate(values)
    ]
    path = tmp_path / "log.csv"
    pl.concat(frames).write_csv(path)
    return diagnose_log(path)


def test_several_runs_are_measured_by_their_spread(tmp_path):
    found = runs(tmp_path, TURNED, 0.1, "seed", range(8))
    assert found.turn.runs == 8
    assert "overfitting" in found.fired
    assert found.turn.rise.low < 0.6 < found.turn.rise.high
    assert "overfitting" not in runs(tmp_path, SETTLED, 0.1, "seed", range(8)).fired


def test_two_runs_are_measured_by_the_noise_of_their_mean(tmp_path):
    found = runs(tmp_path, TURNED, 0.02, "seed", range(2))
    assert found.turn.runs == 2
    assert "overfitting" in found.fired


def test_different_trainings_are_judged_one_by_one(tmp_path):
    healthy = pl.DataFrame({"recipe": "l2=1", "epoch": EPOCHS, "loss": FALLING, "val_loss": SETTLED + noise(0.005)})
    turned = healthy.with_columns(recipe=pl.lit("none"), val_loss=pl.Series(TURNED + noise(0.02, 1)))
    path = tmp_path / "log.csv"
    pl.concat([healthy, turned]).write_csv(path)
    found = diagnose_log(path)
    assert found.turn.part == "none"
    assert found["overfitting"].evidence["trainings that overfit"] == 1
    assert any("2 different trainings" in note for note in found.notes)


def test_long_curves_are_shortened(tmp_path):
    at = np.arange(4000)
    rng = np.random.default_rng(0)
    validation = 1 + np.exp(-at / 200) + 0.0002 * np.maximum(0, at - 1500) + 0.05 * rng.standard_normal(4000)
    path = tmp_path / "log.csv"
    pl.DataFrame({"step": at, "loss": np.exp(-at / 2000), "val_loss": validation}).write_csv(path)
    found = diagnose_log(path)
    assert found.curves.height == 400
    assert found.unit == "step"
    assert "overfitting" in found.fired
    assert abs(found.turn.epoch - 1500) < 400


def test_all_names_are_answered_and_it_is_plain_data(diagnose):
    found = diagnose(FALLING + noise(0.01), TURNED + noise(0.02, 1))
    assert tuple(verdict.name for verdict in found.verdicts) == NAMES
    assert all(verdict.reason for verdict in found.verdicts if verdict.outcome == "not applicable")
    told = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert told["fired"] == ["overfitting", "stopped_wrong"]
    assert told["turn"]["rise"]["low"] > 0
    assert len(told["curves"]["val" + "idation_loss"]) == 60
    assert "overfitting" in repr(found)
