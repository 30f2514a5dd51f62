"""A small problem, and what a network makes of it by plain numpy."""

from collections.abc import Sequence

import numpy as np
import torch

from goodfit.networks import views
from goodfit.regularizers import Recipe
from goodfit.training import Data, Run, RunResult, Settings

ROWS, COLUMNS = 60, 4


def make_data(task="regression", *, rows=ROWS, views=1, weights=None) -> Data:
    generator = torch.Generator().manual_seed(4)
    inputs = torch.randn(views, rows, COLUMNS, generator=generator)
    signal = inputs[:1, :, :3] + 0.5 * torch.randn(1, rows, 3, generator=generator)
    targets = {
        "regression": signal[..., :1],
        "binary": (signal[..., :1] > 0).float(),
        "multiclass": torch.nn.functional.one_hot(signal.argmax(-1), 3).float(),
    }[task]
    return Data(inputs, targets.expand(views, -1, -1), torch.ones(rows) if weights is None else weights, task)


def make_run(
    train: Sequence[int] = range(40),
    validation: Sequence[int] = range(40, 60),
    *,
    recipe=None,
    seed=0,
    view=0,
    learning_rate=0.05,
) -> Run:
    rows = (np.array(part, dtype=np.int64) for part in (train, validation))
    return Run(Recipe.of(recipe), seed, *rows, view=view, learning_rate=learning_rate)


def make_settings(*, hidden=(7, 5), optimizer="sgd", batch_size=16, max_epochs=6, scaling=0.0) -> Settings:
    return Settings(hidden, optimizer, batch_size=batch_size, max_epochs=max_epochs, scaling=scaling)


def losses_by_hand(result: RunResult, data: Data, rows) -> np.ndarray:
    """The loss of each row under a network without batch norm."""
    parts = views(torch.from_numpy(result.parameters)[None].double(), result.layout)
    hidden, targets = data.inputs[result.run.view][rows].double().numpy(), data.targets[0][rows].double().numpy()
    for layer, (weights, biases) in enumerate(zip(parts.weights, parts.biases, strict=True)):
        hidden = hidden @ weights[0].numpy() + biases[0].numpy()
        hidden = hidden if layer == len(parts.weights) - 1 else np.maximum(hidden, 0.0)
    if data.task == "regression":
        return ((hidden - targets) ** 2)[:, 0]
    if data.task == "binary":
        return np.logaddexp(0.0, np.where(targets == 1.0, -hidden, hidden))[:, 0]
    return np.log(np.exp(hidden).sum(1)) - (hidden * targets).sum(1)


def assert_near(some: Sequence[RunResult], others: Sequence[RunResult], tolerance: float = 0.0) -> None:
    """The same runs came to the same end: parameters, statistics and losses within a tolerance, 0 for bit for bit."""
    for one, other in zip(some, others, strict=True):
        assert (one.run.seed, one.outcome, one.best_epoch) == (other.run.seed, other.outcome, other.best_epoch)
        for a, b in (
            (one.parameters, other.parameters),
            (one.statistics, other.statistics),
            (one.history.train, other.history.train),
            (one.history.validation, other.history.validation),
        ):
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def mixed_runs() -> list[Run]:
    """Every technique at work, in six runs of other rows."""
    texts = (
        "none",
        "dropout=0.3 input=0.1, l2=0.01 biases=true",
        "batch_norm, gaussian_noise=0.2, weight_averaging=0.5",
        "l1=0.01, label_smoothing=0.2, max_norm=1",
        "elastic_net=0.01, weight_decay=0.1",
        "early_stopping=2 min_delta=0.1",
    )
    return [make_run(range(40 - i), recipe=text, seed=i) for i, text in enumerate(texts)]
