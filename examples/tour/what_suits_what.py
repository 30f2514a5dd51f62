"""What suits what: the same techniques on three problems, with intervals."""

from __future__ import annotations

import numpy as np
from plotly.graph_objects import Figure, Scatter
from plots import COLORS, beside, calm, table, write
from sklearn.datasets import make_classification

import goodfit

# %% problems
random = np.random.default_rng(0)
inputs = random.normal(size=(240, 80))
linear = (inputs[:, :3].sum(1) + 0.5 * random.normal(size=240) > 0).astype(int)
many = make_classification(4000, 10, n_informative=8, n_redundant=0, flip_y=0.05, random_state=0)
few = make_classification(300, 20, n_informative=8, n_redundant=0, flip_y=0.05, random_state=0)
problems = {
    "3 of 80 inputs": (inputs, linear, (32,)),
    "deep, few rows": (*few, (64,) * 5),
    "small, many rows": (*many, (16,)),
}

# %% compare
recipes = {
    "none": "none",
    "L2": "l2=0.003",
    "L1": "l1=0.003",
    "dropout": "dropout=0.4",
    "batch norm": "batch_norm=1",
    "early stopping": "early_stopping=10",
}
compared = {
    name: goodfit.compare(X, y, list(recipes.values()), seeds=4, hidden=hidden, max_epochs=60)
    for name, (X, y, hidden) in problems.items()
}


def share(comparison, i):
    """The change of the loss on test rows, in % of that without regularization, with its 95 % interval."""
    change, whole = comparison.difference(i, "test_log_loss"), comparison.estimate(0, "test_log_loss").value
    return [100 * value / whole for value in (change.value, change.low, change.high)]


changes = {name: [share(found, i) for i in range(1, len(recipes))] for name, found in compared.items()}
techniques = list(recipes)[1:]


def told(change, low, high):
    """A change with its interval."""
    return f"{change:+.0f} % ({low:+.0f} to {high:+.0f})"


print(
    table(
        [
            {"technique": technique} | {name: told(*change[i]) for name, change in changes.items()}
            for i, technique in enumerate(techniques)
        ]
    )
)


# %% figure
def marks(change, color):
    """Each technique's change with its interval."""
    value, low, high = np.array(change).T
    spread = {"type": "data", "array": high - value, "arrayminus": value - low, "color": color}
    drawn = Scatter(x=techniques, y=value, error_y=spread, mode="markers", marker={"color": color, "size": 9})
    return calm(Figure(drawn.update(name="change")), x_title="", y_title="change of the test loss, %")


curves = beside({name: marks(change, COLORS[0]) for name, change in changes.items()})
curves.update_layout(showlegend=False)

# %% claims
sparse, deep, plenty = ({technique: change[i] for i, technique in enumerate(techniques)} for change in changes.values())
assert min(sparse, key=lambda technique: sparse[technique][0]) == "L1" and sparse["L1"][2] < 0
best, least = (pick(deep, key=lambda technique: deep[technique][0]) for pick in (min, max))
assert deep[least][0] < -20 and sum(change[1] <= deep[best][0] for change in deep.values()) >= 4
assert all(value == 0 for value in plenty["early stopping"])
assert min(plenty[technique][1] for technique in ("L2", "L1", "dropout")) > 0
assert plenty["batch norm"][2] < 0

# %%
if __name__ == "__main__":
    write(curves, "what_suits_what.html")
