"""Batch normalization: its arithmetic, and the four things that it is said to bring, each measured."""

from __future__ import annotations

import math

import torch
from plots import beside, lines, table, write
from sklearn.datasets import make_classification

import goodfit
from goodfit import BatchNorm

# %% worked
x = torch.tensor([10.0, 20.0, 30.0, 40.0, 50.0]).view(1, 5, 1)
variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
standard = BatchNorm(eps=1e-12).normalize(x, mean, variance)
y_of = 2 * standard + 1  # gamma 2, beta 1
print("mean", mean.item(), " deviation", round(variance.sqrt().item(), 3))
print("x̂ =", [round(v, 3) for v in standard.flatten().tolist()])
print("y =", [round(v, 3) for v in y_of.flatten().tolist()])

# %% rates
X, y = make_classification(600, 20, n_informative=8, n_redundant=0, random_state=0)
rates = [0.001, 0.01, 0.1, 0.3, 1.0, 3.0]


def loss_at(rate, recipe):
    """The training loss of a network of 5 hidden layers after 20 epochs of SGD, three networks' mean."""
    model = goodfit.Classifier(
        recipe, hidden=(32,) * 5, optimizer="sgd", learning_rate=rate, batch_size=50, max_epochs=20, members=3
    )
    return float(model.fit(X, y).history_.filter(epoch=20)["train_loss"].mean())


by_rate = {
    "without": [loss_at(rate, "none") for rate in rates],
    "with batch norm": [loss_at(rate, "batch_norm=1") for rate in rates],
}
print(table([{"learning rate": name} | dict(zip(map(str, rates), v, strict=True)) for name, v in by_rate.items()]))


# %% scales
def stack(normalized, depth, scale, seed=0):
    """A stack of layers of 32 units whose initial weights are `scale` times those of He."""
    torch.manual_seed(seed)
    layers = []
    for i in range(depth):
        linear = torch.nn.Linear(20 if i == 0 else 32, 32)
        torch.nn.init.normal_(linear.weight, std=scale * (2 / linear.in_features) ** 0.5)
        torch.nn.init.zeros_(linear.bias)
        layers += [linear, torch.nn.BatchNorm1d(32)] if normalized else [linear]
        layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers, torch.nn.Linear(32, 2))


rows_in, classes = torch.tensor(X, dtype=torch.float32), torch.tensor(y)


def loss_from(scale, normalized):
    """The training loss after 20 epochs of SGD from such weights."""
    network = stack(normalized, 5, scale)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    for _ in range(20):
        for batch in torch.randperm(600).split(50):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(rows_in[batch]), classes[batch])
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        return torch.nn.functional.cross_entropy(network.eval()(rows_in), classes).item()


scales = [0.1, 0.3, 1.0, 3.0, 10.0]
by_scale = {
    "without": [loss_from(scale, False) for scale in scales],
    "with batch norm": [loss_from(scale, True) for scale in scales],
}
print(table([{"weights times": name} | dict(zip(map(str, scales), v, strict=True)) for name, v in by_scale.items()]))


# %% gradients
def slopes(normalized, scale, depth=20):
    """The norm of the loss's gradient by the weights of each layer, before any training."""
    network = stack(normalized, depth, scale)
    torch.nn.functional.cross_entropy(network(rows_in), classes).backward()
    return [layer.weight.grad.norm().item() for layer in network[:-1] if isinstance(layer, torch.nn.Linear)]


by_layer = {
    "a half": slopes(False, 0.5),
    "a half, batch norm": slopes(True, 0.5),
    "twice": slopes(False, 2.0),
    "twice, batch norm": slopes(True, 2.0),
    "as they are (He)": slopes(False, 1.0),
}
rows = [{"initial weights": name, "first layer": g[0], "last layer": g[-1]} for name, g in by_layer.items()]
print(table([row | {"first : last": row["first layer"] / row["last layer"]} for row in rows]))


# %% noise
def wobble(size):
    """How much the output of a row differs between batches, in deviations of the outputs between rows."""
    network = stack(True, 1, 1.0).train()
    with torch.no_grad():
        rest = [torch.randperm(599)[: size - 1] + 1 for _ in range(300)]
        same = torch.stack([network(rows_in[torch.cat([torch.tensor([0]), others])])[0] for others in rest])
        return (same.std(0) / network(rows_in).std(0)).mean().item()


batches = [8, 16, 32, 64, 128, 256]
noise = [wobble(size) for size in batches]
print(table([{"rows of a batch": "deviation of an output"} | dict(zip(map(str, batches), noise, strict=True))]))


# %% regularizing
def lowest(recipe, size):
    """The lowest held-out loss over 40 epochs."""
    network = goodfit.Classifier(recipe, hidden=(64, 64), batch_size=size, max_epochs=40, learning_rate=0.003)
    return float(goodfit.learning_curve(network, X, y, over="epochs", repeats=1).frame()["held_out"].min())


held = {size: (lowest("none", size), lowest("batch_norm=1", size)) for size in (8, 32, 256)}
print(table([{"rows of a batch": size, "without": a, "with batch norm": b} for size, (a, b) in held.items()]))

# %% figure
training = beside(
    {
        "learning rate": lines(rates, by_rate, x_title="learning rate", y_title="training loss", log="x"),
        "initial weights": lines(scales, by_scale, x_title="times those of He", y_title="training loss", log="x"),
    },
    one_height=True,
)
gradients = lines(
    list(range(1, 21)),
    by_layer,
    x_title="layer",
    y_title="norm of the gradient",
    log="y",
    dashed=["a half, batch norm", "twice, batch norm"],
)
batch_noise = lines(
    batches, {"deviation of an output": noise}, x_title="rows of a batch", y_title="share of its spread", log="xy"
)

# %% claims
good = 0.1
assert [round(v, 3) for v in standard.flatten().tolist()] == [-1.414, -0.707, 0, 0.707, 1.414]
assert [round(v, 3) for v in y_of.flatten().tolist()] == [-1.828, -0.414, 1, 2.414, 3.828]
assert sum(v < good for v in by_rate["with batch norm"]) > sum(v < good for v in by_rate["without"]) > 0
assert by_rate["with batch norm"][rates.index(1.0)] < good < by_rate["without"][rates.index(1.0)]
assert min(by_rate["with batch norm"]) < min(by_rate["without"])
assert max(by_scale["with batch norm"]) < 0.3
assert [v < 0.3 for v in by_scale["without"]].count(True) == 1 and not math.isfinite(by_scale["without"][3])
assert all(normalized < bare for bare, normalized in held.values())
assert held[8][0] - held[8][1] < held[256][0] - held[256][1]
assert max(by_layer["a half"]) < 1e-6 and max(by_layer["twice"]) > 1e4
assert min(by_layer["a half, batch norm"] + by_layer["twice, batch norm"]) > 0.01
assert max(by_layer["a half, batch norm"] + by_layer["twice, batch norm"]) < 100
assert by_layer["a half, batch norm"][0] > 5 * by_layer["a half, batch norm"][-1]
assert 0.1 < by_layer["as they are (He)"][0] / by_layer["as they are (He)"][-1] < 10
assert noise == sorted(noise, reverse=True) and 1.5 < noise[0] / noise[2] < 2.7

# %%
if __name__ == "__main__":
    for drawn, name in ((training, "training"), (gradients, "gradients"), (batch_noise, "noise")):
        write(drawn, f"batch_norm_{name}.html")
