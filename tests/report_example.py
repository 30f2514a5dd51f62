"""A whole summary and history of a made-up run, its names hostile on request."""

from typing import Any

import numpy as np
import polars as pl

HOSTILE = (
    "<img src=x onerror=\"window.harmed='img'\">",
    "</script><script>window.harmed='script'</script>",
    "\"'><svg onload=window.harmed='svg'>",
    "Größe 数量 — “x” %{y} &lt;b&gt; $a$ var(--ink) {{ 7*7 }}",
)
RECIPES = (
    "none",
    "l2=0.001",
    "dropout=0.3, batch_norm=on",
    "l1=0.001",
    "l2=0.001, dropout=0.3, early_stopping=10, label_smoothing=0.05, smote=0.5",
)


def history(recipes: tuple[str, ...] = RECIPES, *, members: int = 10, epochs: int = 60) -> pl.DataFrame:
    """Loss curves: the first recipe turns at epoch 9, the last stops early, member by member."""
    random = np.random.default_rng(0)
    epoch = np.arange(1, epochs + 1)
    frames = []
    for place, recipe in enumerate(recipes):
        for member in range(members):
            learned = 0.62 * np.exp(-epoch / (9 + 3 * place)) + 0.05 * place
            rise = np.maximum(epoch - 9, 0) * (0.011 / (1 + 2.5 * place))
            wobble = random.normal(0, 0.012, (2, epochs)) + random.normal(0, 0.03)
            validation = 0.19 + 0.45 * np.exp(-epoch / (5 + 2 * place)) + rise + wobble[0]
            lasts = epochs if place < len(recipes) - 1 else int(random.integers(24, 50))
            columns = {"epoch": epoch, "train_loss": learned + 0.3 * wobble[1] + 0.03, "validation_loss": validation}
            frame = pl.DataFrame(columns).head(lasts)
            frames.append(frame.with_columns(recipe=pl.lit(recipe), member=pl.lit(member), seed=pl.lit(member)))
    return pl.concat(frames)


def verdicts() -> list[dict[str, Any]]:
    """Two that fired, two that passed, one that could not be asked."""
    return [
        {
            "name": "calibration",
            "title": "The probabilities are close to what happens",
            "severity": "tip",
            "outcome": "passed",
            "reason": "",
            "evidence": {"expected_calibration_error": 0.0123, "brier_score": 0.0441},
            "threshold": 0.05,
            "advice": "",
        },
        {
            "name": "imbalance",
            "title": "Accuracy cannot rank these recipes",
            "severity": "tip",
            "outcome": "fired",
            "reason": "Calling every row 'good' scores 94.8 % without a network.",
            "evidence": {"majority_share": 0.948, "accuracy": 0.931, "balanced_accuracy": 0.741},
            "threshold": 0.8,
            "advice": "Rank by balanced accuracy, average precision or log loss.",
        },
        {
            "name": "overfitting",
            "title": "The network memorizes its training rows",
            "severity": "issue",
            "outcome": "fired",
            "reason": "The validation loss rises from epoch 9 on while the training loss keeps falling.",
            "evidence": {
                "train_loss": 0.0312,
                "validation_loss": 0.741,
                "gap": 0.7098,
                "turn": 9,
                "beyond_noise": True,
            },
            "threshold": 0.05,
            "advice": "Add early_stopping=10 first; dropout=0.3 and l2=0.001 cut the gap further.",
        },
        {
            "name": "collapse",
            "title": "The network predicts every class",
            "severity": "issue",
            "outcome": "passed",
            "reason": "",
            "evidence": {"shares": [0.93, 0.07]},
            "threshold": None,
            "advice": "",
        },
        {
            "name": "leak",
            "title": "Duplicate rows across the split",
            "severity": "issue",
            "outcome": "not applicable",
            "reason": "The rows carry no key by which copies could be told.",
            "evidence": {},
            "threshold": None,
            "advice": "",
        },
    ]


def _cell(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": value - half, "high": value + half}


def table(recipes: tuple[str, ...] = RECIPES) -> dict[str, Any]:
    """Five recipes by four metrics: log loss is better when lower, the third recipe's accuracy is worse."""
    labels = ["no regularization", "L2 only", "dropout with batch norm", "L1 only", "all but L1, stopped early"]
    accuracy, losses = [0.931, 0.934, 0.912, 0.936, 0.947], [0.741, 0.412, 0.301, 0.388, 0.179]
    rows = []
    for recipe, label, share, loss in zip(recipes, labels, accuracy, losses, strict=True):
        balanced = 0.93 - 1.1 * loss / 4
        cells = {
            "train_accuracy": _cell(0.999 - 0.01 * len(rows), 0.002),
            "test_accuracy": _cell(share, 0.006),
            "balanced": _cell(balanced, 0.012),
            "log_loss": _cell(loss, 0.02),
        }
        differences = {
            "train_accuracy": _cell(-0.01 * len(rows), 0.002),
            "test_accuracy": _cell(share - accuracy[0], 0.007),
            "balanced": _cell(balanced - (0.93 - 1.1 * losses[0] / 4), 0.015),
            "log_loss": _cell(loss - losses[0], 0.03),
        }
        rows.append({"recipe": recipe, "label": label, "cells": cells, "differences": differences})
    return {
        "metrics": [
            {"key": "train_accuracy", "label": "training accuracy", "percent": True, "higher_is_better": None},
            {"key": "test_accuracy", "label": "test accuracy", "percent": True, "higher_is_better": True},
            {"key": "balanced", "label": "balanced accuracy", "percent": True, "higher_is_better": True},
            {"key": "log_loss", "label": "log loss", "percent": False, "higher_is_better": False},
        ],
        "rows": rows,
        "baselines": [
            {"label": "everything 'good'", "cells": {"test_accuracy": _cell(0.948, 0), "balanced": _cell(0.5, 0)}}
        ],
        "note": "95 % intervals over 10 seeds, on 1,971 test rows.",
    }


def _weights(recipe: str, spread: float, zeros: float, seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    values = random.normal(0, spread, 8192) * (random.random(8192) >= zeros)
    counts, edges = np.histogram(values, bins=61)
    share = float(np.mean(values == 0))
    return {"recipe": recipe, "edges": edges.tolist(), "counts": counts.tolist(), "zeros": share, "total": 8192}


def _calibration(recipe: str, slope: float) -> dict[str, Any]:
    predicted = [0.002, 0.006, 0.012, 0.02, 0.033, 0.051, 0.082, 0.14, 0.26, 0.47]
    observed = [0.0 if value < 0.005 else min(1.0, slope * value) for value in predicted]
    half = [1.96 * float(np.sqrt(max(share, 0.004) * (1 - share) / 197)) for share in observed]
    bins = [
        {"predicted": x, "observed": y, "low": max(0.0, y - h), "high": min(1.0, y + h), "rows": 197}
        for x, y, h in zip(predicted, observed, half, strict=True)
    ]
    return {"recipe": recipe, "bins": bins}


PICK = {
    "recipe": "dropout=0.3 <input>",
    "share": 1.0,
    "hidden": [64, 64],
    "pieces": 16,
    "batch_size": 32,
    "learning_rate": 0.001,
    "loss": 0.171,
    "epochs": 30,
}


def summary(recipes: tuple[str, ...] = RECIPES, *, name: str = "amount", label: str = "bad") -> dict[str, Any]:
    """Every part of a run's summary; `name` is a column's and the target's, `label` a class'."""
    random = np.random.default_rng(1)
    selected = [1.0] * 9 + [0.9, 0.7, 0.4, 0.2] + [0.1] * 6 + [0.0] * 16
    columns = [name, "annual_income_of_the_household_before_tax"] + [f"column_{place}" for place in range(33)]
    return {
        "goodfit": "0.1.0",
        "created": "2026-11-22T10:00:00+00:00",
        "command": "compare",
        "title": f"lending_club.parquet: {name}",
        "task": "binary",
        "headline": "Without regularization the network memorizes: its validation loss turns at epoch 9. "
        "Early stopping with dropout and L2 cures it.",
        "data": {
            "name": "lending_club.parquet",
            "rows": 9857,
            "columns": 22,
            "target": name,
            "classes": [label, "good"],
            "counts": [513, 9344],
            "train": 7886,
            "test": 1971,
            "notes": [
                f"column '{name}' has a value of its own in every row: not used",
                "3 rows without a label: left out",
            ],
        },
        "verdicts": verdicts(),
        "turns": [
            {"recipe": recipes[0], "epoch": 9, "beyond_noise": True, "rise": 0.5124},
            {"recipe": recipes[1], "epoch": 18, "beyond_noise": False, "rise": 0.02},
        ],
        "curves": [recipes[0], recipes[-1]],
        "chosen": recipes[-1],
        "table": table(recipes),
        "weights": [
            _weights(recipes[0], 0.31, 0.0, 2),
            _weights(recipes[1], 0.11, 0.0, 3),
            _weights(recipes[3], 0.14, 0.83, 4),
        ],
        "features": {
            "recipe": recipes[3],
            "rows": [
                {"name": column, "selected": share, "weight": round(share * float(random.gamma(2, 0.1)), 4)}
                for column, share in zip(columns, selected, strict=True)
            ],
            "note": "Counted over 10 networks.",
        },
        "calibration": [_calibration(recipes[0], 1.9), _calibration(recipes[-1], 1.08)],
        "search": {
            "told": "Held-out loss of the model 0.171; corrected 0.174 (0.166 to 0.182): 1.7 % of it was luck.",
            "advice": ["logistic regression is as good as far as these rows can tell, and simpler"],
            "sentences": ["dropout helps: leaving it out raises the held-out loss by 0.010 to 0.020"],
            "trials": {"all": 40, "to the end": 12, "dropped": 28, "diverged": 0},
            "model": {"networks": 5, "temperature": 1.1, "picks": [PICK]},
            "best": [PICK],
        },
        "repair": {
            "log loss": {"as_resampled": 0.531, "repaired": 0.193},
            "Brier score": {"as_resampled": 0.176, "repaired": 0.048},
        },
        "confusion": {
            "threshold": 0.07,
            "classes": ["good", label],
            "counts": [[1500, 360], [40, 71]],
            "rows": "test rows",
            "note": "The threshold was chosen on held-out rows for balanced accuracy.",
        },
        "settings": {"hidden": [128, 128], "epochs": 60, "batch_rows": 128, "learning_rate": 0.001, "seeds": 10},
        "versions": {"python": "3.11.2", "torch": "2.13.0", "scikit-learn": "1.9.1", "goodfit": "0.1.0"},
    }


def hostile_summary() -> dict[str, Any]:
    """The same run, its names written by someone who means harm."""
    whole = summary(hostile_recipes(), name=HOSTILE[0], label=HOSTILE[1])
    whole["headline"] = f"Verdict {HOSTILE[1]}"
    whole["verdicts"][1] |= {"title": HOSTILE[2], "reason": HOSTILE[0], "evidence": {HOSTILE[2]: HOSTILE[1]}}
    whole["features"]["rows"][2]["name"] = HOSTILE[3]
    whole["table"]["baselines"][0]["label"] = HOSTILE[0]
    whole["settings"] = {HOSTILE[1]: {HOSTILE[0]: HOSTILE[2]}}
    return whole


def hostile_recipes() -> tuple[str, ...]:
    """Five recipes that no parser would let through."""
    return (*HOSTILE, "none")


DOSES = (
    "early_stopping=10",
    "l2=0.0003, early_stopping=10",
    "l2=0.001, early_stopping=10",
    "l2=0.003, early_stopping=10",
    "l2=0.01, early_stopping=10",
    "dropout=0.2, early_stopping=10",
    "l2=0.001, dropout=0.3 input=0.1, early_stopping=10",
)


def changes(names: tuple[str, ...] = DOSES) -> list[dict[str, Any]]:
    """Seven doses, of which most help, one that can't be compared, and stronger networks, one of them far worse."""
    falls = [0.31, 0.34, 0.38, 0.29, 0.03, None, 0.4]
    kinds = ["training", "capacity", "capacity", "patience"]
    stronger = [("max_epochs=180", -0.09), ("hidden=(128, 128)", 0.01), ("hidden=(64, 64)", -2.5)]
    stronger.append(("early_stopping=40, max_epochs=180", 0.012))
    every = [("dose", name, fall) for name, fall in zip(names, falls, strict=True)]
    every += [(kind, name, fall) for kind, (name, fall) in zip(kinds, stronger, strict=True)]
    return [
        {
            "kind": kind,
            "name": name,
            "held_out": None if fall is None else 0.741 * (1 - fall),
            "train": None if fall is None else 0.2 + 0.1 * fall,
            "lower_by": None if fall is None else _cell(fall, 0.05),
        }
        for kind, name, fall in every
    ]


def growth() -> dict[str, Any]:
    """Losses on a law that falls, and where it leads."""
    rows = [986, 1972, 3943, 7886]
    mean = [0.35 + 12 * count**-0.5 for count in rows]
    half = [0.03, 0.022, 0.016, 0.012]
    return {
        "rows": rows,
        "mean": mean,
        "low": [value - h for value, h in zip(mean, half, strict=True)],
        "high": [value + h for value, h in zip(mean, half, strict=True)],
        "law": {"floor": 0.35, "scale": 12.0, "rate": 0.5},
        "twice": {"rows": 15772, **_cell(0.35 + 12 * 15772**-0.5, 0.03)},
        "reliable": True,
    }


def diagnosed(outcomes: dict[str, str], *, names: tuple[str, ...] = DOSES) -> dict[str, Any]:
    """A diagnosis' summary: verdicts with these outcomes by name, and the evidence of them all."""
    severities = {"overfitting": "issue", "underfitting": "issue", "validation_too_small": "issue", "good_fit": "good"}
    asked = [
        {
            "name": name,
            "title": f"Title of {name}",
            "severity": severities.get(name, "tip"),
            "outcome": outcome,
            "reason": f"why {name} is undecided" if outcome == "undecided" else "",
            "evidence": {"held-out loss as it is": 0.741, "lower by": 0.4},
            "threshold": 0.02,
            "advice": f"train with {names[-1]}",
        }
        for name, outcome in outcomes.items()
    ]
    parts = [
        {"name": name, "bias": 0.052 + 0.002 * place, "variance": 0.034 / (1 + place)}
        for place, name in enumerate((RECIPES[0], *names[:5]))
    ]
    kept = ("goodfit", "title", "task", "data", "turns", "curves", "calibration", "repair", "confusion", "settings")
    kept += ("versions",)
    return {key: value for key, value in summary().items() if key in kept} | {
        "headline": "Overfitting: l2=0.001 brings the held-out loss from 0.741 down to 0.445.",
        "verdicts": asked,
        "asked": {"name": "none", "held_out": 0.741, "train": 0.031},
        "changes": changes(names),
        "dose_parts": {"score": "Brier score", "rows": parts},
        "growth": growth(),
    }
