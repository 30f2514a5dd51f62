"""Any torch module with a recipe, in a training loop of its user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Stops
from goodfit.regularizers.recipe import Regularizer
from goodfit.rng import derive
from goodfit.torch.augmenting import Augmenter
from goodfit.torch.keeping import Keeper, put, tensors_of
from goodfit.torch.layers import has_batch_norm, prepare_layers
from goodfit.torch.statistics import refresh_statistics
from goodfit.torch.told import Told, sizes, zeros_of
from goodfit.torch.updates import Updates, refuse_sparse
from goodfit.torch.weights import Penalized, parameters_of

Opt = TypeVar("Opt", bound=Optimizer)


class Regularized(nn.Module):
    r"""A module whose training in your own loop is regularized by a recipe.

    - Dropout: dropout layers that are there take the recipe's p, those in front of all weights its `input`; where there
      are none, `insert=True` drops the inputs of each linear and convolutional layer. A dropout in front of a batch
      norm acts behind it, if the recipe has either. Batch norms that are there take the recipe's momentum;
      `insert=True` puts one behind each hidden layer. `changes` says what was done, and what would be.
    - `L2` enters the gradients of each step ($g + 2\lambda w$) and `WeightDecay` shrinks the weights before it; `L1`,
      `GroupL1`, `ElasticNet` and `MaxNorm` map the weights after it, to exact zeros under SGD and Adam alike. All this
      happens around `optimizer.step()`: accumulated, scaled and clipped gradients need no care. Biases and the scales
      and shifts of norm layers are left alone unless a technique says `biases=True`.
    - A weight that L1 brought to 0 leaves it when its mean gradient over the later half of the training so far is above
      λ, a group likewise, not when that of a single batch is.
    - `augment` changes training batches; `stop` watches the validation loss; `restore` puts the best or the averaged
      weights into the module.

    Args:
        module: any; its layers are changed in place, its names stay, so that saved weights still fit.
        recipe: a Recipe, a regularizer, or a text.
        insert: whether dropout and batch norm are put in where the module has none.
        classes: how many, where mixup or label smoothing meets targets that are class numbers.
        penalized: says of a parameter's name and values whether it is treated as a weight; None takes all with two or
            more dimensions outside norm layers.
        seed: of augmentation's random numbers; dropout draws torch's.

    Raises:
        InputError: the module has nothing that trains, or lazy, quantized or complex parameters; the recipe enlarges
            the rows before training.

    Shape:
        As the module: it takes and returns what that does.

    Example:
        >>> import torch
        >>> _ = torch.manual_seed(0)
        >>> x = torch.randn(256, 20)
        >>> y = x[:, :3].sum(1, keepdim=True)
        >>> net = torch.nn.Sequential(torch.nn.Linear(20, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
        >>> model = Regularized(net, "l1=0.003, early_stopping=10")
        >>> optimizer = model.attach(torch.optim.Adam(model.parameter_groups(), lr=0.01))
        >>> for epoch in range(100):
        ...     optimizer.zero_grad()
        ...     torch.nn.functional.mse_loss(model(x[:200]), y[:200]).backward()
        ...     optimizer.step()
        ...     with model.evaluation():
        ...         loss = torch.nn.functional.mse_loss(model(x[200:]), y[200:])
        ...     if model.stop(loss):
        ...         break
        >>> told = model.restore()
        >>> told.zeros["0.weight"] > 0.3
        True

    Note:
        Penalties are those of goodfit: λ multiplies Σ w² beside a mean loss; `goodfit.strength` converts others.
    """

    def __init__(
        self,
        module: nn.Module,
        recipe: Recipe | Regularizer | str,
        *,
        insert: bool = False,
        classes: int | None = None,
        penalized: Penalized | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if isinstance(module, Regularized):
            raise InputError("the module is regularized already: give the bare one, with a recipe that holds all")
        if not isinstance(module, nn.Module):
            raise InputError(f"module is a {type(module).__name__}: give a torch.nn.Module")
        self.recipe = Recipe.of(recipe)
        parameters_of(module)
        refuse_sparse(module, self.recipe)
        self.module = module
        self.changes = prepare_layers(module, self.recipe, insert=insert)
        self.updates = Updates(self.recipe, parameters_of(module, penalized))
        self.augmenter = Augmenter(self.recipe, seed, classes)
        self.keeper = Keeper(next((part for part in self.recipe if isinstance(part, Stops)), None))
        self.batches, self.kept, self.restored, self.evaluating = 0, "last", -1, False

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module says."""
        return self.module(*args, **kwargs)

    # -- steps ---------------------------------------------------------------------------------------------------------

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The parameters for an optimizer: weights, then biases, scales and shifts, neither decayed by the optimizer.

        The recipe's own decay is taken care of by `attach`; torch's AdamW would decay all by 0.01 by default.
        """
        every = self.updates.parameters
        groups = ([p.values for p in every if p.weight], [p.values for p in every if not p.weight])
        return [{"params": group, "weight_decay": 0.0} for group in groups if group]

    def attach(self, optimizer: Opt) -> Opt:
        """Act around this optimizer's steps, and hand it back.

        Raises:
            InputError: it trains nothing of the module; it decays by itself what the recipe shrinks; its steps have a
                size that isn't known (see `goodfit.torch.step_size`); it is LBFGS, for all but penalties in the loss.
        """
        self.updates.attach(optimizer)
        return optimizer

    def penalty(self) -> Tensor:
        """What L2 adds to the loss, to be shown beside it: its gradient is taken care of by `attach`."""
        return self.updates.penalty()

    def augment(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """A training batch as the recipe changes it; the next call draws other random numbers.

        Args:
            inputs: `(B, D)`, `(B, C, H, W)` of pictures, `(B, 1, F, T)` of spectrograms: techniques for sounds take
                them as goodfit makes them, mel bands of (dB + 40) / 20, silence at -2.
            targets: class numbers `(B,)`, probabilities `(B, K)` or `(B, 1)`, or quantities.

        Returns:
            inputs of the same shape; targets likewise, or probabilities `(B, K)` where class numbers were mixed or
            smoothed: torch's cross-entropy takes these too.
        """
        self.batches += 1
        rank = distributed.get_rank() if _distributed() else 0
        return self.augmenter.apply(inputs, targets, derive(self.batches, rank) if rank else self.batches)

    # -- epochs --------------------------------------------------------------------------------------------------------

    @contextmanager
    def evaluation(self, batches: Iterable[Any] | None = None) -> Iterator[Regularized]:
        """In inference mode without gradients, with the averaged weights where the recipe averages.

        Args:
            batches: of training rows, for batch norm's statistics of averaged weights.
        """
        modes = [(layer, layer.training) for layer in self.modules()]
        try:
            with self.averaged(batches), torch.no_grad():
                self.eval()
                yield self
        finally:
            for layer, mode in modes:
                layer.training = mode

    @contextmanager
    def averaged(self, batches: Iterable[Any] | None = None) -> Iterator[Regularized]:
        """With the averaged weights where the recipe averages, for who sets modes and gradients otherwise.

        Within itself, and between `restore` and the next step, the weights are those that the module has.

        Args:
            batches: as in `evaluation`.
        """
        if self.evaluating or not self.averages or self.restored == self.updates.steps:
            yield self
            return
        own = {name: value.detach().clone() for name, value in tensors_of(self.module).items()}
        try:
            self._put_averages(batches)
            self.evaluating = True
            yield self
        finally:
            self.evaluating = False
            put(own, self.module)

    @property
    def averages(self) -> dict[str, Tensor]:
        """The averaged weights by name; empty where the recipe doesn't average."""
        return self.updates.averages

    def stop(self, validation_loss: float | Tensor, batches: Iterable[Any] | None = None) -> bool:
        """Take note of an epoch's validation loss; whether training should stop. To be called once an epoch.

        Under `torch.distributed` the loss is averaged over the processes, so that all stop at once.

        Args:
            validation_loss: of the weights that `evaluation` shows.
            batches: as there; not needed within `evaluation`.

        Raises:
            InputError: the loss is no number; no epoch's was finite.
        """
        loss = _agreed(_number(validation_loss), next(self.module.parameters()).device)
        with self.evaluation(batches):
            return self.keeper.watch(loss, tensors_of(self.module))

    def restore(self, batches: Iterable[Any] | None = None) -> Told:
        """Put the best weights into the module, or else the averaged ones, and say what the training did.

        Args:
            batches: of training rows, for batch norm's statistics of averaged weights.
        """
        if self.keeper.weights:
            put(self.keeper.weights, self.module)
            self.kept = "best"
        elif self.averages:
            self._put_averages(batches)
            self.kept = "averaged"
        self.restored = self.updates.steps
        return self.told()

    def told(self) -> Told:
        """What the training has done so far."""
        weights, others = sizes(self.updates.parameters)
        return Told(
            recipe=str(self.recipe),
            changes=tuple(self.changes),
            penalized=weights,
            spared=others,
            steps=self.updates.steps,
            losses=tuple(self.keeper.losses),
            best=self.keeper.best,
            kept=self.kept,
            zeros=zeros_of(self.updates.parameters),
        )

    def _put_averages(self, batches: Iterable[Any] | None) -> None:
        put(self.averages, self.module)
        if has_batch_norm(self.module):
            if batches is None:
                raise InputError("averaged weights need batch norm's statistics anew: give the training loader")
            refresh_statistics(self.module, batches)

    # -- saving --------------------------------------------------------------------------------------------------------

    def get_extra_state(self) -> dict[str, Any]:
        """What `state_dict` keeps beside the module's own: so that a training goes on exactly where it was saved."""
        return {
            "recipe": str(self.recipe),
            "steps": self.updates.steps,
            "batches": self.batches,
            "kept": self.kept,
            "restored": self.restored,
            "averages": self.averages,
            "holders": {name: holder.to_dict() for name, holder in self.updates.holders.items()},
            "keeper": self.keeper.to_dict(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from what was saved.

        Raises:
            InputError: it was saved under another recipe, or with other parameters treated as weights.
        """
        if state["recipe"] != str(self.recipe):
            raise InputError(f"what was saved has the recipe {state['recipe']}: give this one, not {self.recipe}")
        if state["holders"].keys() != self.updates.holders.keys():
            raise InputError("what was saved treats other parameters as weights: give the same penalized")
        self.updates.steps, self.batches = state["steps"], state["batches"]
        self.kept, self.restored = state["kept"], state["restored"]
        devices = {parameter.name: parameter.values.device for parameter in self.updates.parameters}
        self.updates.averages = {name: value.to(devices[name], copy=True) for name, value in state["averages"].items()}
        for name, holder in self.updates.holders.items():
            holder.take(state["holders"][name])
        self.keeper.take(state["keeper"])


def _distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def _number(loss: object) -> float:
    try:
        return float(loss.detach() if isinstance(loss, Tensor) else loss)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        shape = f" of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else ""
        raise InputError(f"the validation loss is a {type(loss).__name__}{shape}: give one number, a mean") from None


def _agreed(loss: float, device: torch.device) -> float:
    """The mean over processes."""
    if not _distributed():
        return loss
    total = torch.tensor(loss, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return float(total) / distributed.get_world_size()
