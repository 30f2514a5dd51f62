"""Early stopping: training ends where the validation loss stops falling, and goes back to the best weights."""

from __future__ import annotations

import numpy as np
import polars as pl
from plots import lines, table, write
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

import goodfit

# %% data
X, y = make_classification(12_000, 20, n_informative=6, flip_y=0.15, random_state=1)
X_new, y_new = X[-4000:], y[-4000:]
samples = [slice(600 * seed, 600 * (seed + 1)) for seed in range(12)]  # each network learns from rows of its own

# %% runs
common = {"hidden": (64, 64), "max_epochs": 60, "batch_size": 32, "learning_rate": 0.002, "members": 1}
recipes = ["none", "early_stopping=1", "early_stopping=5", "early_stopping=10", "early_stopping=20"]
rows, histories = [], {}
for seed, sample in enumerate(samples):
    for recipe in recipes:
        model = goodfit.Classifier(recipe, random_state=seed, **common).fit(X[sample], y[sample])
        history = model.history_
        histories[recipe] = history
        rows.append(
            {
                "recipe": recipe,
                "seed": seed,
                "epochs trained": history.height,
                "best epoch": int(history["validation_loss"].arg_min()) + 1,
                "lowest watched": history["validation_loss"].min(),
                "last watched": history["validation_loss"][-1],
                "new rows": log_loss(y_new, model.predict_proba(X_new)),
            }
        )
runs = pl.DataFrame(rows)
means = runs.group_by("recipe", maintain_order=True).mean().drop("seed")
print(table(means.to_dicts()))

# %% flattery
patient = runs.filter(recipe="early_stopping=10")
excess = (patient["new rows"] - patient["lowest watched"]).to_numpy()
flattered, error = float(excess.mean()), float(excess.std(ddof=1) / len(excess) ** 0.5)

# %% figure
longest, stopped = histories["none"], histories["early_stopping=10"]
curves = lines(
    longest["epoch"].to_list(),
    {"training": longest["train_loss"], "validation": longest["validation_loss"]},
    x_title="epoch",
    y_title="log loss",
)
for text, epoch in (("best", int(stopped["validation_loss"].arg_min()) + 1), ("stopped", stopped.height)):
    curves.add_vline(epoch, line={"color": "#7a7a7a", "dash": "dot"}, annotation={"text": text})

# %% claims
by = {row["recipe"]: row for row in means.to_dicts()}
assert by["none"]["new rows"] > 2 * by["early_stopping=10"]["new rows"]
assert np.ptp([by[recipe]["new rows"] for recipe in recipes[2:]]) < 0.005
for recipe in recipes[1:]:
    patience = int(recipe.removeprefix("early_stopping="))
    ended = runs.filter(recipe=recipe)
    assert ended["epochs trained"].equals(ended["best epoch"] + patience)
assert by["early_stopping=10"]["last watched"] > by["early_stopping=10"]["lowest watched"] + 0.05

# %%
if __name__ == "__main__":
    write(curves, "early_stopping.html")
