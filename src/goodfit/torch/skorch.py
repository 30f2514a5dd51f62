"""Regularization of a skorch net's module, as a callback of the net."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.recipe import Regularizer
from goodfit.torch.hosted import Hosted, Settings
from goodfit.torch.layers import PUT_IN
from goodfit.torch.loaders import once_more
from goodfit.torch.regularized import Regularized
from goodfit.torch.told import Told
from goodfit.torch.weights import Penalized

try:
    from skorch.callbacks import Callback
except ImportError:
    raise InputError('goodfit.torch.skorch needs skorch: pip install "goodfit[skorch]"') from None


class Regularization(Callback):
    """A recipe for the module that a skorch net trains.

    It does with `net.module_` what `goodfit.torch.Regularized` does in a loop of your own: dropout and batch norm in
    its layers, penalties, decay and proximal steps around those of `net.optimizer_`, augmentation of the training
    batches, early stopping, and averages. Validation is of the averaged weights where the recipe averages; after `fit`
    the module has the best weights, or the averaged ones. A pickled net goes on exactly where it was.

    Args:
        recipe: a Recipe, a regularizer, or a text.
        monitor: the column of the history that holds the validation loss; patience counts epochs.
        insert: whether dropout and batch norm are put in where the module has none; the net's optimizer is then made
            anew, before the first step.
        classes: how many, where mixup or label smoothing meets targets that are class numbers.
        penalized: says of a parameter's name and values whether it is treated as a weight; see Regularized.
        seed: of augmentation's random numbers.

    Raises:
        InputError: while fitting: the recipe is wrong; as Regularized and its `attach`; the monitored loss isn't in the
            history; there are no validation rows to stop by; the criterion takes no probabilities, which mixup and
            label smoothing make of class numbers.

    Example:
        >>> import numpy as np, torch
        >>> from skorch import NeuralNetRegressor
        >>> from goodfit.torch.skorch import Regularization
        >>> _ = torch.manual_seed(0)
        >>> X = np.random.default_rng(0).normal(size=(200, 20)).astype("float32")
        >>> y = X[:, :3].sum(1, keepdims=True)
        >>> callback = Regularization("l1=0.03, early_stopping=10")
        >>> net = NeuralNetRegressor(
        ...     torch.nn.Linear,
        ...     module__in_features=20,
        ...     module__out_features=1,
        ...     optimizer=torch.optim.Adam,
        ...     lr=0.02,
        ...     max_epochs=60,
        ...     callbacks=[callback],
        ...     verbose=0,
        ... ).fit(X, y)
        >>> callback.told.zeros["weight"] > 0.5
        True

    Note:
        skorch's own EarlyStopping and the optimizer's weight_decay do the same things a second time; the last is
        refused beside l2 and weight_decay. To pickle a net while it trains (`Checkpoint(f_pickle=...)`) give that
        callback behind this one.
    """

    def __init__(
        self,
        recipe: Recipe | Regularizer | str,
        *,
        monitor: str = "valid_loss",
        insert: bool = False,
        classes: int | None = None,
        penalized: Penalized | None = None,
        seed: int = 0,
    ) -> None:
        self.recipe = recipe
        self.monitor = monitor
        self.insert = insert
        self.classes = classes
        self.penalized = penalized
        self.seed = seed

    def initialize(self) -> Regularization:
        """Begin anew, as the net does."""
        settings = Settings(self.recipe, self.monitor, self.insert, self.classes, self.penalized, self.seed)
        self.hosted_, self.rows_ = Hosted(settings), None
        return self

    @property
    def model(self) -> Regularized:
        """The module, regularized."""
        return self._hosted.there

    @property
    def told(self) -> Told:
        """What the training has done so far."""
        return self._hosted.told()

    @property
    def _hosted(self) -> Hosted:
        if not hasattr(self, "hosted_"):
            raise InputError("no training has begun yet: fit the net")
        return self.hosted_

    def __getstate__(self) -> dict[str, Any]:
        """Without the training rows."""
        return self.__dict__ | {"rows_": None}

    # -- what skorch calls ---------------------------------------------------------------------------------------------

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None) -> None:
        """Before the first epoch."""
        if self.hosted_.stops and net.train_split is None:
            raise InputError("early stopping needs validation rows: give the net a train_split")
        changing = self.hosted_.changing_targets
        if changing and isinstance(net.criterion_, nn.NLLLoss):
            raise InputError(
                f"{changing[0].name} turns class numbers into probabilities, which NLLLoss doesn't take: give the net "
                "criterion=torch.nn.CrossEntropyLoss and a module that returns logits"
            )
        before = {id(values) for values in net.module_.parameters()}
        self.hosted_.take(net.module_)
        if any(PUT_IN in name and id(values) not in before for name, values in net.module_.named_parameters()):
            net.initialize_optimizer()
        self.hosted_.attach([net.optimizer_])

    def on_epoch_begin(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None) -> None:
        """Keep the training rows at hand."""
        self.rows_ = dataset_train

    def on_batch_begin(self, net: Any, batch: Any = None, training: bool = True) -> None:
        """Change a training batch; show the averaged weights to validation ones."""
        if training:
            self.hosted_.augment(batch, "give the net one array of inputs and one of targets")
        else:
            self.hosted_.show(lambda: self._batches(net))

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None) -> None:
        """Note the loss, and stop by the exception that skorch has for it."""
        remedy = "give one of them as monitor"
        if self.hosted_.watch(net.history[-1], lambda: self._batches(net), remedy):
            raise KeyboardInterrupt

    def on_train_end(self, net: Any, X: Any = None, y: Any = None) -> None:
        """Hand out the best weights."""
        self.hosted_.finish(lambda: self._batches(net))
        self.rows_ = None

    def _batches(self, net: Any) -> Iterator[Any]:
        return once_more(net.get_iterator(self.rows_, training=True))
