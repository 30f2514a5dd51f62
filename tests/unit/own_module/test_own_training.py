"""Whole trainings of a user's module: early stopping, averages, saving and resuming, compiled, in half precision."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.torch import Regularized
from goodfit.torch.statistics import refresh_statistics


def rows(count=120, columns=6, seed=0):
    made = torch.Generator().manual_seed(seed)
    X = torch.randn(count, columns, generator=made)
    return X, (X[:, :2].sum(1) + 0.1 * torch.randn(count, generator=made))[:, None]


def mlp(norm=False):
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(16)] if norm else []
    return nn.Sequential(nn.Linear(6, 16), *middle, nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 1))


def epoch(model, optimizer, X, y, size=30):
    model.train()
    for start in range(0, len(X), size):
        inputs, targets = model.augment(X[start : start + size], y[start : start + size])
        optimizer.zero_grad()
        mse_loss(model(inputs), targets).backward()
        optimizer.step()


# -- early stopping ----------------------------------------------------------------------------------------------------


def told_losses(losses, patience=3):
    """A model whose only weight is the number of the epoch, told these losses."""
    net = nn.Linear(1, 1)
    model = Regularized(net, f"early_stopping={patience}")
    for place, loss in enumerate(losses, 1):
        with torch.no_grad():
            net.weight.fill_(place)
        if model.stop(loss):
            break
    return model, net, place


def test_it_stops_after_patience_epochs_and_goes_back_to_a_copy_of_the_best():
    model, net, stopped = told_losses([5.0, 3.0, 4.0, 3.0, 3.5, 1.0])
    assert stopped == 5
    assert net.weight.item() == 5
    told = model.restore()
    assert net.weight.item() == 2
    assert (told.kept, told.best, told.losses) == ("best", 2, (5.0, 3.0, 4.0, 3.0, 3.5))
    with torch.no_grad():
        net.weight.fill_(9)
    model.restore()
    assert net.weight.item() == 2


def test_patience_counts_from_the_last_improvement():
    assert told_losses([5.0, 4.0, 4.5, 4.6, 3.0, 3.1, 3.2, 3.3, 1.0])[2] == 8


def test_without_early_stopping_nothing_stops_and_the_last_weights_stay():
    net = nn.Linear(1, 1)
    model = Regularized(net, "l2=0.1")
    assert [model.stop(loss) for loss in (1.0, 2.0, 3.0)] == [False] * 3
    assert model.restore().kept == "last"


def test_a_loss_that_was_never_finite_is_told_and_one_that_became_so_counts_as_no_improvement():
    with pytest.raises(InputError, match="the validation loss is nan: the network diverged"):
        told_losses([float("nan")])
    model, _, stopped = told_losses([5.0, 3.0, float("nan"), float("inf"), float("nan")])
    assert stopped == 5
    assert model.restore().best == 2


def test_the_best_of_averaged_weights_is_handed_out_with_its_statistics():
    X, y = rows()
    batches = [X[:40], X[40:80]]
    model = Regularized(mlp(norm=True), "weight_averaging=0.8, early_stopping=50")
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.2))
    losses = []
    for _ in range(8):
        epoch(model, optimizer, X[:80], y[:80])
        with model.evaluation(batches):
            losses.append(mse_loss(model(X[80:]), y[80:]).item())
            model.stop(losses[-1])
    told = model.restore(batches)
    assert told.best == losses.index(min(losses)) + 1
    with torch.no_grad():
        assert mse_loss(model.eval()(X[80:]), y[80:]).item() == pytest.approx(min(losses), abs=1e-7)


def test_statistics_of_averaged_weights_are_those_of_the_training_rows():
    X, y = rows()
    net = mlp(norm=True)
    model = Regularized(net, "weight_averaging=0.9")
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.2))
    for _ in range(3):
        epoch(model, optimizer, X, y)
    before = copy.deepcopy(net.state_dict())
    with model.evaluation([X]):
        hidden = net[0](X)
        torch.testing.assert_close(net[1].running_mean, hidden.mean(0))
        torch.testing.assert_close(net[1].running_var, hidden.var(0))
        assert not net[1].training
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert net[1].training
    assert net[1].momentum == 0.1
    with pytest.raises(InputError, match="averaged weights need batch norm's statistics anew"):
        model.restore()
    with pytest.raises(InputError, match="no batch to compute"):
        model.restore([])


def test_averaged_weights_are_shown_and_watched_without_a_change_of_modes():
    X, y = rows()
    model = Regularized(mlp(), "weight_averaging=0.9, early_stopping=3")
    epoch(model, model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.2)), X, y)
    own = model.module[0].weight.detach().clone()
    with model.averaged():
        assert torch.equal(model.module[0].weight, model.averages["0.weight"])
        assert model.module.training
        assert model(X).requires_grad
        model.stop(1.0)
    assert torch.equal(model.module[0].weight, own)
    model.restore()
    assert torch.equal(model.module[0].weight, model.averages["0.weight"])


def test_evaluation_is_without_gradients_and_gives_every_layer_its_mode_back():
    net = mlp(norm=True)
    net[1].eval()
    model = Regularized(net, "l2=0.1")
    with model.evaluation():
        assert not any(layer.training for layer in net.modules())
        assert not model(torch.randn(3, 6)).requires_grad
    assert [layer.training for layer in net] == [True, False, True, True, True]


def test_what_was_restored_is_shown_until_the_next_step():
    X, y = rows()
    model = Regularized(mlp(), "weight_averaging=0.9, early_stopping=5")
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.3))
    for loss in (3.0, 1.0, 2.0, 3.0):
        epoch(model, optimizer, X, y)
        model.stop(loss)
    model.restore()
    best = model.module[0].weight.detach().clone()
    with model.evaluation():
        assert torch.equal(model.module[0].weight, best)
    epoch(model, optimizer, X, y)
    last = model.module[0].weight.detach().clone()
    with model.evaluation():
        shown = model.module[0].weight.detach().clone()
        with model.evaluation():
            assert torch.equal(model.module[0].weight, shown)
        assert torch.equal(model.module[0].weight, shown)
    assert not torch.equal(shown, last)
    assert torch.equal(model.module[0].weight, last)


@pytest.mark.parametrize("loss", [None, "low", torch.ones(2)])
def test_a_validation_loss_is_one_number(loss):
    with pytest.raises(InputError, match=r"the validation loss is a .*: give one number, a mean"):
        Regularized(mlp(), "early_stopping=3").stop(loss)


class TwoInputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.norm, self.head = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)

    def forward(self, a, b):
        return self.head(self.norm(self.first(a + b)))


@pytest.mark.parametrize(
    "batch",
    [
        lambda a, b: (a, b, torch.zeros(len(a))),
        lambda a, b: ((a, b), torch.zeros(len(a))),
        lambda a, b: [[a, b], torch.zeros(len(a))],
        lambda a, b: ({"a": a, "b": b}, torch.zeros(len(a))),
        lambda a, b: {"a": a, "b": b},
        lambda a, b: {"a": a, "b": b, "labels": torch.zeros(len(a))},
    ],
)
def test_statistics_are_computed_from_batches_of_any_form(batch):
    net, (a, b) = TwoInputs(), torch.randn(2, 30, 3)
    refresh_statistics(net, [batch(a, b)])
    torch.testing.assert_close(net.norm.running_mean, net.first(a + b).mean(0))


def test_dropout_is_off_while_statistics_are_computed():
    net = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.9), nn.Linear(8, 8), nn.BatchNorm1d(8))
    X, _ = rows()
    refresh_statistics(net.train(), [X])
    torch.testing.assert_close(net[3].running_mean, net[2](net[0](X)).mean(0))
    assert net[1].training


def test_a_batch_that_the_module_cannot_take_is_told_in_a_line():
    with pytest.raises(InputError, match="the module can't take batch 1 of the training loader: "):
        refresh_statistics(mlp(norm=True), [torch.randn(4, 3)])


# -- saving ------------------------------------------------------------------------------------------------------------

RECIPE = "l1=0.001, dropout=0.2, gaussian_noise=0.1, weight_averaging=0.9, early_stopping=3"


def go_on(model, optimizer, epochs):
    X, y = rows()
    for _ in range(epochs):
        epoch(model, optimizer, X[:90], y[:90])
        with model.evaluation():
            model.stop(mse_loss(model(X[90:]), y[90:]))


def started():
    model = Regularized(mlp(), RECIPE)
    return model, model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.05))


def test_resumed_is_never_interrupted(tmp_path):
    whole, optimizer = started()
    torch.manual_seed(1)
    go_on(whole, optimizer, 8)
    half, optimizer = started()
    torch.manual_seed(1)
    go_on(half, optimizer, 4)
    random = torch.get_rng_state()
    torch.save({"model": half.state_dict(), "optimizer": optimizer.state_dict(), "random": random}, tmp_path / "x.pt")
    other, optimizer = started()
    saved = torch.load(tmp_path / "x.pt", weights_only=True)
    other.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["random"])
    go_on(other, optimizer, 4)
    assert other.told() == whole.told()
    for name, value in whole.module.state_dict().items():
        assert torch.equal(other.module.state_dict()[name], value), name
    whole.restore()
    other.restore()
    for name, value in whole.module.state_dict().items():
        assert torch.equal(other.module.state_dict()[name], value), name


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_trains_as_the_original_does_and_apart_from_it(copied):
    first, optimizer = started()
    torch.manual_seed(1)
    go_on(first, optimizer, 3)
    other = copied(first)
    again = other.attach(torch.optim.Adam(other.parameter_groups(), lr=0.05))
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    random = torch.get_rng_state()
    go_on(first, optimizer, 2)
    torch.set_rng_state(random)
    before = first.module[0].weight.detach().clone()
    go_on(other, again, 2)
    assert torch.equal(first.module[0].weight, before)
    assert torch.equal(other.module[0].weight, before)
    assert other.told() == first.told()


def test_a_state_is_a_copy():
    first, optimizer = started()
    go_on(first, optimizer, 2)
    losses = first.get_extra_state()["keeper"]["losses"]
    other, again = started()
    other.load_state_dict(first.state_dict())
    means = [holder.mean.clone() for holder in first.updates.holders.values()]
    go_on(other, again, 1)
    go_on(first, optimizer, 0)
    assert all(torch.equal(h.mean, mean) for h, mean in zip(first.updates.holders.values(), means, strict=True))
    go_on(first, optimizer, 1)
    assert len(losses) == 2


def test_what_was_saved_with_other_weights_penalized_is_refused():
    model = Regularized(mlp(), "l1=0.1", penalized=lambda name, values: name == "0.weight")
    with pytest.raises(InputError, match="treats other parameters as weights: give the same penalized"):
        Regularized(mlp(), "l1=0.1").load_state_dict(model.state_dict())


def test_what_was_saved_under_another_recipe_is_refused():
    model = Regularized(mlp(), "l2=0.1")
    other = Regularized(mlp(), "l2=0.2")
    with pytest.raises(InputError, match=r"what was saved has the recipe l2=0\.1: give this one, not l2=0\.2"):
        other.load_state_dict(model.state_dict())


def test_weights_saved_without_a_recipe_still_fit():
    bare = mlp().state_dict()
    net = mlp()
    Regularized(net, "dropout=0.3, l1=0.1", insert=True)
    net.load_state_dict(bare)


# -- precision, compiling ----------------------------------------------------------------------------------------------


def test_half_precision_on_the_way_keeps_zeros_exact():
    X, y = rows()
    net = mlp()
    model = Regularized(net, "l1=0.02, dropout=0")
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.01))
    for _ in range(150):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = mse_loss(model(X).float(), y)
        loss.backward()
        optimizer.step()
    assert model.told().zeros["0.weight"] > 0.3
    assert loss.item() < 0.6


def test_averages_of_half_precision_weights_are_kept_in_single():
    net = mlp().to(torch.bfloat16)
    model = Regularized(net, "weight_averaging=0.999")
    optimizer = model.attach(torch.optim.SGD(model.parameter_groups(), lr=0.1))
    X, y = (t.to(torch.bfloat16) for t in rows())
    epoch(model, optimizer, X, y)
    assert {value.dtype for value in model.averages.values()} == {torch.float32}
    with model.evaluation():
        assert net[0].weight.dtype == torch.bfloat16


@pytest.mark.parametrize("outside", [True, False])
def test_compiled_it_trains_to_the_same_weights(outside):
    torch._dynamo.reset()
    X, y = rows()
    found = []
    for compiled in (False, True):
        net = mlp(norm=True)
        wrapped = torch.compile(net, backend="aot_eager") if compiled and not outside else net
        model = Regularized(wrapped, "l1=0.01, dropout=0, max_norm=2, early_stopping=3")
        called = torch.compile(model, backend="aot_eager") if compiled and outside else model
        optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.02))
        for _ in range(10):
            optimizer.zero_grad()
            mse_loss(called(X), y).backward()
            optimizer.step()
        found.append([p.detach() for p in net.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")  # torch's own import
def test_compiled_by_inductor_with_inserted_layers():
    torch._dynamo.reset()
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
    model = Regularized(net, "batch_norm=1, dropout=0.3, l1=0.001", insert=True)
    called = torch.compile(model)
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.02))
    X, y = rows()
    first = mse_loss(called(X), y).item()
    for _ in range(60):
        optimizer.zero_grad()
        loss = mse_loss(called(X), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < first / 2


# -- what it says ------------------------------------------------------------------------------------------------------


def test_it_says_what_it_did():
    X, y = rows()
    model = Regularized(mlp(norm=True), "l1=0.05, dropout=0.2, early_stopping=2")
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.05))
    for _ in range(4):
        epoch(model, optimizer, X, y)
        model.stop(1.0)
    lines = str(model.restore()).splitlines()
    assert lines[0] == "recipe: l1=0.05, dropout=0.2, early_stopping=2"
    assert lines[1] == "3: drops 0.2"
    assert lines[2] == "penalties and decay act on 112 weights, not on 49 biases, scales and shifts"
    assert lines[3] == "16 steps, 4 epochs; the weights are the best ones, of epoch 1 with validation loss 1"
    assert lines[4].startswith("0.weight: ")
    assert lines[4].endswith("of the weights are exactly 0")
    assert model.told().to_dict()["changes"] == [{"layer": "3", "what": "drops 0.2", "done": True}]


# -- refusals ----------------------------------------------------------------------------------------------------------


def with_complex():
    return nn.ParameterDict({"z": nn.Parameter(torch.zeros(3, 3, dtype=torch.complex64))})


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch points to torchao
        return torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear}, dtype=torch.qint8)


class OfWholeNumbers(nn.Module):
    def __init__(self):
        super().__init__()
        self.packed = nn.Parameter(torch.zeros(3, 3, dtype=torch.int8), requires_grad=False)
        self.head = nn.Linear(3, 1)


@pytest.mark.parametrize(
    ("module", "recipe", "message"),
    [
        (nn.ReLU, "l2=0.1", "no parameter that trains"),
        (lambda: nn.Linear(2, 2).requires_grad_(False), "l2=0.1", "no parameter that trains"),
        (lambda: nn.LazyLinear(2), "l2=0.1", "weight is lazy: run a batch through the module first"),
        (quantized, "l2=0.1", "0 is quantized: regularize the module before it is quantized"),
        (OfWholeNumbers, "l2=0.1", r"packed is quantized \(torch.int8\)"),
        (lambda: "net", "l2=0.1", "module is a str: give a torch.nn.Module"),
        (lambda: nn.Embedding(3, 2, sparse=True), "l1=0.1", "the module has sparse gradients, which l1 can't use"),
        (with_complex, "l2=0.1", r"z is complex \(torch.complex64\)"),
        (mlp, "smote=1", "smote acts on the rows before training"),
        (lambda: Regularized(mlp(), "l2=0.1"), "l1=0.1", "regularized already"),
    ],
)
def test_what_cannot_be_regularized_is_refused_early(module, recipe, message):
    with pytest.raises(InputError, match=message):
        Regularized(module(), recipe)


def test_a_lazy_module_works_once_its_shape_is_known():
    net = nn.Sequential(nn.LazyLinear(3))
    net(torch.randn(2, 5))
    assert Regularized(net, "l2=0.1").told().penalized == 15


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gradient):
        return 3 * ctx.saved_tensors[0] ** 2 * gradient


class Custom(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.table = nn.Embedding(5, 3)

    def forward(self, index):
        return Cube.apply(self.table(index) * self.scale)


def test_custom_gradients_scalars_and_embeddings():
    net = Custom()
    model = Regularized(net, Recipe.parse("l1=0.1, max_norm=1, weight_averaging=0.5"))
    optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.1))
    for _ in range(30):
        optimizer.zero_grad()
        model(torch.tensor([0, 1])).square().sum().backward()
        optimizer.step()
    assert model.told().penalized == 15
    assert (net.table.weight.detach().norm(dim=1) <= 1 + 1e-6).all()
    with model.evaluation():
        assert net.scale.dim() == 0


def test_who_is_a_weight_can_be_said():
    net = Custom()
    model = Regularized(net, "l2=1", penalized=lambda name, values: name == "scale")
    assert model.penalty().item() == pytest.approx(4.0)


@pytest.mark.parametrize(
    "beside", [([{"boxes": 1}],), ((torch.zeros(8), torch.ones(8)),), (["id"] * 8,), (torch.tensor(3.0),), ()]
)
def test_statistics_need_inputs_alone(beside):
    """What stands beside them in a batch may be of any kind."""
    X, net = torch.randn(8, 3), nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
    refresh_statistics(net, [(X, *beside)])
    torch.testing.assert_close(net[0].running_mean, X.mean(0))
