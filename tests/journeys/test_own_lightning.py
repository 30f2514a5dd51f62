"""A LightningModule fitted by Lightning's Trainer with a recipe: as the same training in a plain loop."""

import pytest
import torch
from by_hand import BATCH, ROWS, assert_equal, by_hand, mlp, rows
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, TensorDataset

from goodfit.errors import InputError
from goodfit.torch.lightning import Regularization

pytestmark = [
    # Lightning advises more workers and a step log for every training, however small.
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    # Lightning's own use of torch's trees.
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"),
]


class Net(LightningModule):
    def __init__(self, net=None, make=None):
        super().__init__()
        self.net = net or mlp()
        self.make = make or (lambda parameters: torch.optim.Adam(parameters, lr=0.02))

    def forward(self, x):
        return self.net(x)

    def training_step(self, batch, index):
        return mse_loss(self.net(batch[0]), batch[1])

    def validation_step(self, batch, index):
        self.log("val_loss", mse_loss(self.net(batch[0]), batch[1]))

    def configure_optimizers(self):
        return self.make(self.net.parameters())


class Seeded(Callback):
    """Random numbers by the batch, as in `by_hand`."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        torch.manual_seed(trainer.fit_loop.total_batch_idx)


def loaders(**more):
    X, y = rows()
    train = DataLoader(TensorDataset(X[:ROWS], y[:ROWS]), batch_size=BATCH, **more)
    return train, DataLoader(TensorDataset(X[ROWS:], y[ROWS:]), batch_size=32)


def trainer(*callbacks, epochs=8, **more):
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    more = {"enable_checkpointing": False, "num_sanity_val_steps": 1} | more
    return Trainer(max_epochs=epochs, accelerator="cpu", callbacks=[Seeded(), *callbacks], **quiet, **more)


def fitted(module, callback, loaders_=None, **more):
    trainer(callback, **more).fit(module, *(loaders_ or loaders()))
    return module


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.02)


RECIPES = {
    "penalties": ("l1=0.02, l2=0.01, max_norm=1.5, dropout=0.2, gaussian_noise=0.1, early_stopping=3", False, False),
    "averages": ("weight_averaging=0.9, dropout=0.2, early_stopping=3", False, True),
    "inserted": ("batch_norm=1, dropout=0.2, l1=0.01, weight_averaging=0.8", True, False),
    "decay": ("weight_decay=0.1, elastic_net=0.01", False, True),
}


@pytest.mark.parametrize("name", RECIPES)
def test_it_trains_as_a_plain_loop_does_bit_for_bit(name):
    recipe, insert, norm = RECIPES[name]
    callback = Regularization(recipe, insert=insert)
    module = fitted(Net(mlp(norm)), callback)
    hand = by_hand(mlp(norm), recipe, adam, 8, insert=insert)
    assert_equal(module.net, hand.module)
    assert callback.told.losses == hand.told().losses
    assert (callback.told.kept, callback.told.best, callback.told.steps) == (
        hand.kept,
        hand.told().best,
        hand.told().steps,
    )


def test_zeros_of_l1_are_exact():
    callback = Regularization("l1=0.03, dropout=0")
    module = fitted(Net(), callback, epochs=40)
    assert (module.net[0].weight == 0).float().mean() > 0.4
    assert callback.told.zeros["net.0.weight"] == (module.net[0].weight == 0).float().mean()


@pytest.mark.parametrize("make", [adam, lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9)])
def test_accumulated_gradients(make):
    recipe = "l1=0.01, l2=0.01"
    module = fitted(Net(make=make), Regularization(recipe), accumulate_grad_batches=2, epochs=4)
    assert_equal(module.net, by_hand(mlp(), recipe, make, 4, accumulate=2).module)


def test_half_precision_keeps_zeros_exact():
    callback = Regularization("l1=0.03, dropout=0")
    fitted(Net(), callback, epochs=40, precision="bf16-mixed")
    assert callback.told.zeros["net.0.weight"] > 0.4


class Manual(Net):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, index):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, index))
        optimizer.step()


def test_steps_that_the_module_takes_itself():
    recipe = "l1=0.01, l2=0.01, weight_averaging=0.9"
    module = fitted(Manual(), Regularization(recipe), epochs=3)
    assert_equal(module.net, by_hand(mlp(), recipe, adam, 3).module)


def test_early_stopping_ends_the_training_and_restores():
    callback = Regularization("early_stopping=2")
    module = Net(make=lambda parameters: torch.optim.SGD(parameters, lr=0.3))
    its = trainer(callback, epochs=60)
    its.fit(module, *loaders())
    told = callback.told
    assert its.current_epoch == len(told.losses) < 60
    assert told.best == len(told.losses) - 2
    X, y = rows()
    module.eval()
    with torch.no_grad():
        assert mse_loss(module(X[ROWS:]), y[ROWS:]).item() == min(told.losses) == told.losses[told.best - 1]


def test_a_shuffling_loader_is_read_again_without_a_trace():
    """The statistics of averaged weights, computed in between, change no order of rows that follows."""
    seen = []
    for recipe in ("none", "weight_averaging=0.9"):
        orders = []

        class Watching(Net):
            def training_step(self, batch, index, orders=orders):
                orders.append(batch[0][:, 0].clone())
                return super().training_step(batch, index)

        train, valid = loaders(shuffle=True, generator=torch.Generator().manual_seed(3))
        fitted(Watching(mlp(norm=True)), Regularization(recipe), (train, valid), epochs=3)
        seen.append(torch.stack(orders))
    assert torch.equal(*seen)
    assert not torch.equal(seen[0][:4], seen[0][4:8])


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists and is not empty")  # it is what is gone on from
def test_resumed_is_never_interrupted(tmp_path):
    recipe = "l1=0.005, dropout=0.2, gaussian_noise=0.1, weight_averaging=0.9, early_stopping=4"
    whole = Regularization(recipe)
    one = fitted(Net(mlp(norm=True)), whole, epochs=8)
    kept = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    half = Regularization(recipe)
    halfway = trainer(half, kept, epochs=4, enable_checkpointing=True)
    halfway.fit(Net(mlp(norm=True)), *loaders())
    half_told = half.told
    again = Regularization(recipe)
    other = Net(mlp(norm=True))
    kept = ModelCheckpoint(tmp_path, filename="{epoch}", save_top_k=-1)
    resumed = trainer(again, kept, epochs=8, enable_checkpointing=True)
    resumed.fit(other, *loaders(), ckpt_path=tmp_path / "epoch=3.ckpt")
    assert len(half_told.losses) == 4
    assert again.told == whole.told
    assert_equal(one.net, other.net)


def test_a_validation_afterwards_is_of_the_weights_that_were_handed_out():
    callback = Regularization("weight_averaging=0.9, early_stopping=2")
    module = Net(make=lambda parameters: torch.optim.SGD(parameters, lr=0.3))
    its = trainer(callback, epochs=60)
    its.fit(module, *loaders())
    told = callback.told
    assert told.best < len(told.losses)
    [metrics] = its.validate(module, loaders()[1], verbose=False)
    assert metrics["val_loss"] == told.losses[told.best - 1]
    assert callback.told == told


class Late(Net):
    """Its layers come late."""

    def __init__(self):
        super().__init__()
        self.net = None

    def configure_model(self):
        if self.net is None:
            self.net = mlp()


def test_layers_that_are_made_in_configure_model():
    module = fitted(Late(), Regularization("l1=0.01"), epochs=2)
    assert_equal(module.net, by_hand(mlp(), "l1=0.01", adam, 2).module)


def test_mixup_and_label_smoothing_reach_the_step():
    X, _ = rows()
    labels = (X[:, 0] > 0).long()
    seen = []

    class Classes(Net):
        def training_step(self, batch, index):
            seen.append(batch[1])
            return torch.nn.functional.cross_entropy(self.net(batch[0]), batch[1])

    net = torch.nn.Linear(10, 2)
    loader = DataLoader(TensorDataset(X, labels), batch_size=32)
    callback = Regularization("mixup=0.5, label_smoothing=0.1", classes=2)
    trainer(callback, epochs=1, limit_val_batches=0).fit(Classes(net), loader, loader)
    assert {tuple(targets.shape) for targets in seen} == {(32, 2)}
    torch.testing.assert_close(seen[0].sum(1), torch.ones(32))
    assert seen[0].min() >= 0.05 - 1e-6


class Pairs(torch.utils.data.Dataset):
    def __init__(self):
        self.X, self.y = rows()

    def __len__(self):
        return ROWS

    def __getitem__(self, place):
        return {"x": self.X[place], "y": self.y[place]}


def bare():
    """A module whose forward is not there."""

    class Bare(Net):
        forward = LightningModule.forward

    return Bare(mlp(norm=True))


@pytest.mark.parametrize(
    ("module", "recipe", "more", "message"),
    [
        (Net, "early_stopping=3", {"monitor": "loss"}, r"watches loss, which isn't among the metrics \(val_loss\)"),
        (Net, "smote=1", {}, "smote acts on the rows before training"),
        (bare, "weight_averaging=0.9", {}, "the module is called: give it a forward"),
        (
            lambda: Net(make=torch.optim.AdamW),
            "l2=0.1",
            {},
            r"the optimizer has weight_decay=0\.01 of its own",
        ),
        (
            lambda: Net(make=torch.optim.Adadelta),
            "l1=0.1",
            {},
            "that of Adadelta isn't known",
        ),
    ],
)
def test_what_cannot_be_is_refused(module, recipe, more, message):
    with pytest.raises(InputError, match=message):
        fitted(module(), Regularization(recipe, **more), epochs=2)


def test_batches_of_another_form_are_refused_with_the_remedy():
    train = DataLoader(Pairs(), batch_size=24)
    with pytest.raises(
        InputError, match=r"this one is a dict: make the loader's collate_fn return \[inputs, targets\]"
    ):
        fitted(Net(), Regularization("gaussian_noise=0.1"), (train, loaders()[1]), epochs=1)


def test_without_validation_nothing_can_stop():
    with pytest.raises(InputError, match="early stopping needs a validation"):
        trainer(Regularization("early_stopping=3"), limit_val_batches=0).fit(Net(), *loaders())


def test_before_a_training_there_is_nothing_to_tell():
    with pytest.raises(InputError, match="no training has begun yet"):
        _ = Regularization("l2=0.1").told
