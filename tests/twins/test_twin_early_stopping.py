"""Early stopping against a few lines that read the recorded losses."""

import numpy as np
import pytest
from twin_networks import make_data

from goodfit.regularizers import Recipe
from goodfit.training import Run, Settings, train

BOTH_ENGINES = True

EPOCHS = 60


def reference(losses, *, patience, min_delta):
    """The epoch to stop at (None if it never does) and the best one, both from 1."""
    best, best_epoch = np.inf, 0
    for epoch, loss in enumerate(losses, 1):
        if loss < best - min_delta:
            best, best_epoch = loss, epoch
        elif epoch - best_epoch >= patience:
            return epoch, best_epoch
    return None, best_epoch


@pytest.mark.parametrize("patience", [1, 2, 5, 12, 10_000])
@pytest.mark.parametrize("min_delta", [0.0, 1e-3, 0.01, 10.0])
def test_stop_and_best_epoch(patience, min_delta):
    """Beside each watched run the same one unwatched, whose losses go on; with dropout they jump up and down."""
    watch = f"early_stopping={patience} min_delta={min_delta}"
    rows = np.arange(40), np.arange(40, 80)
    runs = [
        Run(Recipe.parse(text), 0, *rows, learning_rate=rate)
        for rate in (0.02, 0.1, 0.3)
        for text in ("none", watch, "dropout=0.5", f"dropout=0.5, {watch}")
    ]
    results = train(make_data("binary"), runs, Settings((16,), optimizer="sgd", batch_size=20, max_epochs=EPOCHS))
    for unwatched, watched in zip(results[::2], results[1::2], strict=True):
        stop, best = reference(unwatched.history.validation, patience=patience, min_delta=min_delta)
        assert (watched.epochs, watched.best_epoch) == (stop or EPOCHS, best)
        assert watched.outcome == ("stopped" if stop else "finished")
