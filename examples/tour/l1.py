"""L1: a penalty on absolute weights selects inputs, if the step on it is proximal."""

from __future__ import annotations

import numpy as np
import torch
from plots import lines, table, write
from sklearn.linear_model import Lasso

import goodfit
from goodfit import L1

# %% worked
w = torch.tensor([[0.3, 0.8, -0.6, 0.4, 0.2]])
print("soft threshold at 0.35:", [round(v, 2) for v in L1(0.35).prox(w, step_size=1.0).flatten().tolist()])
step = w
for _ in range(1000):
    step = step - 0.01 * 0.35 * step.sign()
print("1,000 subgradient steps:", [round(v, 4) for v in step.flatten().tolist()])

# %% data
random = np.random.default_rng(0)
inputs, informative = 50, 8
truth = np.zeros(inputs)
truth[:informative] = [1.0, -1.0, 0.8, -0.8, 0.6, -0.6, 0.5, -0.5]


def draw(rows):
    """Rows of which 8 of 50 inputs say something about the target."""
    X = random.normal(size=(rows, inputs))
    return X, X @ truth + random.normal(size=rows)


(X, y), (X_new, y_new) = draw(200), draw(5000)

# %% goodfit
strength = 0.3


def fitted(recipe, X=X, y=y, *, batch=200, epochs=1500, schedule="cosine"):
    """The weights of a linear network, trained by Adam on the rows as they are."""
    model = goodfit.Regressor(
        recipe,
        hidden=(),
        optimizer="adam",
        learning_rate=0.01,
        batch_size=batch,
        max_epochs=epochs,
        schedule=schedule,
        members=1,
        validation=0,
        standardize=False,
    )
    return model.fit(X, y).coefs_[0].ravel()


# %% usual
def by_subgradient():
    """What is usually written: the penalty in the loss, and Adam for both."""
    torch.manual_seed(0)
    rows, target = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    network = torch.nn.Linear(inputs, 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1500)
    for _ in range(1500):
        optimizer.zero_grad()
        loss = (network(rows).ravel() - target).square().mean() + strength * network.weight.abs().sum()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.weight.detach().numpy().ravel().astype(float)


# %% table
found = {
    "no penalty": fitted("none"),
    "L2": fitted("l2=0.03"),
    "L1, subgradient (torch)": by_subgradient(),
    "L1, proximal (goodfit)": fitted(f"l1={strength}"),
    "lasso, solved (scikit-learn)": Lasso(alpha=strength / 2, fit_intercept=True).fit(X, y).coef_,
}
noise = slice(informative, None)
rows = [
    {
        "network": name,
        "weights exactly 0": int((w == 0).sum()),
        "of the 42 inputs of noise": int((w[noise] == 0).sum()),
        "least absolute weight": float(np.abs(w).min()),
        "error on new rows": float(((X_new @ w - y_new) ** 2).mean()),
    }
    for name, w in found.items()
]
print(table(rows))

# %% batches
zeros = {
    size: int((fitted(f"l1={strength}", batch=size, epochs=epochs, schedule="constant") == 0).sum())
    for size, epochs in ((20, 60), (200, 600))
}
print(table([{"rows of a batch": size, "weights exactly 0": count} for size, count in zeros.items()]))


# %% hidden
def with_hidden_layer(recipe):
    """How many inputs have no weight left into a hidden layer of 32 units, and the error on new rows."""
    model = goodfit.Regressor(
        recipe,
        hidden=(32,),
        optimizer="adam",
        learning_rate=0.01,
        batch_size=100,
        max_epochs=200,
        schedule="cosine",
        members=1,
        validation=0,
        standardize=False,
    ).fit(X, y)
    empty = (model.coefs_[0] == 0).all(1)
    return {
        "network": recipe,
        "of the 42 inputs of noise, empty": int(empty[noise].sum()),
        "of the 8 others": int(empty[:informative].sum()),
        "error on new rows": float(((X_new @ truth - model.predict(X_new)) ** 2).mean() + 1.0),
    }


deep = [
    min((with_hidden_layer(f"{name}={s}") for s in strengths), key=lambda row: row["error on new rows"])
    for name, strengths in {"l1": (0.05, 0.1, 0.2, 0.3, 0.4), "group_l1": (0.08, 0.16, 0.32, 0.64)}.items()
]
print(table(deep))


# %% dense
def error(recipe, dense):
    """The error on new rows where all 50 inputs say something, each a little."""
    y_dense = X @ dense + random.normal(size=len(X))
    return float(((X_new @ (fitted(recipe, y=y_dense) - dense)) ** 2).mean() + 1.0)


everything = random.normal(size=inputs) * 0.25
dense = {recipe: error(recipe, everything) for recipe in ("l2=0.03", f"l1={strength}")}

# %% figure
shown = ("no penalty", "L2", "L1, subgradient (torch)", "L1, proximal (goodfit)")
curves = lines(
    list(range(1, inputs + 1)),
    {name: np.sort(np.abs(found[name]))[::-1].tolist() for name in shown},
    x_title="weights, largest first",
    y_title="absolute weight",
    dashed=["L1, subgradient (torch)"],
)

# %% claims
lasso, proximal = found["lasso, solved (scikit-learn)"], found["L1, proximal (goodfit)"]
assert (found["L1, subgradient (torch)"] == 0).sum() == (found["L2"] == 0).sum() == 0
assert ((proximal == 0) == (lasso == 0)).all() and np.abs(proximal - lasso).max() < 0.01
assert (proximal[noise] == 0).mean() > 0.8 and (proximal[:informative] != 0).all()
assert rows[3]["error on new rows"] < rows[2]["error on new rows"] + 0.01
assert abs(rows[3]["error on new rows"] - rows[0]["error on new rows"]) < 0.1
assert rows[3]["error on new rows"] > rows[1]["error on new rows"] - 0.02
assert zeros[20] < zeros[200]
assert deep[0]["of the 42 inputs of noise, empty"] < 35
assert deep[1]["of the 42 inputs of noise, empty"] > 40
assert deep[0]["of the 8 others"] == deep[1]["of the 8 others"] == 0
assert deep[1]["error on new rows"] < deep[0]["error on new rows"]
assert dense[f"l1={strength}"] > dense["l2=0.03"]

# %%
if __name__ == "__main__":
    write(curves, "l1.html")
