"""Regularization of a LightningModule, as a callback of its Trainer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.recipe import Regularizer
from goodfit.torch.hosted import Hosted, Settings
from goodfit.torch.loaders import once_more
from goodfit.torch.regularized import Regularized
from goodfit.torch.told import Told
from goodfit.torch.weights import Penalized

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError:
    raise InputError('goodfit.torch.lightning needs Lightning: pip install "goodfit[lightning]"') from None


class Regularization(Callback):
    """A recipe for the LightningModule that a Trainer fits.

    It does with the module what `goodfit.torch.Regularized` does in a loop of your own: dropout and batch norm in its
    layers, penalties, decay and proximal steps around those of its optimizers, early stopping, and averages. Validation
    is of the averaged weights where the recipe averages; after `fit` the module has the best weights, or the averaged
    ones. Lightning's checkpoints hold all that a resumed training needs.

    Args:
        recipe: a Recipe, a regularizer, or a text.
        monitor: the name under which the module logs its validation loss; patience counts validations.
        insert: whether dropout and batch norm are put in where the module has none.
        classes: how many, where mixup or label smoothing meets targets that are class numbers.
        penalized: says of a parameter's name and values whether it is treated as a weight; see Regularized.
        seed: of augmentation's random numbers.
        augment: whether batches that are a list of inputs and targets are augmented; if False, call
            `callback.model.augment(inputs, targets)` in `training_step`.

    Raises:
        InputError: the recipe is wrong; while fitting: as Regularized and its `attach`; the monitored loss isn't
            logged; there is no validation to stop by; a batch isn't a list of inputs and targets; averages need batch
            norm's statistics, and the module has no `forward`.

    Example:
        >>> from goodfit.torch.lightning import Regularization
        >>> callback = Regularization("l1=0.001, dropout=0.2, early_stopping=10", monitor="val_loss")
        >>> callback.settings.monitor
        'val_loss'

    Note:
        Lightning's own EarlyStopping, WeightAveraging and the optimizer's weight_decay do the same things a second
        time; the last is refused beside l2 and weight_decay.
    """

    def __init__(
        self,
        recipe: Recipe | Regularizer | str,
        *,
        monitor: str = "val_loss",
        insert: bool = False,
        classes: int | None = None,
        penalized: Penalized | None = None,
        seed: int = 0,
        augment: bool = True,
    ) -> None:
        self.settings = Settings(recipe, monitor, insert, classes, penalized, seed)
        self.augments = augment
        self._hosted = Hosted(self.settings)

    @property
    def model(self) -> Regularized:
        """The module, regularized."""
        return self._hosted.there

    @property
    def told(self) -> Told:
        """What the training has done so far."""
        return self._hosted.told()

    # -- what Lightning calls ------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Before optimizers are made and checkpoints are loaded."""
        if type(pl_module).configure_model is not LightningModule.configure_model:
            pl_module.configure_model()
        self._hosted.take(pl_module)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Once there are optimizers."""
        if self._hosted.stops and not trainer.enable_validation:
            raise InputError(
                "early stopping needs a validation: give the Trainer a validation_step and val_dataloaders"
            )
        self._hosted.attach(trainer.optimizers)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Change the batch."""
        if self.augments:
            self._hosted.augment(
                batch,
                "make the loader's collate_fn return [inputs, targets], or say augment=False and call "
                "callback.model.augment(inputs, targets) in training_step",
            )

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show the averaged weights."""
        if _fitting(trainer):
            self._hosted.show(partial(_batches, trainer))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the loss, before checkpoints are written."""
        if _fitting(trainer):
            remedy = f"self.log({self.settings.monitor!r}, loss) in validation_step, or give its name as monitor"
            stop = self._hosted.watch(trainer.callback_metrics, partial(_batches, trainer), remedy)
            trainer.should_stop = trainer.should_stop or stop

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Hand out the best weights."""
        self._hosted.finish(partial(_batches, trainer))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the weights that were being trained, for a checkpoint."""
        self._hosted.back()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return self._hosted.state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._hosted.go_on(state_dict)


def _fitting(trainer: Trainer) -> bool:
    return trainer.state.fn == "fit" and not trainer.sanity_checking


def _batches(trainer: Trainer) -> Iterator[Any]:
    """The training loader's, for a module that can be called."""
    if type(trainer.lightning_module).forward is LightningModule.forward:
        raise InputError(
            "averaged weights need batch norm's statistics anew, for which the module is called: give it a forward"
        )
    yield from once_more(trainer.train_dataloader)
