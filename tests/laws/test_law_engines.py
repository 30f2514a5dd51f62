"""Two orders of one computation: the compiled engine trains what the portable one trains.

Random draws are the same bit for bit, floats agree to rounding. In the compiled engine a member has the same floats in
any company.
"""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from law_problems import (
    COLUMNS,
    EACH_KIND,
    EACH_OPTIMIZER,
    LEARN,
    ROWS,
    all_kinds,
    assert_close,
    assert_same,
    make_data,
    make_run,
    make_settings,
)

from goodfit.regularizers import L1, L2, Dropout, EarlyStopping, ElasticNet, Recipe, WeightDecay, families
from goodfit.training import Data, Execution, Settings, train
from goodfit.training.library import multiplies_bf16

TOLERANCE = 1e-5
EACH_TASK = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
RATE = {"sgd": 0.02, "adam": 1e-3}
COMPILED, PORTABLE = Execution(engine="compiled"), Execution(engine="portable")


def assert_engines_agree(data, runs, chosen, tolerance=TOLERANCE):
    pairs = zip(
        train(data, runs, chosen, execution=COMPILED), train(data, runs, chosen, execution=PORTABLE), strict=True
    )
    for compiled, portable in pairs:
        assert_close(compiled, portable, tolerance)
        np.testing.assert_allclose(compiled.statistics, portable.statistics, rtol=0, atol=10 * tolerance)


@EACH_KIND
@EACH_TASK
@EACH_OPTIMIZER
def test_each_technique(kind, task, optimizer):
    run = make_run(kind(), learning_rate=RATE[optimizer])
    assert_engines_agree(make_data(task), [run], make_settings(optimizer))


@EACH_TASK
@EACH_OPTIMIZER
def test_all_techniques_together_and_none(task, optimizer):
    runs = [make_run(recipe, learning_rate=RATE[optimizer]) for recipe in (all_kinds(), None)]
    assert_engines_agree(make_data(task), runs, make_settings(optimizer))


@EACH_OPTIMIZER
@pytest.mark.parametrize("kind", [L1, L2, ElasticNet, WeightDecay])
def test_techniques_on_biases_too(kind, optimizer):
    runs = [make_run(kind(0.05, biases=biases), learning_rate=RATE[optimizer]) for biases in (True, False)]
    assert_engines_agree(make_data(), runs, make_settings(optimizer))


def test_the_comparison_can_fail():
    """A dose that differs in the fourth digit is seen."""
    data, chosen = make_data(), make_settings("adam")
    compiled = train(data, [make_run(L2(0.01))], chosen, execution=COMPILED)[0]
    portable = train(data, [make_run(L2(0.01001))], chosen, execution=PORTABLE)[0]
    with pytest.raises(AssertionError):
        assert_close(compiled, portable, TOLERANCE)


MODERATE = {
    "strength": st.floats(0.0, 0.1),
    "radius": st.floats(0.5, 4.0),
    "patience": st.integers(1, 6).map(float),
    "min_delta": st.sampled_from([0.0, 0.05]),
    "eps": st.floats(1e-5, 1.0),
    "momentum": st.floats(0.05, 1.0),
    "decay": st.floats(0.0, 0.95),
    "std": st.floats(0.0, 0.5),
}
"""Doses at which rounding is not blown up; the others are drawn from 0 to 0.9."""


@st.composite
def moderate_recipes(draw):
    parts = []
    for kind in draw(st.lists(st.sampled_from(list(families().values())), unique=True, max_size=6)):
        doses = {
            f.name: draw(MODERATE.get(f.name, st.floats(0.0, 0.9)) if "range" in f.metadata else st.booleans())
            for f in fields(kind)
        }
        if kind.name == "batch_norm":
            doses["strength"] = draw(st.sampled_from([0.0, 0.5, 1.0]))
        parts.append(kind(**doses))
    return Recipe(tuple(parts))


@st.composite
def populations(draw):
    """Runs of all kinds on rows of all kinds: folds of any size, bootstrap samples, none to watch."""
    numbers = st.integers(0, ROWS - 1)
    for_run = st.tuples(
        moderate_recipes(),
        st.integers(0, 2**40),
        st.lists(numbers, min_size=2, max_size=50),
        st.lists(numbers, max_size=20),
    )
    return [
        make_run(recipe, seed=seed, train=rows, validation=held, learning_rate=draw(st.floats(1e-3, 0.01)))
        for recipe, seed, rows, held in draw(st.lists(for_run, min_size=1, max_size=4))
    ]


@settings(deadline=None, max_examples=60)
@given(
    runs=populations(),
    task=st.sampled_from(["binary", "multiclass", "regression"]),
    hidden=st.sampled_from([(), (4,), (8, 6), (5, 7, 3)]),
    optimizer=st.sampled_from(["sgd", "adam"]),
    momentum=st.sampled_from([0.0, 0.9]),
    batch_size=st.integers(2, 17),
    schedule=st.sampled_from(["constant", "cosine"]),
)
def test_any_population(runs, task, hidden, optimizer, momentum, batch_size, schedule):
    chosen = Settings(hidden, optimizer, momentum, batch_size, max_epochs=3, schedule=schedule)
    data = make_data(task)
    results = [train(data, runs, chosen, execution=execution) for execution in (COMPILED, PORTABLE)]
    for compiled, portable in zip(*results, strict=True):
        assert compiled.outcome == portable.outcome
        for one, other in zip(compiled.history.train, portable.history.train, strict=True):
            assert math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-3)


def test_several_views_and_outputs():
    """Each member reads its own encoding of the rows, and a regression may have several targets."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(2, ROWS, COLUMNS, generator=generator)
    targets = torch.randn(2, ROWS, 3, generator=generator)
    data = Data(inputs, targets, torch.rand(ROWS, generator=generator) + 0.1, "regression")
    runs = [replace(make_run(Dropout(0.2), seed=seed), view=seed % 2) for seed in range(4)]
    assert_engines_agree(data, runs, make_settings("sgd"))
    swapped = Data(inputs.flip(0), targets.flip(0), data.weights, "regression")
    first, second = (train(d, runs[:1], make_settings("sgd"), execution=COMPILED)[0] for d in (data, swapped))
    assert not np.allclose(first.parameters, second.parameters, atol=1e-3)


@EACH_OPTIMIZER
def test_who_diverges_does_so_in_the_same_epoch_and_harms_nobody(optimizer):
    data, chosen = make_data("regression"), make_settings(optimizer)
    wild = [make_run(learning_rate=rate, seed=1) for rate in (1e30, 1e38)]
    calm = make_run(all_kinds(), learning_rate=RATE[optimizer])
    compiled, portable = (train(data, [*wild, calm], chosen, execution=e) for e in (COMPILED, PORTABLE))
    assert [(r.outcome, r.epochs) for r in compiled] == [(r.outcome, r.epochs) for r in portable]
    assert compiled[0].outcome == "diverged"
    assert_same(compiled[2], train(data, [calm], chosen, execution=COMPILED)[0])


def company():
    generator = np.random.default_rng(7)
    kinds = list(families().values())
    for place in range(16):
        rows = generator.choice(ROWS, 40 + 3 * place, replace=place % 2 == 0)
        recipe = Recipe(tuple({kinds[place % len(kinds)](), kinds[3 * place % len(kinds)]()}))
        yield make_run(recipe, seed=place + 1, train=rows, validation=range(place), learning_rate=0.01 * (place + 1))


@EACH_OPTIMIZER
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_compiled_a_member_alone_is_the_member_in_company_bit_for_bit(optimizer, threads):
    data, chosen, others = make_data(), make_settings(optimizer), list(company())
    for kind in families().values():
        run = make_run(kind(), train=LEARN[:49])
        together = train(data, [*others[:5], run, *others[5:]], chosen, execution=replace(COMPILED, threads=threads))
        assert_same(together[5], train(data, [run], chosen, execution=COMPILED)[0])


@EACH_OPTIMIZER
def test_compiled_permuting_members_permutes_results_bit_for_bit(optimizer):
    data, chosen, runs = make_data(), make_settings(optimizer), list(company())
    order = np.random.default_rng(3).permutation(len(runs))
    results, permuted = (
        train(data, members, chosen, execution=COMPILED) for members in (runs, [runs[i] for i in order])
    )
    for place, i in enumerate(order):
        assert_same(permuted[place], results[i])


@EACH_TASK
@pytest.mark.parametrize("execution", [COMPILED, PORTABLE], ids=["compiled", "portable"])
def test_bfloat16_is_near_float32(task, execution):
    """Rounded operands move the losses by less than a hundredth, and are really in use."""
    if execution is COMPILED and not multiplies_bf16():
        pytest.skip("this processor has no products in bfloat16")
    data, run = make_data(task), make_run(EarlyStopping(50), learning_rate=1e-2)
    exact, rounded = (
        train(data, [run], replace(make_settings("adam"), precision=precision), execution=execution)[0]
        for precision in ("float32", "bfloat16")
    )
    assert not np.array_equal(exact.parameters, rounded.parameters)
    np.testing.assert_allclose(rounded.history.train, exact.history.train, rtol=0, atol=0.01)
    np.testing.assert_allclose(rounded.history.validation, exact.history.validation, rtol=0, atol=0.01)
