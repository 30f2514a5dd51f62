"""A module fitted by skorch with a recipe: as the same training in a plain loop."""

import pickle

import pytest
import torch
from by_hand import BATCH, ROWS, assert_equal, by_hand, mlp, rows
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn
from torch.nn.functional import mse_loss

from goodfit.errors import InputError
from goodfit.torch.skorch import Regularization


class Module(nn.Module):
    def __init__(self, norm=False):
        super().__init__()
        self.net = mlp(norm)

    def forward(self, X):
        return self.net(X)


class Seeded(Callback):
    """Random numbers by the batch, as in `by_hand`."""

    def initialize(self):
        self.step_ = 0
        return self

    def on_batch_begin(self, net, batch=None, training=None, **kwargs):
        if training:
            torch.manual_seed(self.step_)
            self.step_ += 1


def data():
    X, y = (part.numpy() for part in rows())
    return X[:ROWS], y[:ROWS], Dataset(X[ROWS:], y[ROWS:])


def made(callback, *more, epochs=8, norm=False, **settings):
    _, _, valid = data()
    settings = {"optimizer": torch.optim.Adam, "lr": 0.02, "train_split": predefined_split(valid)} | settings
    return NeuralNetRegressor(
        Module,
        module__norm=norm,
        max_epochs=epochs,
        batch_size=BATCH,
        iterator_valid__batch_size=32,
        callbacks=[Seeded(), callback, *more],
        verbose=0,
        **settings,
    )


def fitted(callback, **settings):
    X, y, _ = data()
    return made(callback, **settings).fit(X, y)


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
    net = fitted(callback, norm=norm)
    hand = by_hand(mlp(norm), recipe, adam, 8, insert=insert)
    assert_equal(net.module_.net, hand.module)
    assert callback.told.losses == pytest.approx(hand.told().losses, abs=1e-7)
    assert (callback.told.kept, callback.told.best, callback.told.steps) == (
        hand.kept,
        hand.told().best,
        hand.told().steps,
    )


def test_zeros_of_l1_are_exact():
    callback = Regularization("l1=0.03, dropout=0")
    net = fitted(callback, epochs=40)
    assert (net.module_.net[0].weight == 0).float().mean() > 0.4
    assert callback.told.zeros["net.0.weight"] == (net.module_.net[0].weight == 0).float().mean()


def test_early_stopping_ends_the_training_and_restores():
    callback = Regularization("early_stopping=2")
    net = fitted(callback, optimizer=torch.optim.SGD, lr=0.3, epochs=60)
    told = callback.told
    assert len(net.history) == len(told.losses) < 60
    assert told.best == len(told.losses) - 2
    X, y = rows()
    loss = mse_loss(torch.from_numpy(net.predict(X[ROWS:].numpy())), y[ROWS:]).item()
    assert loss == pytest.approx(min(told.losses), rel=1e-6)
    assert told.losses[told.best - 1] == min(told.losses)


class Halting(Callback):
    """Keeps the net as it is after some epochs, and ends the training."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == self.epochs:
            self.kept = pickle.dumps(net)
            raise KeyboardInterrupt


def test_a_pickled_net_goes_on_as_if_never_interrupted():
    recipe = "l1=0.005, dropout=0.2, gaussian_noise=0.1, weight_averaging=0.9, early_stopping=4"
    X, y, _ = data()
    whole = fitted(Regularization(recipe), norm=True)
    half = made(Regularization(recipe), Halting(4), norm=True).fit(X, y)
    other = pickle.loads(half.callbacks_[-2][1].kept)
    other.partial_fit(X, y, epochs=4)
    one, two = (dict(net.callbacks_)["Regularization"] for net in (whole, other))
    assert len(one.told.losses) == 8
    assert two.told == one.told
    assert_equal(whole.module_, other.module_)

    said = pickle.loads(pickle.dumps(one)).told
    assert said == one.told


class Watching(Callback):
    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        if training:
            self.seen_.append(batch[1].clone())


def classifier(callback, *more, **settings):
    return NeuralNetClassifier(
        nn.Linear,
        module__in_features=10,
        module__out_features=2,
        max_epochs=1,
        callbacks=[callback, *more],
        verbose=0,
        **settings,
    )


def labelled():
    X, _ = rows()
    return X.numpy(), (X[:, 0] > 0).long().numpy()


def test_mixup_and_label_smoothing_reach_the_step():
    watching = Watching()
    net = classifier(
        Regularization("mixup=0.5, label_smoothing=0.1", classes=2), watching, criterion=nn.CrossEntropyLoss
    )
    net.fit(*labelled())
    assert {targets.shape[1] for targets in watching.seen_} == {2}
    torch.testing.assert_close(watching.seen_[0].sum(1), torch.ones(len(watching.seen_[0])))
    assert watching.seen_[0].min() >= 0.05 - 1e-6


@pytest.mark.parametrize(
    ("recipe", "settings", "message"),
    [
        ("mixup=0.5", {}, "which NLLLoss doesn't take: give the net criterion=torch.nn.CrossEntropyLoss"),
        ("early_stopping=3", {"train_split": None}, "early stopping needs validation rows: give the net a train_split"),
        ("smote=1", {}, "smote acts on the rows before training"),
        ("l2=0.1", {"optimizer": torch.optim.AdamW}, r"the optimizer has weight_decay=0\.01 of its own"),
        ("l1=0.1", {"optimizer": torch.optim.Adadelta}, "that of Adadelta isn't known"),
    ],
)
def test_what_cannot_be_is_refused(recipe, settings, message):
    with pytest.raises(InputError, match=message):
        classifier(Regularization(recipe, classes=2), **settings).fit(*labelled())


def test_a_loss_that_is_not_in_the_history_is_refused():
    with pytest.raises(InputError, match=r"watches val_loss, which isn't among the metrics .*valid_loss"):
        classifier(Regularization("early_stopping=3", monitor="val_loss")).fit(*labelled())


def test_without_validation_rows_it_trains_and_tells():
    callback = Regularization("l1=0.01, weight_averaging=0.9")
    fitted(callback, train_split=None, epochs=2, norm=True)
    assert (callback.told.kept, callback.told.losses, callback.told.steps) == ("averaged", (), 8)


def test_a_grid_over_recipes():
    search = GridSearchCV(
        classifier(Regularization("none"), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam),
        {"callbacks__Regularization__recipe": ["l2=0.01", "l1=99"]},
        scoring=lambda net, X, y: float((net.module_.weight != 0).float().mean()),
        cv=2,
    ).fit(*labelled())
    assert search.cv_results_["mean_test_score"].tolist() == [1.0, 0.0]
    assert dict(search.best_estimator_.callbacks_)["Regularization"].told.recipe == "l2=0.01"
    assert clone(Regularization("l1=1", seed=3)).seed == 3


def test_before_a_training_there_is_nothing_to_tell():
    with pytest.raises(InputError, match="no training has begun yet"):
        _ = Regularization("l2=0.1").told
