import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from training_problems import COLUMNS, make_data, make_run, make_settings

from goodfit.training import Drop, Execution, Progress, train


def test_progress_is_told_after_each_epoch():
    runs = [make_run(), make_run(recipe="early_stopping=1 min_delta=1e9"), make_run(learning_rate=1e9)]
    seen = []
    results = train(make_data(), runs, make_settings(), on_epoch=seen.append)
    assert [progress.epoch for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert {(progress.max_epochs, progress.members) for progress in seen} == {(6, 3)}
    assert [progress.alive for progress in seen] == [
        sum(result.epochs > epoch for result in results) for epoch in range(1, 7)
    ]
    assert seen[-1] == Progress(epoch=6, max_epochs=6, alive=0, members=3)


def test_training_ends_with_its_last_member():
    seen = []
    runs = [make_run(recipe=f"early_stopping={patience} min_delta=1e9") for patience in (1, 3)]
    results = train(make_data(), runs, make_settings(max_epochs=50), on_epoch=seen.append)
    assert [result.epochs for result in results] == [2, 4]
    assert len(seen) == 4


def test_a_deadline_ends_all_with_what_they_have():
    runs = [make_run(recipe="early_stopping=1 min_delta=1e9"), make_run(), make_run(recipe="early_stopping=9", seed=1)]
    data, settings = make_data(), make_settings(max_epochs=50)
    late = train(data, runs, settings, execution=Execution(deadline=0.0))
    assert [result.outcome for result in late] == ["out of time"] * 3
    assert [result.epochs for result in late] == [1, 1, 1]
    for one, other in zip(late, train(data, runs, replace(settings, max_epochs=1)), strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
        assert other.outcome == "finished"


def test_a_deadline_far_off_changes_nothing():
    far = Execution(deadline=time.monotonic() + 1e6)
    one, other = (train(make_data(), [make_run()], make_settings(), execution=e)[0] for e in (far, None))
    assert one.outcome == other.outcome == "finished"
    np.testing.assert_array_equal(one.parameters, other.parameters)


def test_who_stopped_or_diverged_before_the_deadline_says_so(monkeypatch):
    """A third epoch as long as the second would end after the deadline."""
    runs = [make_run(recipe="early_stopping=1 min_delta=1e9"), make_run(learning_rate=1e9), make_run()]
    clock = iter([0.0, 0.45, 0.45, 0.8])
    monkeypatch.setattr("goodfit.training.loop.time", SimpleNamespace(monotonic=lambda: next(clock)))
    results = train(make_data(), runs, make_settings(), execution=Execution(deadline=1.0))
    assert [result.outcome for result in results] == ["stopped", "diverged", "out of time"]
    assert results[2].epochs == 2


def test_each_run_sees_its_own_view():
    """A run on the second of two encodings is the run on these inputs alone."""
    data = make_data(views=2)
    alone = replace(data, inputs=data.inputs[1:], targets=data.targets[1:])
    first, second = train(data, [make_run(view=0), make_run(view=1)], make_settings())
    (expected,) = train(alone, [make_run()], make_settings())
    np.testing.assert_allclose(second.parameters, expected.parameters, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.history.validation, expected.history.validation, rtol=1e-5)
    assert not np.allclose(first.parameters, second.parameters, atol=1e-3)


def test_runs_of_many_sizes_come_back_in_their_order():
    runs = [make_run(range(2 + 7 * i % 37), recipe="batch_norm" if i % 3 else None, seed=i) for i in range(20)]
    results = train(make_data(), runs, make_settings(batch_size=8))
    assert all(result.run is run for result, run in zip(results, runs, strict=True))


@pytest.mark.parametrize("hidden", [(), (3,), (4, 5, 6)])
@pytest.mark.parametrize("recipe", ["none", "batch_norm", "batch_norm, weight_averaging"])
@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_networks_of_any_depth(hidden, recipe, task):
    data = make_data(task)
    (result,) = train(data, [make_run(recipe=recipe)], make_settings(hidden=hidden, max_epochs=30))
    assert result.layout.sizes == (COLUMNS, *hidden, data.targets.shape[2])
    assert result.parameters.shape == (result.layout.total,)
    assert result.parameters.dtype == np.float32
    assert result.statistics.shape == ((2 * sum(hidden),) if "batch_norm" in recipe else (0,))
    assert result.history.train[-1] < result.history.train[0]


def test_training_learns():
    """A linear target of little noise: the loss falls to the noise's."""
    data = make_data()
    targets = data.inputs @ torch.tensor([[[1.0], [-2.0], [0.5], [0.0]]]) + 3.0
    (result,) = train(replace(data, targets=targets), [make_run()], make_settings(hidden=(), max_epochs=100))
    assert result.history.validation[-1] < 1e-6
    np.testing.assert_allclose(result.parameters, [1.0, -2.0, 0.5, 0.0, 3.0], atol=1e-3)


def test_no_run_is_no_result():
    assert train(make_data(), [], make_settings()) == []


def test_runs_that_are_dropped_leave_and_change_nothing_for_the_others():
    runs = [make_run(seed=seed) for seed in range(4)]
    data, settings, asked = make_data(), make_settings(), []

    def drop(epoch, losses):
        asked.append((epoch, losses.shape))
        return np.array([1, 3]) if epoch == 2 else np.empty(0, np.int64)

    results = train(data, runs, settings, drop=Drop(frozenset({2, 4, 6}), drop))
    assert [result.outcome for result in results] == ["finished", "dropped", "finished", "dropped"]
    assert [result.epochs for result in results] == [6, 2, 6, 2]
    assert asked == [(epoch, (4, epoch)) for epoch in (2, 4)]
    for one, other in zip(results[::2], train(data, runs[::2], settings), strict=True):
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=1e-5, atol=1e-6)
