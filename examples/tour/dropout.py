"""Dropout: units are left out at random; the expectation stays, the variance doesn't."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from plots import beside, lines, table, write
from sklearn.datasets import make_classification

import goodfit
from goodfit import BatchNorm, Dropout
from goodfit.rng import Purpose, Streams

# %% expectation
activations = torch.full((1, 200, 500), 3.0)
rows = []
for p in (0.1, 0.3, 0.5):
    dropped = Dropout(p).drop(activations, Streams.of([0]).at(Purpose.DROPOUT), layer=1)
    rows.append(
        {
            "p": p,
            "an activation of 3 becomes": " or ".join(f"{v:.4g}" for v in dropped.unique().tolist()),
            "share of zeros": (dropped == 0).float().mean().item(),
            "mean": dropped.mean().item(),
            "variance": dropped.var().item(),
        }
    )
print(table(rows))

# %% doses
X, y = make_classification(400, 20, n_informative=5, flip_y=0.1, random_state=0)
common = {"max_epochs": 60, "learning_rate": 0.003}
networks = {
    "2 layers of 128 units": goodfit.Classifier("none", hidden=(128, 128), **common),
    "one layer of 2 units": goodfit.Classifier("none", hidden=(2,), **common),
}
doses = [0.0, 0.1, 0.3, 0.5, 0.7, 0.9]
found = {
    name: goodfit.dose_response("dropout", X, y, doses, estimator=one, repeats=2) for name, one in networks.items()
}
frames = {name: response.frame() for name, response in found.items()}
columns = {
    f"{name}, {part.replace('_', ' ')}": frame[part].to_list()
    for name, frame in frames.items()
    for part in ("training", "held_out")
}
print(table([{"p": p} | {name: values[i] for name, values in columns.items()} for i, p in enumerate(doses)]))


# %% order
def block(first, p):
    """A hidden layer with dropout before or after batch norm."""
    linear, norm, relu, drop = torch.nn.Linear(20, 128), torch.nn.BatchNorm1d(128), torch.nn.ReLU(), torch.nn.Dropout(p)
    return [linear, relu, drop, norm] if first == "dropout" else [linear, norm, relu, drop]


rows_in, classes = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
learn, new = slice(0, 300), slice(300, 400)


def trained(first, seed, p=0.5):
    """How batch norm's inputs differ between training and inference, and what that costs on new rows."""
    torch.manual_seed(seed)
    network = torch.nn.Sequential(*block(first, p), torch.nn.Linear(128, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(40):
        for batch in torch.randperm(300).split(50):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(network(rows_in[batch]), classes[batch]).backward()
            optimizer.step()
    norm = next(i for i, layer in enumerate(network) if isinstance(layer, torch.nn.BatchNorm1d))
    with torch.no_grad():
        in_training = network[:norm].train()(rows_in[learn]).var(0).mean()
        in_inference = network[:norm].eval()(rows_in[learn]).var(0).mean()
        as_it_is = torch.nn.functional.cross_entropy(network.eval()(rows_in[new]), classes[new])
        inputs = network[:norm](rows_in[learn])
        network[norm].running_mean, network[norm].running_var = inputs.mean(0), inputs.var(0)
        repaired = torch.nn.functional.cross_entropy(network(rows_in[new]), classes[new])
    return [(in_training / in_inference).item(), as_it_is.item(), repaired.item()]


orders = {
    "dropout, then batch norm": np.mean([trained("dropout", seed) for seed in range(5)], axis=0),
    "batch norm, then dropout": np.mean([trained("norm", seed) for seed in range(5)], axis=0),
}
heads = ("variance in training / in inference", "held-out loss", "with statistics taken anew, without dropout")
print(table([{"order": name} | dict(zip(heads, map(float, v), strict=True)) for name, v in orders.items()]))

# %% warned
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    recipe = Dropout(0.5) + BatchNorm()
print(said[0].category.__name__ + ":", said[0].message)

# %% figure
curves = beside(
    {
        name: lines(
            doses, {"training": frame["training"], "held out": frame["held_out"]}, x_title="p", y_title="log loss"
        )
        for name, frame in frames.items()
    }
)

# %% claims
large, small = frames["2 layers of 128 units"]["held_out"], frames["one layer of 2 units"]["held_out"]
before, after = orders["dropout, then batch norm"], orders["batch norm, then dropout"]
assert all(abs(row["mean"] - 3) < 0.05 for row in rows)
assert all(abs(row["variance"] - 9 * row["p"] / (1 - row["p"])) < 0.2 for row in rows)
assert large[doses.index(0.5)] < 0.8 * large[0]
assert large[-1] < large[doses.index(0.5)] and small[doses.index(0.5)] > small[0] + 0.01
assert before[0] > 2 and abs(after[0] - 1) < 0.01
assert before[1] > after[1] and before[2] > before[1]
assert len(said) == 1 and said[0].category is goodfit.DoubtfulRecipe

# %%
if __name__ == "__main__":
    write(curves, "dropout.html")
