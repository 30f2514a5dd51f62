"""Writes small models and a run folder in today's formats, which every later goodfit must read.

    python -m release.formats tests/formats/0.1

Run it when a format is added, into a folder of that version; what older versions wrote is never written again.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

import goodfit
from goodfit.blend import Blend
from goodfit.decision import Decision
from goodfit.saving import model_bytes

SMALL = {"hidden": (6,), "members": 2, "max_epochs": 4}


def customers(rows: int, seed: int) -> pl.DataFrame:
    """A column of every kind, two of them with gaps, and two targets."""
    rng = np.random.default_rng(seed)
    age = rng.normal(45, 12, rows).round(1)
    town = rng.choice(["Bath", "York", "Ely", None], rows)
    joined = np.datetime64("2020-01-01") + rng.integers(0, 1500, rows)
    stays = np.where(age + 9 * (town == "York") + rng.normal(0, 9, rows) > 47, "yes", "no")
    spent = pl.Series(rng.lognormal(3, 1, rows).round(2)).set(pl.Series(rng.random(rows) < 0.1), None)
    columns = {"age": age, "spent": spent, "town": pl.Series(town.tolist()), "joined": joined, "member": age > 40}
    return pl.DataFrame(columns | {"stays": stays, "worth": (age * 2 + rng.normal(0, 5, rows)).round(2)})


def write(folder: Path) -> None:
    """A run folder, a model's file of every format, rows to predict, and what is predicted of them."""
    known, new = customers(90, 0), customers(12, 1).drop("stays", "worth")
    X, stays, worth = known.drop("stays", "worth"), known["stays"], known["worth"]
    run = goodfit.Classifier("batch_norm, dropout=0.2, l2=0.001", **SMALL).fit(X, stays)
    other = goodfit.Classifier("l1=0.001", **SMALL | {"hidden": (4, 3)}).fit(X, stays)
    number = goodfit.Regressor("weight_decay=0.01", **SMALL).fit(X, worth)
    folder.mkdir(parents=True)
    run.save(folder / "run")
    blend = Blend((run.model_, other.model_), (2, 1), 0.8)
    models = {
        "number": number.model_,
        "blend": blend,
        "threshold": replace(run.model_, decision=Decision(positive=1, threshold=0.3)),
        "blend_threshold": replace(blend, decision=Decision(positive=0, threshold=0.2)),
    }
    for name, model in models.items():
        (folder / f"{name}.safetensors").write_bytes(model_bytes(model))
    new.write_csv(folder / "new.csv")
    predicted = {path.name: predictions(path, new) for path in sorted(folder.iterdir()) if path.name != "new.csv"}
    (folder / "predictions.json").write_text(json.dumps(predicted, indent=1) + "\n", encoding="utf-8")


def predictions(path: Path, new: pl.DataFrame) -> dict[str, list[object]]:
    """What a saved model says of some rows: numbers or classes, and the probabilities of these."""
    model = goodfit.load(path)
    told = {"predict": model.predict(new).tolist()}
    return told | ({"predict_proba": model.predict_proba(new).tolist()} if hasattr(model, "classes_") else {})


if __name__ == "__main__":
    write(Path(sys.argv[1]))
