"""Fraud: the example that everyone runs first, and why accuracy can't rank its rows."""

from __future__ import annotations

from plots import bars, beside, table, write

import goodfit
from goodfit.examples import simulate

# %% data
frame = simulate(0).frame
X, y = frame.drop("label"), frame["label"]

# %% compare
configurations = {
    "none": "no regularization",
    "l2=0.001": "L2 only",
    "dropout=0.5 input=0.1": "dropout only",
    "l2=0.001, dropout=0.5 input=0.1, early_stopping=10": "L2 + dropout + early stopping",
}
result = goodfit.compare(X, y, list(configurations), seeds=3, hidden=(64, 64), max_epochs=20)

# %% table
scores = {
    "train accuracy": "train_accuracy",
    "test accuracy": "test_accuracy",
    "balanced accuracy": "test_balanced_accuracy",
    "average precision": "test_average_precision",
    "recall at 1 % alarms": "test_recall_at_1pct",
    "log loss": "test_log_loss",
}


def told(estimate, score):
    """An estimate with its interval; shares of rows in %."""
    scale, form = (1, ".3f") if score in ("average precision", "log loss") else (100, ".1f")
    value, low, high = (format(scale * v, form) for v in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


rows = [
    {"configuration": name} | {score: told(result.estimate(i, column), score) for score, column in scores.items()}
    for i, name in enumerate(configurations.values())
]
constant = {score: told(result.constant(column), score) for score, column in scores.items()}
print(table([*rows, {"configuration": "everything 'legit'"} | constant]))

# %% figure
means = {score: [result.estimate(i, column).value for i in range(4)] for score, column in scores.items()}
names = ["none", "L2", "dropout", "all three"]
curves = beside(
    {
        "accuracy on test rows": bars(names, {"accuracy": means["test accuracy"]}, y_title="accuracy"),
        "log loss on test rows": bars(names, {"log loss": means["log loss"]}, y_title="log loss"),
    }
)
curves.update_layout(showlegend=False)
legit = {"accuracy": result.constant("test_accuracy").value, "log loss": result.constant("test_log_loss").value}
for place, height in enumerate(legit.values(), 1):
    curves.add_hline(height, line={"color": "#7a7a7a", "dash": "dot"}, row=1, col=place)

# %% claims
accuracy, loss = means["test accuracy"], means["log loss"]
assert frame.height == 10_000 and (y == "fraud").sum() == 500
assert max(accuracy) - min(accuracy) < 0.03 and min(accuracy) > 0.9 and max(accuracy) < legit["accuracy"] + 0.005
assert means["train accuracy"][0] > 0.995 and means["train accuracy"][3] < 0.97
assert loss[0] > 2 * legit["log loss"] > 2 * loss[3]
assert min(loss[:3]) > legit["log loss"] > loss[3]
assert means["average precision"][3] > 1.3 * means["average precision"][0]

# %%
if __name__ == "__main__":
    write(curves, "fraud.html")
