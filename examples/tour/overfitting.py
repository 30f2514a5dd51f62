"""Overfitting, and how to see it: three networks on the same rows, followed epoch by epoch."""

from __future__ import annotations

import numpy as np
from plots import beside, lines, table, write
from sklearn.datasets import make_circles

import goodfit

# %% data
random = np.random.default_rng(0)
X, y = make_circles(500, noise=0.2, factor=0.4, random_state=0)
X = np.column_stack([X, random.normal(size=(500, 4))])  # two columns tell the class, four are noise

# %% networks
common = {"max_epochs": 100, "batch_size": 32, "learning_rate": 0.003}
networks = {
    "too simple": goodfit.Classifier("none", hidden=(), **common),
    "just right": goodfit.Classifier("l2=0.003", hidden=(64, 64), **common),
    "too complex": goodfit.Classifier("none", hidden=(64, 64), **common),
}
frames = {name: goodfit.learning_curve(one, X, y, over="epochs").frame() for name, one in networks.items()}
fired = {name: goodfit.diagnose(X, y, estimator=networks[name]).fired for name in ("too simple", "too complex")}

# %% table
rows = [
    {
        "network": name,
        "training loss": frame["training"][-1],
        "held-out loss": frame["held_out"][-1],
        "gap": frame["gap"][-1],
        "lowest held-out loss": frame["held_out"].min(),
        "at epoch": frame["epochs"][frame["held_out"].arg_min()],
    }
    for name, frame in frames.items()
]
print(table(rows))
simple, right, complex_ = rows

# %% figure
curves = beside(
    {
        name: lines(
            frame["epochs"].to_list(),
            {"training": frame["training"], "held out": frame["held_out"]},
            x_title="epoch",
            y_title="log loss",
        )
        for name, frame in frames.items()
    },
    one_height=True,
)

# %% claims
assert simple["training loss"] > 0.6 and simple["held-out loss"] > 0.6
assert complex_["training loss"] < 0.02
assert complex_["held-out loss"] > 1.5 * complex_["lowest held-out loss"]
assert 2 < complex_["at epoch"] < 50
assert right["held-out loss"] < min(simple["held-out loss"], complex_["held-out loss"])
assert "underfitting" in fired["too simple"]
assert "overfitting" in fired["too complex"]
assert right["gap"] > 0.1

# %%
if __name__ == "__main__":
    write(curves, "overfitting.html")
