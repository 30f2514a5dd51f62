"""Augmentation: more variety in the training rows, where it leaves what they mean."""

from __future__ import annotations

import numpy as np
import torch
from plotly.graph_objects import Heatmap
from plotly.subplots import make_subplots
from plots import calm, table, write
from sklearn.datasets import load_digits, make_classification
from sklearn.metrics import log_loss

import goodfit
from goodfit import Flip, Rotate, Shift
from goodfit.regularizers.form import Form
from goodfit.rng import Purpose, Streams

# %% data
pictures, digits = load_digits(return_X_y=True)
pictures = (pictures * 15.9).astype("uint8").reshape(-1, 8, 8)

# %% digits
common = {
    "channels": (16, 32),
    "hidden": (32,),
    "max_epochs": 40,
    "batch_size": 32,
    "learning_rate": 0.005,
    "schedule": "cosine",
    "validation": 0,
    "members": 1,
}


def scores(recipe):
    """Accuracy and log loss on 1,597 digits, after 200 others were learned; a column a drawing of the 200."""
    found = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(digits))
        learn, new = order[:200], order[200:]
        model = goodfit.Classifier(recipe, random_state=seed, **common).fit(pictures[learn], digits[learn])
        chances = model.predict_proba(pictures[new])
        found.append([(chances.argmax(1) == digits[new]).mean(), log_loss(digits[new], chances)])
    return np.array(found).T


recipes = ["none", "shift=0.1", "rotate=15", "flip=0.5"]
found = {recipe: scores(recipe) for recipe in recipes}
rows = [
    {
        "recipe": recipe,
        "accuracy on new digits": f"{100 * accuracy.mean():.1f} %",
        "of the three runs": ", ".join(f"{100 * one:.1f}" for one in accuracy),
        "log loss": float(loss.mean()),
    }
    for recipe, (accuracy, loss) in found.items()
]
print(table(rows))

# %% smote
X, y = make_classification(2000, 10, n_informative=4, weights=[0.95], flip_y=0.02, random_state=0)
rare = goodfit.compare(X, y, ["none", "smote=1"], seeds=4, hidden=(32,), max_epochs=30)
scored = ("test_log_loss", "test_average_precision", "test_balanced_accuracy")
print(
    table(
        [
            {"recipe": recipe}
            | {name.removeprefix("test_").replace("_", " "): rare.estimate(i, name).value for name in scored}
            for i, recipe in enumerate(("none", "smote=1"))
        ]
    )
)
change = rare.difference(1, "test_log_loss")

# %% figure
two = torch.tensor(pictures[(digits == 2).argmax()] / 255.0, dtype=torch.float32).view(1, 1, 1, 8, 8)
draw = Streams.of([3]).at(Purpose.NOISE)
seen = {"as it is": two} | {
    str(part): part.inputs(two, draw, Form("image", (1, 8, 8))) for part in (Shift(0.1), Rotate(15.0), Flip(1.0))
}
curves = calm(make_subplots(cols=4, subplot_titles=list(seen)))
for place, picture in enumerate(seen.values(), 1):
    shades = picture.view(8, 8).flip(0).tolist()
    curves.add_trace(Heatmap(z=shades, colorscale="Greys", reversescale=True, showscale=False), row=1, col=place)
curves.update_xaxes(visible=False, constrain="domain")
curves.update_yaxes(visible=False, scaleanchor="x")
curves.update_layout(height=280)
for place in range(2, 5):
    curves.update_yaxes(scaleanchor=f"x{place}", col=place)

# %% claims
accuracy = {recipe: float(found[recipe][0].mean()) for recipe in recipes}
loss = {recipe: float(found[recipe][1].mean()) for recipe in recipes}
assert (found["shift=0.1"][0] > found["none"][0]).all() and loss["shift=0.1"] < 0.95 * loss["none"]
assert abs(accuracy["rotate=15"] - accuracy["none"]) < 0.01
assert (found["flip=0.5"][0] < found["none"][0]).all() and loss["flip=0.5"] > 1.2 * loss["none"]

# %%
if __name__ == "__main__":
    write(curves, "augmentation.html")
