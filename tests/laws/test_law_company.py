"""A member's result is a function of its run, the data and the settings, not of its company, place or threads.

Its random numbers are the same bit for bit. Its floats differ by rounding: a matrix product of another height, or a
mean over padded rows, is summed in another order. A step multiplies such a difference by little where the loss is
smooth, so a few epochs of SGD stay within 1e-5; where a path jumps (a unit of ReLU, Adam's division by a gradient near
0) it may grow, which is why the tight tolerance is asked of SGD and the other of Adam. In the compiled
engine not even rounding differs: `test_law_engines`.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from law_problems import (
    COMPILED,
    EACH_KIND,
    KINDS,
    LEARN,
    all_kinds,
    assert_close,
    assert_same,
    company,
    make_data,
    make_run,
    make_settings,
)

from goodfit.regularizers import L2, BatchNorm, Dropout, GaussianNoise, WeightAveraging
from goodfit.rng import Purpose, Streams
from goodfit.training import Execution, train

BOTH_ENGINES = True

TOLERANCE = {"sgd": 1e-5, "adam": 1e-3}
RATE = {"sgd": 0.02, "adam": 1e-3}
seeds = st.integers(-(2**70), 2**70)


def in_company(kind, task, optimizer):
    """A technique's run, trained among others and among each other: those that train by one engine."""
    return all_in_company(kind in COMPILED, task, optimizer)[kind]


@cache
def all_in_company(compiled, task, optimizer):
    kinds = [kind for kind in KINDS if (kind in COMPILED) == compiled]
    runs = [make_run(kind(), learning_rate=RATE[optimizer]) for kind in kinds]
    others = list(company(beside=kinds[0]))
    results = train(make_data(task), [*others[:5], *runs, *others[5:]], make_settings(optimizer))
    return dict(zip(kinds, results[5 : 5 + len(runs)], strict=True))


def alone(kind, task, optimizer):
    run = make_run(kind(), learning_rate=RATE[optimizer])
    return train(make_data(task), [run], make_settings(optimizer))[0]


@EACH_KIND
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_member_alone_is_the_member_in_company(kind, task):
    assert_close(alone(kind, task, "sgd"), in_company(kind, task, "sgd"), TOLERANCE["sgd"])


@EACH_KIND
def test_a_member_alone_is_the_member_in_company_under_adam(kind):
    """Weights and losses; not biases, which before batch norm have no gradient but rounding, and Adam scales it up."""
    one, other = alone(kind, "binary", "adam"), in_company(kind, "binary", "adam")
    weights = slice(one.layout.weights)
    np.testing.assert_allclose(one.parameters[weights], other.parameters[weights], rtol=0, atol=TOLERANCE["adam"])
    np.testing.assert_allclose(one.history.validation, other.history.validation, rtol=0, atol=TOLERANCE["adam"])
    assert one.best_epoch == other.best_epoch


@pytest.mark.parametrize("train_rows", [LEARN, LEARN[:37], (0, 0, 0, 1, 5, 5, 9, 11, 11, 13) * 5, (3, 4)])
@pytest.mark.parametrize("scaling", [0.0, 6.0])
def test_all_techniques_together_and_rows_of_any_number(train_rows, scaling):
    recipe = BatchNorm() + Dropout(0.3, input=0.1) + GaussianNoise(0.2) + L2(1e-3) + WeightAveraging(0.5)
    run = make_run(recipe, train=train_rows, learning_rate=0.02)
    data, chosen = make_data(), replace(make_settings("sgd"), scaling=scaling)
    together = train(data, [*company(), run], chosen)[-1]
    assert_close(train(data, [run], chosen)[0], together, TOLERANCE["sgd"])


def test_permuting_members_permutes_results():
    data, chosen, runs = make_data(), make_settings("sgd"), list(company())
    order = np.random.default_rng(3).permutation(len(runs))
    results, permuted = train(data, runs, chosen), train(data, [runs[i] for i in order], chosen)
    for place, i in enumerate(order):
        assert permuted[place].run is runs[i]
        assert_close(permuted[place], results[i], TOLERANCE["sgd"])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_no_result(threads):
    data, chosen, runs = make_data(), make_settings("sgd"), list(company())
    before = torch.get_num_threads()
    several = train(data, runs, chosen, execution=Execution(threads=threads))
    assert torch.get_num_threads() == before
    for one, other in zip(train(data, runs, chosen, execution=Execution(threads=1)), several, strict=True):
        assert_close(one, other, TOLERANCE["sgd"])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_call_twice_is_the_same_bit_for_bit(optimizer, threads):
    data, chosen = make_data(), make_settings(optimizer)
    runs = [*company(), make_run(all_kinds())]
    first, second = (train(data, runs, chosen, execution=Execution(threads=threads)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert_same(one, other)


def test_members_differ_by_their_seed_and_by_nothing_else():
    """Equal runs give equal results, another seed other ones: else the laws above would say nothing."""
    same, twin, other = train(make_data(), [make_run(), make_run(), make_run(seed=1)], make_settings("sgd"))
    assert_close(same, twin, TOLERANCE["sgd"])
    assert not np.allclose(same.parameters, other.parameters, atol=0.01)


@settings(deadline=None)
@given(
    seed=seeds,
    others=st.lists(seeds, max_size=4),
    purpose=st.sampled_from(Purpose),
    place=st.integers(0, 9),
    step=st.integers(0, 10**9),
    count=st.integers(1, 40),
    more=st.integers(0, 25),
)
def test_draws_are_a_function_of_seed_purpose_place_step_and_index(seed, others, purpose, place, step, count, more):
    """Whoever else draws, and however many numbers more the company needs for its longer rows."""
    alone = Streams.of([seed]).at(purpose, place=place, step=step)
    together = Streams.of([*others, seed]).at(purpose, place=place, step=step)
    for of in ("bits", "uniform", "normal"):
        own, shared = getattr(alone, of)(count)[0], getattr(together, of)(count + more)[-1, :count]
        assert torch.equal(own, shared), of
    own = torch.full((len(others) + 1,), count)
    assert torch.equal(together.order(count + more, own)[-1, :count], alone.order(count)[0])


@EACH_KIND
def test_the_initial_weights_are_those_of_the_seed(kind):
    """A learning rate of 0 leaves them as they were drawn: runs of one seed start alike, whatever their recipe."""
    runs = [make_run(kind.neutral(), learning_rate=0.0), make_run(learning_rate=0.0)]
    with_it, without = train(make_data(), runs, make_settings("sgd", max_epochs=1))
    assert np.array_equal(with_it.parameters, without.parameters)
