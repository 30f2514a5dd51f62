"""goodfit.search: what it takes from an estimator, and what it refuses."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

import goodfit
from goodfit.errors import InputError

X, Y = make_classification(120, n_features=5, random_state=0)
RANGES = "l2=1e-5..0.1, early_stopping=3"


def test_settings_and_ranges_of_an_estimator_stay_as_they_are():
    estimator = goodfit.Classifier(RANGES, hidden=(8,), batch_size=32, learning_rate=0.01, random_state=7)
    result = goodfit.search(X, Y, estimator=estimator, budget=2)
    trials = result.trials()
    assert trials["hidden"].to_list() == [[8]] * trials.height
    assert set(trials["batch_size"]) == {32}
    assert set(trials["learning_rate"]) == {0.01}
    assert all("l2" in recipe and "dropout" not in recipe for recipe in trials["recipe"])
    assert result.estimator.random_state == 7
    assert not hasattr(estimator, "model_")


def test_rows_of_one_group_stay_together():
    groups = np.arange(120) % 12
    found = goodfit.search(X, Y, space=RANGES, budget=2, groups=groups).found
    prepared = found.ablation.fit.prepared
    for candidate in found.ablation.fit.candidates:
        for result in candidate.results:
            learned, held = (prepared.problem.groups[rows] for rows in (result.run.train, result.run.validation))
            assert len(held)
            assert not set(learned) & set(held)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"store": "sqlite:///trials.db"}, "store is given without a folder"),
        ({"space": "l2=0.1"}, "space is 'l2=0.1', which leaves nothing open"),
        ({"estimator": goodfit.Classifier("l2=0.1")}, "space is 'l2=0.1', which leaves nothing open"),
        ({"estimator": "forest"}, "estimator is 'forest'"),
        ({"groups": np.arange(7)}, "groups has 7 values"),
        ({"budget": 0}, "budget is 0"),
    ],
)
def test_what_cannot_be_searched_is_refused(more, words):
    with pytest.raises(InputError, match=words):
        goodfit.search(X, Y, **more)
