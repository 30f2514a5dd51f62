"""Sound modules of twenty seeds and six kinds: what must not fire doesn't."""

from collections import Counter

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset
from trained_modules import KINDS, rows, trained

from goodfit.torch import diagnose

SEEDS = range(20)
SURE = {"gap", "miscalibrated"}
"""Of trained modules these can be true; they are asked of modules that are right by construction."""


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_than_a_gap_or_calibration_fires_on_a_sound_module(kind):
    fired: Counter[str] = Counter()
    for seed in range(2):
        found = trained(kind, seed)
        fired.update(diagnose(found.module, *found.loaders, optimizer=found.optimizer).fired)
    assert set(fired) <= SURE


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_fires_on_twenty(kind):
    fired: Counter[str] = Counter()
    for seed in SEEDS:
        found = trained(kind, seed)
        fired.update(diagnose(found.module, *found.loaders, optimizer=found.optimizer).fired)
    assert set(fired) <= SURE


def own_rows(module, shape, count, seed):
    """Rows that the module has not seen, whose classes are drawn from its own probabilities."""
    X, _ = rows(shape, count, 1000 + seed)
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        chances = module(X).softmax(1)[:, 1]
    return X, (torch.rand(count, generator=stream) < chances).long()


def test_chance_alone_makes_neither_a_gap_nor_a_miscalibration():
    fired: Counter[str] = Counter()
    module, shape = trained("perceptron").module, KINDS["perceptron"][1]
    for seed in SEEDS:
        X, y = own_rows(module, shape, 400, seed)
        halves = [DataLoader(TensorDataset(X[part::2], y[part::2]), batch_size=100) for part in (0, 1)]
        fired.update(diagnose(module, *halves).fired)
    assert set(fired) <= SURE
    assert max(fired.values(), default=0) <= 2
