"""L2: a penalty on squared weights decays them at each step of plain SGD; under Adam the two part ways."""

from __future__ import annotations

import numpy as np
import torch
from plots import lines, table, write

import goodfit
from goodfit import L2, WeightDecay

# %% worked
w, slope, rate = torch.tensor([[5.0]]), 0.3, 0.1
by_gradient = w - rate * (slope + L2(0.01).gradient(w))
by_decay = WeightDecay(2 * 0.01).decay(w, rate) - rate * slope
print(f"by the gradient of the penalty: {by_gradient.item():.4f}")
print(f"by decay, then the step:        {by_decay.item():.4f}")

# %% twins
random = np.random.default_rng(0)
first = random.normal(size=200)
twins = np.column_stack([random.normal(size=200), first, first + 1e-4 * random.normal(size=200)])
answer = twins @ [0.3, 0.8, -0.6] + 0.5 * random.normal(size=200)
twins, answer = twins - twins.mean(0), answer - answer.mean()


def fitted(X, y, recipe, optimizer="sgd", *, batch=200, rate=0.05):
    """The weights of a linear network, trained on all rows as they are."""
    model = goodfit.Regressor(
        recipe,
        hidden=(),
        optimizer=optimizer,
        learning_rate=rate,
        batch_size=batch,
        max_epochs=1000,
        schedule="cosine",
        members=1,
        validation=0,
        standardize=False,
    )
    return model.fit(X, y).coefs_[0].ravel()


def ridge(X, y, strength):
    """Where the gradient of the mean squared error and of strength times the sum of squares is 0."""
    return np.linalg.solve(X.T @ X / len(X) + strength * np.eye(X.shape[1]), X.T @ y / len(X))


weights = {
    "least squares, solved": ridge(twins, answer, 0.0),
    "no penalty, SGD, 1,000 epochs": fitted(twins, answer, "none"),
    "l2=0.01, solved": ridge(twins, answer, 0.01),
    "l2=0.01, SGD": fitted(twins, answer, "l2=0.01"),
    "l2=0.01, Adam": fitted(twins, answer, "l2=0.01", "adam", rate=0.01),
}
rows = [{"weights": name} | {f"w{i}": float(v) for i, v in enumerate(found, 1)} for name, found in weights.items()]
print(table(rows))

# %% adam
scales = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
columns = random.normal(size=(400, 5))
columns = np.linalg.qr(columns - columns.mean(0))[0] * 20 * scales  # independent, each with a spread of its own
effects = columns @ (1 / scales) + random.normal(size=400)
effects = effects - effects.mean()
free = ridge(columns, effects, 0.0)


def left(recipe, optimizer, rate):
    """The share of each weight that the recipe leaves, of what least squares gives it."""
    return fitted(columns, effects, recipe, optimizer, batch=20, rate=rate) / free


shares = {
    "L2, solved": ridge(columns, effects, 0.3) / free,
    "L2, SGD": left("l2=0.3", "sgd", 0.001),
    "L2, Adam": left("l2=0.3", "adam", 0.01),
    "decay, SGD": left("weight_decay=6", "sgd", 0.001),  # 2 * 0.3 / (1 - 0.9): momentum lengthens the other steps
    "decay, Adam": left("weight_decay=0.3", "adam", 0.01),
}
rows = [
    {"": name} | {f"spread {s:g}": float(v) for s, v in zip(scales, found, strict=True)}
    for name, found in shares.items()
]
print(table(rows))

# %% figure
curves = lines(
    scales,
    {name: found.tolist() for name, found in shares.items()},
    x_title="spread of the weight's column",
    y_title="share of the weight that is left",
    log="x",
    dashed=["L2, SGD", "decay, SGD"],
)

# %% claims
assert round(by_gradient.item(), 4) == round(by_decay.item(), 4) == 4.96
assert np.abs(weights["least squares, solved"][1:]).min() > 100
assert np.abs(weights["l2=0.01, SGD"] - weights["l2=0.01, solved"]).max() < 0.01
assert np.abs(weights["l2=0.01, Adam"] - weights["l2=0.01, solved"]).max() < 0.01
assert np.abs(weights["no penalty, SGD, 1,000 epochs"] - weights["l2=0.01, solved"]).max() < 0.05
assert all(np.abs(shares[name] - shares["L2, solved"]).max() < 0.02 for name in ("L2, SGD", "L2, Adam", "decay, SGD"))
assert shares["decay, Adam"][0] > 3 * shares["L2, solved"][0]
assert min(found.min() for found in shares.values()) > 0

# %%
if __name__ == "__main__":
    write(curves, "l2.html")
