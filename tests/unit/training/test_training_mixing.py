"""Rows of a batch mixed with others: inputs, targets and weights alike, so that the loss is the mixture of losses."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_problems import make_data, make_run, make_settings

from goodfit.regularizers import CutMix, LabelSmoothing, Mixup, Recipe
from goodfit.regularizers.form import Form
from goodfit.regularizers.places import Mixes
from goodfit.rng import Purpose
from goodfit.training import Execution, train
from goodfit.training.block import build_block, initial_state
from goodfit.training.losses import row_losses
from goodfit.training.mixing import Mixture, blended, mixed
from goodfit.training.rows import rows_of

FORM = Form("image", (1, 2, 2))
TASKS = ("binary", "multiclass", "regression")
PORTABLE = Execution(threads=1, engine="portable")
MIXES = pytest.mark.parametrize("kind", [Mixup, CutMix], ids=lambda kind: kind.name)
shares = st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0])


def block_of(*recipes, rows=40, seeds=None):
    """Members of these recipes that learn from so many rows, or each from so many of its own."""
    data, chosen = make_data("binary"), make_settings()
    counts = [rows] * len(recipes) if isinstance(rows, int) else rows
    seeds = seeds or range(len(recipes))
    runs = [
        make_run(range(count), recipe=recipe, seed=seed)
        for recipe, count, seed in zip(recipes, counts, seeds, strict=True)
    ]
    state = initial_state(data, runs, chosen, data.layout(chosen, batch_norm=False))
    return build_block(
        data,
        runs,
        list(range(len(runs))),
        settings=chosen,
        layout=data.layout(chosen, batch_norm=False),
        state=state,
        rows=rows_of(data, runs),
    )


def batch_of(members, rows, outputs=3, seed=0):
    """Pictures whose pixels are all the number of their row, so that who was mixed with whom can be read off."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.arange(members * rows, dtype=torch.float32).view(members, rows)
    inputs = numbers[..., None, None, None].expand(-1, -1, *FORM.shape).clone()
    targets = torch.nn.functional.one_hot(torch.randint(outputs, (members, rows), generator=generator), outputs)
    return Mixture(inputs, targets.float(), torch.rand(members, rows, generator=generator) + 0.5)


def losses_of(outputs, targets, task):
    return row_losses(outputs, targets, task)


# -- the formula ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.data(), st.integers(1, 2), st.integers(1, 5), st.sampled_from([1, 3]))
def test_targets_and_weights_by_brute_force(data, members, rows, outputs):
    numbers = st.floats(0, 1, width=32)
    weights = st.floats(0, 4, width=32)

    def tensor(elements, *shape):
        count = int(np.prod(shape))
        return torch.tensor(data.draw(st.lists(elements, min_size=count, max_size=count))).view(shape)

    one, other = (
        Mixture(torch.zeros(members, rows, 2), tensor(numbers, members, rows, outputs), tensor(weights, members, rows))
        for _ in range(2)
    )
    share, inputs = tensor(shares, members, rows), torch.ones(members, rows, 2)
    found = blended(one, other, inputs, share)
    assert found.inputs is inputs
    for m in range(members):
        for b in range(rows):
            s, mine, theirs = (float(t[m, b]) for t in (share, one.weights, other.weights))
            if s == 1.0:
                assert torch.equal(found.weights[m, b], one.weights[m, b])
                assert torch.equal(found.targets[m, b], one.targets[m, b])
                continue
            total = s * mine + (1 - s) * theirs
            assert float(found.weights[m, b]) == pytest.approx(total, rel=1e-5, abs=1e-30)
            if total > 1e-30:
                wanted = (s * mine * one.targets[m, b] + (1 - s) * theirs * other.targets[m, b]) / total
                torch.testing.assert_close(found.targets[m, b], wanted, rtol=1e-4, atol=1e-6)
            assert found.targets[m, b].isfinite().all()


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_loss_of_the_mixture_is_the_mixture_of_the_losses(task):
    """For losses that are linear in the target: w̄ l(ȳ) = s w l(y) + (1 - s) w' l(y')."""
    generator = torch.Generator().manual_seed(1)
    outputs = 1 if task == "binary" else 4
    codes = torch.randint(max(outputs, 2), (2, 2, 50), generator=generator)
    targets = codes[..., None].float() if task == "binary" else torch.nn.functional.one_hot(codes, outputs).float()
    weights, share = torch.rand(2, 2, 50, generator=generator) * 3, torch.rand(2, 50, generator=generator)
    one, other = (Mixture(torch.zeros(2, 50, 1), targets[i], weights[i]) for i in (0, 1))
    mixture = blended(one, other, one.inputs, share)
    predicted = torch.randn(2, 50, outputs, generator=generator)
    whole = mixture.weights * losses_of(predicted, mixture.targets, task)
    apart = share * one.weights * losses_of(predicted, one.targets, task)
    apart = apart + (1 - share) * other.weights * losses_of(predicted, other.targets, task)
    torch.testing.assert_close(whole, apart, rtol=1e-4, atol=1e-5)


def test_numbers_are_mixed_by_their_weights():
    """A squared error isn't linear in its target: its best prediction is that of the mixture of losses all the same."""
    one, other = (
        Mixture(torch.zeros(1, 1, 1), torch.tensor([[[y]]]), torch.tensor([[w]])) for y, w in ((2, 1), (5, 3))
    )
    mixture = blended(one, other, one.inputs, torch.tensor([[0.5]]))
    assert mixture.targets.item() == pytest.approx((0.5 * 1 * 2 + 0.5 * 3 * 5) / 2)
    assert mixture.weights.item() == pytest.approx(2.0)


def test_rows_without_weight_mix_to_rows_without_weight():
    one, other = (Mixture(torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.zeros(1, 2)) for _ in range(2))
    mixture = blended(one, other, one.inputs, torch.tensor([[0.3, 1.0]]))
    assert not mixture.weights.any()
    assert mixture.targets.isfinite().all()


def test_a_row_with_share_one_takes_nothing_from_another_whatever_that_holds():
    one = Mixture(torch.zeros(1, 2, 1), torch.tensor([[[0.3], [0.7]]]), torch.tensor([[0.9, 1.1]]))
    other = Mixture(torch.zeros(1, 2, 1), torch.full((1, 2, 1), torch.nan), torch.full((1, 2), torch.inf))
    found = blended(one, other, one.inputs, torch.ones(1, 2))
    assert torch.equal(found.targets, one.targets)
    assert torch.equal(found.weights, one.weights)


# -- who meets whom ---------------------------------------------------------------------------------------------------


class Half(Mixes):
    """All rows half and half: what comes out tells who was met."""

    stream = 12345

    def mix(self, rows, others, draw, form):
        return (rows + others) / 2, torch.full(rows.shape[:2], 0.5)


class OtherHalf(Half):
    """The same under another name."""

    stream = 54321


def partners_of(block, batch, own=None, *, step=0, half=Half):
    """The numbers of the rows that each row met, `(M, B)`."""
    halves = replace(block, regularizers=replace(block.regularizers, parts=(half(),)))
    found = mixed(batch, halves, own, form=FORM, step=step)
    return (2 * found.inputs - batch.inputs)[:, :, 0, 0, 0].round().long()


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_row_meets_rows_of_its_own_member_each_once(step):
    met = partners_of(block_of("none", "none", "none"), batch_of(3, 20), step=step)
    for m in range(3):
        assert sorted(met[m].tolist()) == list(range(20 * m, 20 * m + 20))
        assert (met[m] != torch.arange(20 * m, 20 * m + 20)).sum() > 10


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 3))
def test_no_row_meets_a_padded_row_or_one_of_another_member(counts, step):
    rows = max(counts)
    own = torch.arange(rows) < torch.tensor(counts)[:, None]
    met = partners_of(block_of(*["none"] * len(counts)), batch_of(len(counts), rows), own, step=step)
    for m, count in enumerate(counts):
        assert sorted(met[m, :count].tolist()) == list(range(rows * m, rows * m + count))


def test_whom_a_row_meets_is_its_members_own_matter():
    """The same in any company and with any padding, others at another step, for another seed or technique."""
    alone = partners_of(block_of("none", seeds=[3]), batch_of(1, 8))[0]
    padded = torch.tensor([[True] * 12, [True] * 8 + [False] * 4])
    among = partners_of(block_of("none", "none", seeds=[9, 3]), batch_of(2, 12), padded)[1, :8] - 12
    assert torch.equal(alone, among)
    others = [partners_of(block_of("none", seeds=[seed]), batch_of(1, 8), step=s)[0] for seed, s in ((3, 1), (4, 0))]
    others.append(partners_of(block_of("none", seeds=[3]), batch_of(1, 8), half=OtherHalf)[0])
    assert not any(torch.equal(alone, other) for other in others)


def test_over_the_steps_a_row_meets_every_other_alike():
    block, batch = block_of("none"), batch_of(1, 6)
    counts = torch.zeros(6, 6)
    for step in range(600):
        counts[torch.arange(6), partners_of(block, batch, step=step)[0]] += 1
    assert (counts.min() > 60) & (counts.max() < 145)


# -- in a block -------------------------------------------------------------------------------------------------------


@MIXES
def test_a_member_without_the_technique_is_untouched_bit_for_bit_beside_one_with_it(kind):
    block, batch = block_of(Recipe((kind(1.0),)), "none", kind.neutral()), batch_of(3, 12)
    found = mixed(batch, block, None, form=FORM, step=0)
    for mine, theirs in zip(vars(found).values(), vars(batch).values(), strict=True):
        assert torch.equal(mine[1:], theirs[1:])
        assert not torch.equal(mine[0], theirs[0])


@MIXES
def test_the_weights_of_a_whole_batch_stay_the_same_in_all(kind):
    """A row gives what it loses: each stands once as itself and once as another's partner, with the same share."""
    batch = batch_of(1, 4000)
    batch = replace(batch, weights=torch.rand(1, 4000, generator=torch.Generator().manual_seed(0)) + 0.5)
    found = mixed(batch, block_of(Recipe((kind(1.0),))), None, form=FORM, step=0)
    assert float(found.weights.mean()) == pytest.approx(float(batch.weights.mean()), rel=0.02)
    torch.testing.assert_close(found.targets.sum(-1), torch.ones(1, 4000))


def test_two_techniques_mix_one_after_the_other_with_partners_of_their_own():
    batch = batch_of(1, 30)
    both = mixed(batch, block_of("mixup=1, cut_mix=1"), None, form=FORM, step=0)
    first = mixed(batch, block_of("cut_mix=1"), None, form=FORM, step=0)
    second = mixed(first, block_of("mixup=1"), None, form=FORM, step=0)
    for mine, theirs in zip(vars(both).values(), vars(second).values(), strict=True):
        assert torch.equal(mine, theirs)
    numbers = [block_of(text).regularizers.parts[0].stream for text in ("mixup=1", "cut_mix=1")]
    assert len(set(numbers)) == 2


@pytest.mark.parametrize("task", TASKS)
def test_one_step_of_training_on_mixed_rows_by_hand(task):
    """A linear network on half-and-half rows: the gradient is that of the mean weighted loss of the mixture."""
    weights = torch.linspace(0.5, 2.0, 60)
    data, run = make_data(task, weights=weights), make_run(range(40), (), recipe=Mixup(1e9), learning_rate=0.1)
    chosen = make_settings(hidden=(), batch_size=40, max_epochs=1)
    (result,) = train(data, [run], chosen, execution=PORTABLE)
    (still,) = train(data, [replace(run, learning_rate=0.0)], chosen, execution=PORTABLE)
    block = build_block(
        data,
        [run],
        [0],
        settings=chosen,
        layout=still.layout,
        state=initial_state(data, [run], chosen, still.layout),
        rows=rows_of(data, [run]),
    )
    order = order_of_first_epoch(block)
    batch = Mixture(data.inputs[:, order], data.targets[:, order], weights[order][None] / weights[:40].mean())
    mixture = mixed(batch, block, None, form=data.form, step=0)
    assert torch.allclose(mixture.weights.sum(), torch.tensor(40.0))
    start = torch.from_numpy(still.parameters).clone()
    outputs = data.targets.shape[2]
    matrix, bias = start[: 4 * outputs].view(4, outputs).clone(), start[4 * outputs :].clone()
    matrix.requires_grad_()
    bias.requires_grad_()
    predicted = mixture.inputs[0] @ matrix + bias
    loss = (row_losses(predicted, mixture.targets[0], task) * mixture.weights[0]).mean()
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, [matrix, bias])])
    np.testing.assert_allclose(result.parameters, (start - 0.1 * gradient).numpy(), rtol=1e-4, atol=1e-6)
    plain = (row_losses(batch.inputs[0] @ matrix + bias, batch.targets[0], task) * batch.weights[0]).mean()
    other = torch.cat([g.flatten() for g in torch.autograd.grad(plain, [matrix, bias])])
    assert not torch.allclose(gradient, other, atol=1e-3)


def order_of_first_epoch(block):
    return block.streams.at(Purpose.ORDER, step=0).order(40, block.rows.train.counts)[0]


def test_labels_are_smoothed_after_they_are_mixed():
    """Both are linear, but the mixed target is what is smoothed."""
    targets = torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]]])
    smooth = LabelSmoothing(torch.tensor([0.2, 0.2], dtype=torch.float64))
    torch.testing.assert_close(smooth.targets(targets), 0.8 * targets + 0.1)
    runs = [make_run(recipe=text) for text in ("mixup=0.5, label_smoothing=0.2", "label_smoothing=0.2, mixup=0.5")]
    one, other = train(make_data("multiclass"), runs, make_settings(max_epochs=2), execution=PORTABLE)
    np.testing.assert_allclose(one.parameters, other.parameters, rtol=0, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_losses_are_measured_on_rows_as_they_are(task):
    """At a learning rate of 0 the network is the same, whatever its rows are mixed with."""
    runs = [make_run(recipe=recipe, learning_rate=0.0) for recipe in (Recipe(), Mixup(1e9))]
    one, other = train(make_data(task), runs, make_settings(max_epochs=2), execution=PORTABLE)
    np.testing.assert_array_equal(one.history.train, other.history.train)
    np.testing.assert_array_equal(one.history.validation, other.history.validation)


def test_a_batch_of_one_row_meets_itself():
    data, chosen, recipe = make_data(), make_settings(batch_size=1, max_epochs=2), Mixup(1.0)
    for rows in ([3], [3, 3], [3, 4, 5]):
        one, other = (
            train(data, [make_run(rows, (), recipe=r)], chosen, execution=PORTABLE)[0] for r in (recipe, Recipe())
        )
        np.testing.assert_allclose(one.parameters, other.parameters, rtol=0, atol=1e-5)
