"""An operator on weights is what its definition says, and a dose a member is a dose by itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from law_problems import FORM, make_data, make_run, make_settings, plain, regularizers
from scipy.optimize import minimize_scalar

from goodfit.regularizers import L1, ElasticNet, GroupL1, MaxNorm, Recipe, families, stack
from goodfit.regularizers.places import Averages, Decays, Drops, InLoss, OnInputs, OnTargets, OnWeights, Proximal
from goodfit.rng import Purpose, Streams
from goodfit.training import train

PENALTIES = {
    L1: lambda part, u: part.strength * np.abs(u),
    ElasticNet: lambda part, u: part.strength * (part.l1_ratio * np.abs(u) + (1.0 - part.l1_ratio) * u**2),
}
"""What each separable proximal operator stands for, a weight u at a time."""
PROJECTIONS = {MaxNorm: lambda part, column: np.linalg.norm(column) <= part.radius}
"""The sets that the other ones project on, a unit's incoming weights at a time."""
GROUPED = {GroupL1: lambda part, w: part.strength * np.sqrt(w.size) / (1.0 + np.sqrt(np.mean(w**2)) / part.half_at)}
"""Those of the norm of a row: what the norm is multiplied by at the weights w that the step starts from."""

weight = st.floats(-10, 10, width=32)
weights = arrays(np.float32, (3, 4), elements=weight)
step_sizes = st.floats(0.0, 10.0)
doses = st.floats(1e-3, 5.0)


def kinds_of(place):
    return [kind for kind in families().values() if issubclass(kind, place)]


def each_of(place):
    return pytest.mark.parametrize("kind", kinds_of(place), ids=lambda kind: kind.name)


@st.composite
def modest(draw, kind):
    """A technique at doses at which float32 can be compared with a minimiser."""
    part = draw(regularizers(kind))
    first, value = next(iter(vars(part).items()))
    return replace(part, **{first: min(value, draw(doses)) if value > 1e-3 else 0.0})


def test_every_proximal_technique_has_its_definition_here():
    assert set(kinds_of(Proximal)) == {*PENALTIES, *PROJECTIONS, *GROUPED}


@pytest.mark.parametrize("kind", PENALTIES)
@settings(deadline=None, max_examples=200)
@given(data=st.data(), w=weight, step=step_sizes)
def test_a_proximal_operator_is_the_minimiser_of_its_definition(kind, data, w, step):
    """It minimizes (u - w)^2 / 2 + s penalty(u)."""
    part = data.draw(modest(kind))

    def objective(u):
        return 0.5 * (u - w) ** 2 + step * PENALTIES[kind](part, u)

    found = part.prox(torch.tensor([[w]]), step).item()
    sides = [
        minimize_scalar(objective, bounds=ends, method="bounded", options={"xatol": 1e-9}).x
        for ends in ((-11, 0), (0, 11))
    ]
    best = min([0.0, *sides], key=objective)
    assert found == pytest.approx(best, abs=1e-4)
    assert objective(found) <= objective(best) + 1e-5
    threshold = step * PENALTIES[kind](part, 1e-30) / 1e-30
    if abs(w) < threshold * (1.0 - 1e-6) - 1e-20:
        assert found == 0.0
    if abs(w) > threshold * (1.0 + 1e-6) + 1e-20:
        assert found != 0.0


@pytest.mark.parametrize("kind", GROUPED)
@settings(deadline=None, max_examples=60)
@given(data=st.data(), values=weights, point=weights, sizes=arrays(np.float32, (3, 4), elements=st.floats(1e-3, 10.0)))
def test_a_proximal_operator_of_groups_is_the_minimiser_of_its_definition(kind, data, values, point, sizes):
    """No u has a smaller sum of (u - w)^2 / 2s, with a step size s a weight, plus the pull times its norm."""
    part = data.draw(modest(kind))
    found = part.prox(torch.from_numpy(values), torch.from_numpy(sizes)).double().numpy()
    for w, u, other, s in zip(*(a.astype(float) for a in (values, found, point, sizes)), strict=True):
        pull = GROUPED[kind](part, w)

        def objective(v, w=w, s=s, pull=pull):
            return np.sum((v - w) ** 2 / (2.0 * s)) + pull * np.linalg.norm(v)

        for candidate in (w, other, 0.0 * w, *(u + scale * other for scale in (1.0, -1.0, 1e-1, -1e-1, 1e-2, -1e-2))):
            assert objective(u) <= objective(candidate) * (1.0 + 1e-5) + 1e-5
        reach = np.linalg.norm(w / s)
        if reach < pull * (1.0 - 1e-5) - 1e-6:
            assert not u.any()
        if reach > pull * (1.0 + 1e-5) + 1e-6:
            assert u.any()


@pytest.mark.parametrize("kind", PROJECTIONS)
@settings(deadline=None, max_examples=200)
@given(data=st.data(), values=weights, point=weights, step=step_sizes)
def test_a_projection_is_the_nearest_point_of_its_set(kind, data, values, point, step):
    """It lies in the set, leaves the set's points alone, and no point of the set is nearer."""
    part = data.draw(modest(kind))
    inside = PROJECTIONS[kind]
    found = part.prox(torch.from_numpy(values), step).double().numpy()
    for w, p, other in zip(values.T.astype(float), found.T, point.T.astype(float), strict=True):
        assert inside(part, p * (1 - 1e-6))
        if inside(part, w * (1 + 1e-6)):
            np.testing.assert_array_equal(p, w)
        shrink = next(s for s in (1.0, 1e-1, 1e-2, 1e-3, 1e-6, 0.0) if inside(part, s * other))
        # the angle between the way to w and the way to any point of a convex set is not acute
        assert (w - p) @ (shrink * other - p) <= 1e-4
    twice = part.prox(torch.from_numpy(found), step).numpy()
    np.testing.assert_allclose(twice, found, atol=1e-6)


@each_of(InLoss)
@settings(deadline=None)
@given(data=st.data(), values=arrays(np.float64, (3, 4), elements=st.floats(-10, 10)))
def test_the_gradient_of_a_penalty_is_that_of_autograd(kind, data, values):
    part = data.draw(modest(kind))
    w = torch.from_numpy(values).requires_grad_()
    (expected,) = torch.autograd.grad(part.penalty(w).sum(), w)
    torch.testing.assert_close(part.gradient(w.detach()), expected)


def apply(part, values, rate):
    """What a technique makes of weights."""
    if isinstance(part, InLoss):
        return part.gradient(values)
    return part.decay(values, rate) if isinstance(part, Decays) else part.prox(values, rate)


@each_of(OnWeights)
@settings(deadline=None)
@given(data=st.data(), values=arrays(np.float32, (3, 4, 2), elements=weight))
def test_a_dose_a_member_is_a_dose_by_itself(kind, data, values):
    """Tensors of doses `(M,)`, and rates `(M,)` or as many as weights, against floats, a member at a time."""
    parts = [data.draw(modest(kind)) for _ in range(3)]
    (together,) = stack([Recipe((part,)) for part in parts]).parts
    rates = torch.tensor([0.1, 0.5, 2.0])
    rate = rates if isinstance(together, Decays) else rates[:, None, None].expand(3, 4, 2)
    found = apply(together, torch.from_numpy(values), rate)
    for m, part in enumerate(parts):
        alone = apply(part, torch.from_numpy(values[m]), rates[m].item())
        torch.testing.assert_close(found[m], alone, rtol=1e-5, atol=1e-5)


@each_of((OnInputs, Drops, OnTargets))
@settings(deadline=None)
@given(data=st.data())
def test_a_dose_a_member_on_rows_is_a_dose_by_itself(kind, data):
    parts = [data.draw(modest(kind)) for _ in range(3)]
    (together,) = stack([Recipe((part,)) for part in parts]).parts
    rows = torch.rand(3, 7, *FORM.shape) if issubclass(kind, OnInputs) else torch.rand(3, 7, 4)

    def act(part, values, seeds):
        if isinstance(part, OnTargets):
            return part.targets(values)
        draw = Streams.of(seeds).at(Purpose.NOISE)
        return part.inputs(values, draw, FORM) if isinstance(part, OnInputs) else part.drop(values, draw, layer=1)

    found = act(together, rows, [4, 5, 6])
    for m, part in enumerate(parts):
        torch.testing.assert_close(found[m], act(part, rows[m : m + 1], [4 + m])[0], rtol=1e-5, atol=1e-5)


@each_of(OnWeights)
def test_biases_are_left_alone_unless_asked_for(kind):
    assert kind().for_biases() is None
    if hasattr(kind, "biases"):
        assert kind(biases=True).for_biases() == kind(biases=True)
        (mixed,) = stack([Recipe((kind(biases=True),)), Recipe((kind(),))]).parts
        first, second = mixed.for_biases().strength.tolist()
        assert (first, second) == (kind().strength, 0.0)


@pytest.mark.parametrize("kind", [k for k in kinds_of(OnWeights) if hasattr(k, "biases")])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_moves_biases_only_if_asked_for(kind, optimizer):
    """Inputs of 0 leave a linear model nothing but its bias."""
    data = make_data("regression")
    data = replace(data, inputs=torch.zeros_like(data.inputs), targets=data.targets + 2.0)
    recipes = (Recipe(), kind(strength=3.0), kind(strength=3.0, biases=True))
    runs = [make_run(recipe, learning_rate=0.01) for recipe in recipes]
    none, without, with_biases = train(data, runs, make_settings(optimizer, max_epochs=40, hidden=()))
    assert plain(without)[-1] == plain(none)[-1]
    assert 0.0 <= plain(with_biases)[-1] < 0.9 * plain(none)[-1]


IN_PLACE = {
    InLoss: lambda part, own, other: (own + part.gradient(other), part.add_gradient, (own, other)),
    Decays: lambda part, own, _: (part.decay(own, 0.1), part.decay_, (own, 0.1)),
    Averages: lambda part, own, other: (part.average(own, other), part.average_, (own, other)),
}
"""What each place gives, and how it does the same in place: to the first of what it is called with."""


@pytest.mark.parametrize("members", [False, True], ids=["a number", "a dose a member"])
@pytest.mark.parametrize(
    ("place", "kind"), [(place, kind) for place in IN_PLACE for kind in kinds_of(place)], ids=lambda kind: kind.__name__
)
def test_in_place_is_the_same(place, kind, members):
    (together,) = stack([Recipe((kind(),)), Recipe((kind(),))]).parts
    part = together if members else kind()
    generator = torch.Generator().manual_seed(0)
    own, other = torch.randn(2, 2, 3, 4, generator=generator)
    expected, act, given = IN_PLACE[place](part, own.clone(), other)
    act(*given)
    assert not torch.equal(given[0], own)
    torch.testing.assert_close(given[0], expected)
