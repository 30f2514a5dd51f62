"""Scores of many draws at once equal those of each draw alone, as goodfit.metrics has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goodfit.metrics import classification_scores, metrics_of, regression_scores
from goodfit.resampled import drawn_scores


def rows(task: str, seed: int, count: int = 30):
    random = np.random.default_rng(seed)
    if task == "regression":
        target = random.normal(size=count)
        return target, (target + random.normal(size=count))[:, None]
    classes = 2 if task == "binary" else 4
    predicted = random.dirichlet(np.ones(classes), count)
    predicted[: count // 2] = np.round(predicted[: count // 2], 1)  # ties
    predicted /= predicted.sum(1, keepdims=True)
    return random.integers(classes, size=count), predicted


def alone(task, target, predicted, drawn, weights, **chosen):
    """The scores of one draw, its rows written out."""
    kept = np.repeat(np.arange(len(target)), drawn)
    if task == "regression":
        return regression_scores(target[kept], predicted[kept, 0], weights[kept])
    return classification_scores(target[kept], predicted[kept], weights=weights[kept], **chosen)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(["binary", "multiclass", "regression"]), st.integers(0, 2**20), st.booleans())
def test_every_draw_has_the_scores_that_it_has_alone(task, seed, cut):
    target, predicted = rows(task, seed)
    random = np.random.default_rng(seed)
    counts = random.multinomial(30, np.full(30, 1 / 30), size=5)
    weights = random.uniform(0.5, 3, 30)
    chosen = {"positive": seed % 2, "threshold": 0.3 if cut else None} if task == "binary" else {}
    found = drawn_scores(task, target, predicted, counts, weights=weights, **chosen)
    assert list(found) == [metric.key for metric in metrics_of(task)]
    for place, drawn in enumerate(counts):
        expected = alone(task, target, predicted, drawn, weights, **chosen)
        for key, values in found.items():
            assert values[place] == pytest.approx(expected[key], rel=1e-9, abs=1e-12, nan_ok=True), key


def test_a_draw_of_one_class_leaves_undefined_what_it_must():
    target, predicted = np.array([0, 1, 1]), np.array([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]])
    found = drawn_scores("binary", target, predicted, np.array([[0, 2, 1], [1, 1, 1]]))
    for key in ("balanced_accuracy", "roc_auc", "average_precision", "recall_at_1pct"):
        assert np.isnan(found[key][0])
        assert np.isfinite(found[key][1])
    assert found["accuracy"].tolist() == [1.0, 1.0]


def test_draws_in_parts_are_the_draws_whole(monkeypatch):
    target, predicted = rows("binary", 3)
    counts = np.random.default_rng(0).multinomial(30, np.full(30, 1 / 30), size=7)
    whole = drawn_scores("binary", target, predicted, counts)
    monkeypatch.setattr("goodfit.resampled._CELLS", 60)
    for key, values in drawn_scores("binary", target, predicted, counts).items():
        np.testing.assert_allclose(values, whole[key], rtol=1e-12)
