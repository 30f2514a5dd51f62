"""The two engines do one computation: the same random numbers, floats that differ by rounding only.

In the compiled engine a member's floats are those that it has alone, bit for bit: in any company and place, on any
number of threads.
"""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from engine_problems import populations
from hypothesis import given, settings
from hypothesis import strategies as st
from law_problems import (
    COMPILED,
    EACH_COMPILED,
    EACH_OPTIMIZER,
    LEARN,
    all_kinds,
    assert_close,
    assert_same,
    company,
    make_data,
    make_run,
    make_settings,
    plain,
)

from goodfit.regularizers import L2, BatchNorm, Dropout, Recipe, WeightAveraging
from goodfit.training import Data, Execution, train
from goodfit.training.native import multiplies_bf16

TOLERANCE = 1e-5
ROWS = 600
ENGINES = ("compiled", "portable")
EACH_TASK = pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
RECIPES = {
    **{kind.name: Recipe((kind(),)) for kind in COMPILED},
    "none": Recipe(),
    "all": all_kinds(),
    "averaged batch norm": Recipe((BatchNorm(), WeightAveraging(0.5))),
}
EACH_RECIPE = pytest.mark.parametrize("name", RECIPES)


def by_both(data, runs, chosen):
    """With one thread each: the portable engine's floats depend on how members are cut into blocks."""
    return [train(data, runs, chosen, execution=Execution(threads=1, engine=engine)) for engine in ENGINES]


def compiled(data, runs, chosen, *, threads=1):
    return train(data, runs, chosen, execution=Execution(threads=threads, engine="compiled"))


def assert_agree(one, other):
    """Outcome, epochs, losses and all parameters; statistics where the member's batch norm acts."""
    assert_close(one, other, TOLERANCE)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=0, atol=TOLERANCE)
    norm = one.run.recipe.get(BatchNorm)
    if norm is not None and norm.strength > 0:
        np.testing.assert_allclose(one.statistics, other.statistics, rtol=TOLERANCE, atol=TOLERANCE)


def assert_all_agree(data, runs, chosen):
    for one, other in zip(*by_both(data, runs, chosen), strict=True):
        assert_agree(one, other)


@EACH_COMPILED
@EACH_TASK
@EACH_OPTIMIZER
def test_each_technique(kind, task, optimizer):
    parts = [kind(), *([kind(biases=True)] if hasattr(kind, "biases") else [])]
    assert_all_agree(make_data(task), [make_run(part) for part in parts], make_settings(optimizer))


@pytest.mark.parametrize("recipe", [Recipe(), all_kinds()], ids=["none", "all"])
@EACH_TASK
@EACH_OPTIMIZER
def test_no_technique_and_all_together(recipe, task, optimizer):
    runs = [make_run(recipe, seed=i, train=LEARN[: 64 - 9 * i]) for i in range(3)]
    for schedule in ("constant", "cosine"):
        assert_all_agree(make_data(task), runs, replace(make_settings(optimizer), schedule=schedule))


def test_the_comparison_can_fail():
    """A dose that differs in the fourth digit is seen."""
    data, chosen = make_data(), make_settings("adam")
    (one, _), (_, other) = by_both(data, [make_run(L2(0.01)), make_run(L2(0.01001))], chosen)
    with pytest.raises(AssertionError):
        assert_close(one, other, TOLERANCE)


@EACH_OPTIMIZER
@settings(deadline=None, derandomize=True, max_examples=150)
@given(data=st.data())
def test_any_population(optimizer, data):
    """The examples are the same each time: of ten thousand one falls where rounding decides, at the kink of a unit."""
    assert_all_agree(*data.draw(populations(optimizer)))


def test_each_run_sees_its_own_view():
    """Two views are one table in memory: a run on the second of two is the run on these rows alone."""
    generator = torch.Generator().manual_seed(5)
    inputs, targets = (torch.randn(2, ROWS, width, generator=generator) for width in (4, 3))
    data = Data(inputs, targets, torch.rand(ROWS, generator=generator) + 0.1, "regression")
    second, chosen = Data(inputs[1:], targets[1:], data.weights, "regression"), make_settings()
    runs = [replace(make_run(Dropout(0.2)), view=view) for view in (0, 1)]
    both = by_both(data, runs, chosen)
    for results, alone in zip(both, by_both(second, [runs[0]], chosen), strict=True):
        assert_agree(results[1], alone[0])
        assert not np.allclose(results[0].parameters, results[1].parameters, atol=1e-3)
    assert_agree(both[0][0], both[1][0])


@EACH_TASK
@pytest.mark.parametrize("engine", ENGINES)
def test_products_in_bfloat16_are_nearly_those_in_float32(task, engine):
    """They move the losses by less than a hundredth, and are really in use."""
    if engine == "compiled" and not multiplies_bf16():
        pytest.skip("this processor has none")
    exact, rounded = (
        train(
            make_data(task),
            [make_run(learning_rate=0.01)],
            replace(make_settings("adam"), precision=precision),
            execution=Execution(engine=engine),
        )[0]
        for precision in ("float32", "bfloat16")
    )
    assert np.abs(exact.parameters - rounded.parameters).max() > 1e-4
    np.testing.assert_allclose(rounded.history.train, exact.history.train, rtol=0, atol=0.01)
    np.testing.assert_allclose(rounded.history.validation, exact.history.validation, rtol=0, atol=0.01)


@pytest.mark.parametrize("rows", [(3,), (3, 3), (3, 4, 5)])
@pytest.mark.parametrize("recipe", ["none", "batch_norm eps=0.1", "batch_norm eps=0.1, weight_averaging=0.5"])
def test_hardly_any_rows(rows, recipe):
    """A batch of one row has no statistics of its own."""
    recipe, chosen = Recipe.parse(recipe), replace(make_settings("sgd"), batch_size=2)
    assert_all_agree(make_data(), [make_run(recipe, train=rows), make_run(recipe, train=LEARN[:7])], chosen)


def test_more_rows_than_losses_are_measured_on():
    data, chosen = make_data(rows=3000), replace(make_settings("sgd", max_epochs=2), batch_size=500)
    runs = [make_run(RECIPES["averaged batch norm"], train=range(n)) for n in (2500, 2100)]
    assert_all_agree(data, runs, chosen)


DIVERGING = {"plain": Recipe(), "batch norm": Recipe((BatchNorm(),)), "dropout": Recipe((Dropout(), L2()))}


@pytest.mark.parametrize("recipe", DIVERGING.values(), ids=DIVERGING)
@EACH_TASK
@EACH_OPTIMIZER
@pytest.mark.parametrize("wild", [1e30, 1e38])
def test_a_member_diverges_in_the_same_epoch_and_changes_no_other(recipe, task, optimizer, wild):
    data, chosen = make_data(task), make_settings(optimizer)
    tame = [make_run(RECIPES[name], seed=i) for i, name in enumerate(("dropout", "batch_norm", "none"))]
    one, other = (results[1] for results in by_both(data, [tame[0], make_run(recipe, learning_rate=wild)], chosen))
    assert one.outcome == other.outcome == "diverged"
    assert (one.epochs, one.best_epoch) == (other.epochs, other.best_epoch)
    np.testing.assert_allclose(plain(one), plain(other), rtol=0, atol=TOLERANCE)
    for threads in (1, 2):
        beside, without = (
            compiled(data, [*tame[:2], make_run(recipe, learning_rate=rate), tame[2]], chosen, threads=threads)
            for rate in (wild, 1e-3)
        )
        for place in (0, 1, 3):
            assert_same(beside[place], without[place])


@pytest.mark.parametrize("learning_rate", [1e3, 10.0, 2.0])
def test_a_member_whose_error_grows_by_a_factor_diverges_when_it_overflows(learning_rate):
    """A linear model on a squared error. The sum of a few losses may overflow an epoch before the losses themselves."""
    data, chosen = make_data("regression"), make_settings("sgd", max_epochs=30, hidden=())
    (one,), (other,) = by_both(data, [make_run(learning_rate=learning_rate)], chosen)
    assert one.outcome == other.outcome == "diverged"
    assert abs(one.epochs - other.epochs) <= 1
    assert (one.best_epoch, other.best_epoch) == (one.epochs - 1, other.epochs - 1)


def crowd(optimizer):
    """Each recipe, one with as many rows as the next, and many others of other recipes, seeds, rates and rows."""
    generator = np.random.default_rng(1)
    rate = {"sgd": 0.02, "adam": 1e-3}[optimizer]
    runs = [make_run(recipe, train=generator.choice(ROWS, 300), learning_rate=rate) for recipe in RECIPES.values()]
    others = list(company(rows=ROWS))
    return make_data(rows=ROWS), [*others[:5], *runs, *others[5:]], replace(make_settings(optimizer), batch_size=64)


@cache
def in_company(optimizer, threads):
    data, runs, chosen = crowd(optimizer)
    return dict(zip(RECIPES, compiled(data, runs, chosen, threads=threads)[5:], strict=False))


@EACH_RECIPE
@EACH_OPTIMIZER
def test_a_member_alone_is_the_member_in_company_bit_for_bit(name, optimizer):
    data, runs, chosen = crowd(optimizer)
    (alone,) = compiled(data, [runs[5 + list(RECIPES).index(name)]], chosen)
    for threads in (1, 2, 5):
        assert_same(in_company(optimizer, threads)[name], alone)


@EACH_OPTIMIZER
def test_permuting_members_permutes_results_bit_for_bit(optimizer):
    data, runs, chosen = crowd(optimizer)
    order = np.random.default_rng(3).permutation(len(runs))
    results = compiled(data, runs, chosen)
    permuted = compiled(data, [runs[i] for i in order], chosen, threads=2)
    for place, i in enumerate(order):
        assert permuted[place].run is runs[i]
        assert_same(permuted[place], results[i])


@pytest.mark.parametrize("rows", [1000, 2048, 2049])
@pytest.mark.parametrize("name", ["none", "averaged batch norm"])
def test_a_member_beside_one_with_very_many_rows_is_the_member_alone(name, rows):
    """More than those on which losses and statistics are measured."""
    data, chosen = make_data(rows=3000), replace(make_settings("sgd", max_epochs=2), batch_size=3000)
    generator = np.random.default_rng(0)
    run, other = (make_run(RECIPES[name], train=generator.choice(3000, n), learning_rate=0.02) for n in (rows, 3000))
    assert_same(compiled(data, [run, other], chosen)[0], compiled(data, [run], chosen)[0])


def test_they_agree_on_rows_of_more_than_one_block():
    """Beyond 2^18 rows an epoch goes block by block: both draw the same order."""
    rows, random = 2**18 + 40_000, np.random.default_rng(0)
    inputs = random.normal(size=(1, rows, 2)).astype(np.float32)
    targets = (inputs[..., :1] > 0).astype(np.float32)
    data = Data(torch.from_numpy(inputs), torch.from_numpy(targets), torch.ones(rows), "binary")
    runs = [make_run(seed=seed, train=range(rows), validation=range(100)) for seed in range(2)]
    chosen = replace(make_settings(), hidden=(), batch_size=4096, max_epochs=2, optimizer="sgd")
    for one, other in zip(*by_both(data, runs, chosen), strict=True):
        assert_agree(one, other)
