"""A module that another library trains: what that library's callback does with `Regularized`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Mixes, OnInputs, OnTargets, Stops
from goodfit.regularizers.recipe import Regularizer
from goodfit.torch.regularized import Regularized
from goodfit.torch.told import Told
from goodfit.torch.weights import Penalized


@dataclass(frozen=True)
class Settings:
    """How a module is regularized.

    Args:
        recipe: as in Regularized, as are insert, classes, penalized and seed.
        monitor: the name that the library gives to the validation loss.
    """

    recipe: Recipe | Regularizer | str
    monitor: str
    insert: bool = False
    classes: int | None = None
    penalized: Penalized | None = None
    seed: int = 0

    def wrap(self, module: nn.Module) -> Regularized:
        """The module, regularized."""
        return Regularized(
            module,
            self.recipe,
            insert=self.insert,
            classes=self.classes,
            penalized=self.penalized,
            seed=self.seed,
        )


@dataclass(eq=False)
class Hosted:
    """The module of a library's training, once there is one.

    Args:
        settings: how it is regularized.
        model: the regularized module.
        saved: a state to go on from when the module comes.
        said: what the last training did, when the module has gone.
    """

    settings: Settings
    model: Regularized | None = None
    saved: dict[str, Any] = field(default_factory=dict)
    said: Told | None = None

    def __post_init__(self) -> None:
        self.recipe = Recipe.of(self.settings.recipe)
        self._attached: list[Optimizer] = []
        self._shown = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        """Without the module, which its library saves."""
        told = self.said if self.model is None else self.model.told()
        return {"settings": self.settings, "saved": self.state(), "said": told}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.settings, self.saved, self.said, self.model = state["settings"], state["saved"], state["said"], None
        self.__post_init__()

    # -- what the recipe asks for --------------------------------------------------------------------------------------

    @property
    def stops(self) -> bool:
        """Whether the recipe watches the validation loss."""
        return any(isinstance(part, Stops) for part in self.recipe)

    @property
    def augmenting(self) -> list[Regularizer]:
        """The techniques that change batches."""
        return [part for part in self.recipe if isinstance(part, OnInputs | Mixes | OnTargets)]

    @property
    def changing_targets(self) -> list[Regularizer]:
        """Those of them that change targets too."""
        return [part for part in self.augmenting if isinstance(part, Mixes | OnTargets)]

    # -- the training --------------------------------------------------------------------------------------------------

    def take(self, module: nn.Module) -> Regularized:
        """Regularize the module, unless it is the one that is regularized already."""
        if self.model is None or self.model.module is not module:
            self.model, self._attached = self.settings.wrap(module), []
            if self.saved:
                self.model.set_extra_state(self.saved)
                self.saved = {}
        return self.model

    def attach(self, optimizers: Iterable[Optimizer]) -> None:
        """Act around the steps of the optimizers that aren't attached yet."""
        for optimizer in optimizers:
            if not any(optimizer is attached for attached in self._attached):
                self.there.attach(optimizer)
                self._attached.append(optimizer)

    def augment(self, batch: Any, remedy: str) -> None:
        """Change a batch in place, as the recipe says.

        Args:
            batch: a list of inputs and targets.
            remedy: what to do where it isn't that.

        Raises:
            InputError: it is anything else.
        """
        if not self.augmenting:
            return
        if not isinstance(batch, list) or len(batch) != 2 or not all(isinstance(part, Tensor) for part in batch):
            raise InputError(
                f"{self.augmenting[0].name} changes batches that are a list of inputs and targets, and this one is "
                f"{_shape_of(batch)}: {remedy}"
            )
        batch[:] = self.there.augment(*batch)

    def show(self, batches: Callable[[], Iterable[Any]]) -> None:
        """Put the averaged weights into the module until `back`.

        Args:
            batches: makes those of training rows, for batch norm's statistics.
        """
        if self.there.averages and not self.there.evaluating:
            self._shown.enter_context(self.there.averaged(batches()))

    def back(self) -> None:
        """The weights that are being trained again."""
        self._shown.close()

    def watch(self, metrics: Mapping[str, Any], batches: Callable[[], Iterable[Any]], remedy: str) -> bool:
        """Take note of the validation loss, and go back to the weights that are being trained; whether to stop.

        Args:
            metrics: the library's, by name.
            batches: as in `show`.
            remedy: what to do where the loss isn't among them.

        Raises:
            InputError: the recipe stops early, and the loss isn't among them.
        """
        try:
            if self.settings.monitor in metrics:
                self.show(batches)
                return self.there.stop(metrics[self.settings.monitor])
            if self.stops:
                names = ", ".join(sorted(metrics)) or "none"
                raise InputError(
                    f"early stopping watches {self.settings.monitor}, which isn't among the metrics ({names}): {remedy}"
                )
            return False
        finally:
            self.back()

    def finish(self, batches: Callable[[], Iterable[Any]]) -> None:
        """Put the best weights into the module, or else the averaged ones."""
        self.back()
        self.said = self.there.restore(batches())

    @property
    def there(self) -> Regularized:
        """The module, which has come."""
        if self.model is None:
            raise InputError("no training has begun yet: there is no module to act on")
        return self.model

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def told(self) -> Told:
        """What the training has done so far.

        Raises:
            InputError: none has begun.
        """
        return self.said if self.model is None and self.said is not None else self.there.told()

    def state(self) -> dict[str, Any]:
        """What a training goes on from, beside the module's and the optimizer's state: plain data and tensors."""
        return self.saved if self.model is None else self.model.get_extra_state()

    def go_on(self, state: dict[str, Any]) -> None:
        """Go on from such a state, now or when the module comes."""
        if self.model is None:
            self.saved = state
        else:
            self.model.set_extra_state(state)


def _shape_of(batch: Any) -> str:
    if isinstance(batch, list | tuple):
        return f"a {type(batch).__name__} of {', '.join(type(part).__name__ for part in batch)}"
    return f"a {type(batch).__name__}"
