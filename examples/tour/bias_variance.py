"""Bias and variance: the expected error of networks from too simple to too complex, taken apart."""

from __future__ import annotations

import numpy as np
from plots import beside, lines, table, write

import goodfit

# %% problem
SIGMA = 0.5


def truth(X):
    """The true mean of the target."""
    return np.sin(2 * np.pi * X[:, 0])


def draw(seed):
    """A fresh training set of 40 rows."""
    random = np.random.default_rng(seed)
    X = random.uniform(size=(40, 1))
    return X, truth(X) + SIGMA * random.normal(size=40)


# %% sizes
def parts(recipe, hidden, epochs):
    """The expected squared error of a network in its terms, over 40 training sets."""
    network = goodfit.Regressor(recipe, hidden=hidden, max_epochs=epochs, learning_rate=0.01, batch_size=16)
    return goodfit.bias_variance(
        network, None, None, sampler=draw, truth=truth, noise=SIGMA**2, replicates=40, loss="squared"
    )


def told(found):
    """The terms as a row of a table."""
    return {
        "bias²": found.bias2.value,
        "variance": found.variance.value,
        "noise": found.noise.value,
        "expected error": found.expected_error.value,
    }


sizes = {"none": (), "2 units": (2,), "8 units": (8,), "32 units": (32,), "2 layers of 64": (64, 64)}
by_size = {name: told(parts("none", hidden, 200)) for name, hidden in sizes.items()}
print(table([{"hidden layers": name} | row for name, row in by_size.items()]))

# %% doses
strengths = [0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
by_dose = {strength: told(parts(f"l2={strength}", (64, 64), 200)) for strength in strengths}
print(table([{"l2": strength} | row for strength, row in by_dose.items()]))


# %% figure
def drawn(terms, x, x_title, log):
    """The terms along an axis."""
    names = ("bias²", "variance", "expected error")
    series = {name: [row[name] for row in terms.values()] for name in names}
    return lines(x, series, x_title=x_title, y_title="squared error", log=log)


curves = beside(
    {
        "without regularization": drawn(by_size, list(by_size), "hidden layers", ""),
        "2 layers of 64, with L2": drawn(by_dose, list(by_dose), "strength of L2", ""),
    }
)
curves.update_xaxes(type="category")

# %% claims
simple, complex_ = by_size["none"], by_size["2 layers of 64"]
best = min(by_dose, key=lambda strength: by_dose[strength]["expected error"])
cut = by_dose[0.0]["variance"] - by_dose[best]["variance"]
rise = by_dose[best]["bias²"] - by_dose[0.0]["bias²"]
for row in (*by_size.values(), *by_dose.values()):
    assert abs(row["bias²"] + row["variance"] + row["noise"] - row["expected error"]) < 1e-9
assert simple["bias²"] > 20 * complex_["bias²"] and complex_["variance"] > 2 * simple["variance"]
assert by_size["2 units"]["variance"] > by_size["32 units"]["variance"]
assert 0 < best < 0.3 and cut > 4 * rise
assert by_dose[0.3]["expected error"] > by_dose[0.0]["expected error"]

# %%
if __name__ == "__main__":
    write(curves, "bias_variance.html")
