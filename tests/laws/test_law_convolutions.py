"""Networks with convolutions keep the laws that networks without them keep."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from law_problems import (
    EACH_KIND,
    EACH_OPTIMIZER,
    KINDS,
    LEARN,
    UNSEEN,
    WATCH,
    assert_same,
    company,
    make_data,
    make_run,
    make_settings,
)

from goodfit.regularizers import (
    L1,
    L2,
    BatchNorm,
    Dropout,
    EarlyStopping,
    Mixup,
    Recipe,
    Rotate,
    WeightAveraging,
)
from goodfit.regularizers.places import Proximal, Stops
from goodfit.training import Checkpoint, Execution, train

CHANNELS, HIDDEN = (5, 4), (6,)
ONE_THREAD = Execution(threads=1)
TOLERANCE = 1e-5
EACH_TASK = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
RATE = 0.02


def convolving(optimizer="sgd", *, max_epochs=3):
    return replace(make_settings(optimizer, max_epochs=max_epochs, hidden=HIDDEN), channels=CHANNELS)


def plain(result):
    """Weights and biases."""
    layout = result.layout
    return result.parameters[: layout.weights + sum(layout.channels) + sum(layout.sizes[1:])]


def assert_close(one, other, tolerance=TOLERANCE):
    assert (one.outcome, one.best_epoch, one.epochs) == (other.outcome, other.best_epoch, other.epochs)
    for mine, theirs in (
        (plain(one), plain(other)),
        (one.history.train, other.history.train),
        (one.history.validation, other.history.validation),
    ):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance)


def assert_equal(one, other):
    """Bit for bit; also the biases of convolutions, whether or not both are laid out for batch norm."""
    assert_same(one, other)
    np.testing.assert_array_equal(plain(one), plain(other))


@cache
def in_company(task, optimizer):
    """A run of each technique among each other and among others."""
    runs = [make_run(kind(), learning_rate=RATE) for kind in KINDS]
    others = list(company(beside=KINDS[0]))
    results = train(make_data(task), [*others[:5], *runs, *others[5:]], convolving(optimizer))
    return dict(zip(KINDS, results[5 : 5 + len(runs)], strict=True))


@EACH_KIND
@EACH_TASK
def test_a_member_alone_is_the_member_in_company(kind, task):
    (alone,) = train(make_data(task), [make_run(kind(), learning_rate=RATE)], convolving())
    assert_close(in_company(task, "sgd")[kind], alone)


@EACH_KIND
def test_each_technique_can_be_trained_on_convolutions(kind):
    """Each layer learns: none of its weights stays where it was."""
    data, chosen = make_data(), convolving()
    run = make_run(kind(), learning_rate=RATE)
    (result,) = train(data, [run], chosen)
    (still,) = train(data, [replace(run, learning_rate=0.0)], replace(chosen, max_epochs=1))
    assert result.outcome == "finished"
    start = 0
    for inputs, units in result.layout.weight_shapes:
        layer = slice(start, start + inputs * units)
        assert not np.array_equal(result.parameters[layer], still.parameters[layer])
        start += inputs * units


def test_permuting_members_permutes_results():
    data, chosen, runs = make_data(), convolving(), list(company())
    order = np.random.default_rng(3).permutation(len(runs))
    results, permuted = train(data, runs, chosen), train(data, [runs[i] for i in order], chosen)
    for place, i in enumerate(order):
        assert permuted[place].run is runs[i]
        assert_close(permuted[place], results[i])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_no_result(threads):
    data, chosen, runs = make_data(), convolving(), list(company())
    several = train(data, runs, chosen, execution=Execution(threads=threads))
    for one, other in zip(train(data, runs, chosen, execution=ONE_THREAD), several, strict=True):
        assert_close(one, other)


@EACH_OPTIMIZER
def test_the_same_call_twice_is_the_same_bit_for_bit(optimizer):
    data, chosen = make_data(), convolving(optimizer)
    first, second = (train(data, list(company()), chosen) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_equal(one, other)


def test_members_differ_by_their_seed_and_by_nothing_else():
    same, twin, other = train(make_data(), [make_run(), make_run(), make_run(seed=1)], convolving())
    assert_close(same, twin)
    assert not np.allclose(same.parameters, other.parameters, atol=0.01)


@pytest.mark.parametrize("rows", [LEARN[:37], (0, 0, 0, 1, 5, 5, 9, 11, 11, 13) * 5, (3, 4), (3,)])
def test_rows_of_any_number(rows):
    """Padded beside others: padding enters no loss, no batch statistics and no mixture."""
    recipe = BatchNorm() + Dropout(0.3, input=0.1) + L2(1e-3) + Mixup(0.4) + Rotate(20.0) + WeightAveraging(0.5)
    run = make_run(recipe, train=rows, learning_rate=RATE)
    data, chosen = make_data(), convolving()
    together = train(data, [*company(), run, make_run(recipe, seed=3)], chosen)[-2]
    (alone,) = train(data, [run], chosen)
    assert_close(together, alone)
    np.testing.assert_allclose(together.statistics, alone.statistics, rtol=1e-4, atol=1e-4)


@EACH_KIND
@EACH_OPTIMIZER
def test_training_with_the_neutral_dose_is_training_without(kind, optimizer):
    data, chosen = make_data(), convolving(optimizer, max_epochs=2)
    others = Recipe(tuple(other() for other in KINDS if other is not kind))
    for base in (Recipe(), others) if optimizer == "sgd" else (Recipe(),):
        neutral = Recipe((*base.parts, kind.neutral()))
        (without,), (with_it,) = (train(data, [make_run(recipe)], chosen) for recipe in (base, neutral))
        assert_equal(with_it, without)


@EACH_KIND
def test_the_neutral_dose_beside_the_usual_one_is_no_dose(kind):
    data, chosen = make_data(), convolving()
    without = train(data, [make_run(), make_run(seed=1)], chosen, execution=ONE_THREAD)
    for recipe in (Recipe(), Recipe((kind.neutral(),))):
        beside = train(data, [make_run(recipe), make_run(kind())], chosen, execution=ONE_THREAD)
        assert_equal(beside[0], without[0])


@pytest.mark.parametrize("kind", [k for k in KINDS if k() != k.neutral()])
def test_the_usual_dose_is_not_neutral(kind):
    """Else the laws above would say nothing. Many epochs of large steps let what waits for them act."""
    runs = [make_run(recipe, learning_rate=0.3) for recipe in (Recipe(), kind())]
    epochs = 30 if issubclass(kind, Stops | Proximal) else 3
    without, with_it = train(make_data(), runs, convolving(max_epochs=epochs))
    assert not np.array_equal(plain(without), plain(with_it))


WATCHED = EarlyStopping(patience=2)
STOPPING = {
    "plain": Recipe((WATCHED,)),
    "batch norm": Recipe((BatchNorm(), Dropout(), WATCHED)),
    "averaged": Recipe((BatchNorm(), L1(1e-3), WeightAveraging(0.8), WATCHED)),
}


@pytest.mark.parametrize("recipe", STOPPING.values(), ids=STOPPING)
def test_a_stopped_member_is_frozen(recipe):
    runs = [make_run(recipe, seed=seed, learning_rate=0.1 * (1 + seed)) for seed in range(4)]
    runs = [*runs, make_run(seed=8), make_run(L1(1e-3), seed=9)]
    short, long = (train(make_data(), runs, convolving(max_epochs=epochs)) for epochs in (12, 25))
    stopped = [(one, other) for one, other in zip(short, long, strict=True) if one.outcome == "stopped"]
    assert len(stopped) >= 2
    for one, other in stopped:
        assert_equal(one, other)
        assert one.epochs == one.best_epoch + WATCHED.patience
    assert [result.epochs for result in long[4:]] == [25, 25]


def test_a_diverging_member_changes_no_other():
    data = make_data("regression")
    tame = [make_run(BatchNorm(), seed=1, learning_rate=0.001), make_run(Mixup(), seed=2, learning_rate=0.001)]
    wild, mild = (make_run(learning_rate=rate) for rate in (1e9, 1e-3))
    beside, without = (train(data, [tame[0], run, tame[1]], convolving()) for run in (wild, mild))
    assert beside[1].outcome == "diverged"
    assert np.isfinite(beside[1].parameters).all()
    for place in (0, 2):
        assert_close(beside[place], without[place])


def poisoned(data, rows, poison):
    """The data with poison in inputs, targets and weights of some rows."""
    inputs, targets, weights = data.inputs.clone(), data.targets.clone(), data.weights.clone()
    inputs[:, rows], targets[:, rows], weights[rows] = poison, poison, abs(poison)
    return replace(data, inputs=inputs, targets=targets, weights=weights)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -1e30, 7.0])
@pytest.mark.parametrize("rows", [list(UNSEEN), [0], [95]], ids=["many", "first", "last"])
def test_poison_in_rows_of_no_set_changes_nothing(poison, rows):
    known = np.setdiff1d(np.arange(96), rows)
    recipes = (BatchNorm() + Mixup(), Rotate() + EarlyStopping(2), BatchNorm() + WeightAveraging(0.5), Recipe())
    runs = [
        make_run(recipe, train=known[: 30 + 5 * i], validation=known[60 : 62 + i], seed=i)
        for i, recipe in enumerate(recipes)
    ]
    data, chosen = make_data(), convolving()
    bad = poisoned(data, rows, poison)
    for clean, other in zip(train(data, runs, chosen), train(bad, runs, chosen), strict=True):
        assert_equal(clean, other)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not issubclass(kind, Stops)])
def test_poison_in_validation_rows_changes_no_weight_where_nothing_watches(kind):
    data, chosen, runs = make_data(), convolving(max_epochs=2), [make_run(kind()), make_run(kind(), train=LEARN[:50])]
    bad = poisoned(data, list(WATCH), np.nan)
    for clean, other in zip(train(data, runs, chosen), train(bad, runs, chosen), strict=True):
        np.testing.assert_array_equal(clean.parameters, other.parameters)
        np.testing.assert_array_equal(clean.statistics, other.statistics)
        np.testing.assert_array_equal(clean.history.train, other.history.train)
        assert clean.outcome == other.outcome == "finished"


def test_training_rows_do_reach_the_weights():
    one, other = (train(d, [make_run()], convolving())[0] for d in (make_data(), poisoned(make_data(), [0], 0.5)))
    assert not np.array_equal(one.parameters, other.parameters)


EPOCHS = 6


def job():
    """Members that stop at different epochs, diverge or go on, with techniques that carry a state and draw numbers."""
    drawing = Recipe((BatchNorm(), Dropout(0.3, input=0.1), Mixup(), Rotate(), WeightAveraging(0.5)))
    runs = [
        *(make_run(EarlyStopping(1), seed=seed, learning_rate=0.2 * (1 + seed)) for seed in range(3)),
        make_run(drawing, seed=4, train=range(37)),
        make_run(Recipe(tuple(kind() for kind in KINDS)).without(EarlyStopping), seed=5),
        *(make_run(seed=seed, train=range(50 - seed)) for seed in range(6, 8)),
        make_run(seed=10, learning_rate=1e9),
    ]
    return make_data("regression"), runs, convolving(max_epochs=EPOCHS)


@cache
def uninterrupted():
    return train(*job(), execution=ONE_THREAD)


def test_the_job_is_one_worth_interrupting():
    assert {result.outcome for result in uninterrupted()} == {"stopped", "diverged", "finished"}
    assert len({result.epochs for result in uninterrupted()}) >= 3


@pytest.mark.parametrize("epoch", [1, 3, EPOCHS - 1])
def test_interrupted_and_resumed_is_bit_for_bit_as_if_it_never_was(tmp_path, epoch):
    path, seen = tmp_path / "state", []

    def interrupt(progress):
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(*job(), execution=ONE_THREAD, on_epoch=interrupt, checkpoint=Checkpoint(path, interval=0))
    results = train(*job(), execution=ONE_THREAD, on_epoch=lambda p: seen.append(p.epoch), checkpoint=Checkpoint(path))
    assert seen == list(range(epoch + 1, EPOCHS + 1))
    for one, other in zip(results, uninterrupted(), strict=True):
        assert_equal(one, other)


def test_another_number_of_channels_is_another_job(tmp_path):
    path, seen = tmp_path / "state", []
    data, runs, chosen = job()

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, runs, chosen, on_epoch=interrupt, checkpoint=Checkpoint(path, interval=0))
    other = replace(chosen, channels=(CHANNELS[0], CHANNELS[1] + 1))
    train(data, runs, other, on_epoch=lambda p: seen.append(p.epoch), checkpoint=Checkpoint(path))
    assert seen[0] == 1


def test_the_initial_weights_are_those_of_the_seed_and_uniform_as_torchs():
    """Within one over the root of what a unit sees: 9 pixels of each channel."""
    runs = [make_run(recipe, learning_rate=0.0) for recipe in (Recipe(), BatchNorm(), Mixup())]
    results = train(make_data(), [make_run(seed=3), *runs], convolving(max_epochs=1))[1:]
    for other in results[1:]:
        np.testing.assert_array_equal(plain(results[0]), plain(other))
    start = 0
    for inputs, units in results[0].layout.weight_shapes:
        weights = results[0].parameters[start : start + inputs * units]
        assert 0.8 / np.sqrt(inputs) < np.abs(weights).max() <= 1 / np.sqrt(inputs)
        start += inputs * units
    assert results[0].layout.weight_shapes == ((9, 5), (45, 4), (4, 6), (6, 1))


def test_bfloat16_moves_the_losses_little():
    exact, rounded = (
        train(make_data(), [make_run(learning_rate=0.01)], replace(convolving("adam"), precision=precision))[0]
        for precision in ("float32", "bfloat16")
    )
    assert np.abs(exact.parameters - rounded.parameters).max() > 1e-4
    np.testing.assert_allclose(rounded.history.train, exact.history.train, rtol=0, atol=0.01)


def test_what_is_left_of_a_picture_of_few_pixels():
    assert make_data().layout(convolving(), batch_norm=False).pictures == ((1, 4, 6), (5, 2, 3), (4, 1, 1))
