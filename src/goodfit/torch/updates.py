"""What a recipe does around each step of an optimizer: before it to gradients and weights, after it to weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import LBFGS, Optimizer

from goodfit.errors import InputError
from goodfit.regularizers import Recipe
from goodfit.regularizers.places import Averages, Decays, InLoss, Proximal
from goodfit.torch.acting import Acting
from goodfit.torch.holding import Holder
from goodfit.torch.layers import PUT_IN
from goodfit.torch.steps import Group, knows, refusal
from goodfit.torch.weights import Parameter

Closure = Callable[[], Any]


@dataclass(eq=False)
class Updates:
    """The techniques of a recipe that act on weights, for the optimizers they are attached to.

    Args:
        recipe: whose techniques act.
        parameters: of the module.
        steps: taken so far, by all optimizers.
        averages: the moving average of each parameter by name, where the recipe averages.
    """

    recipe: Recipe
    parameters: Sequence[Parameter]
    steps: int = 0
    averages: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._know([Acting.of(p, self.recipe) for p in self.parameters])

    def _know(self, every: Iterable[Acting]) -> None:
        self._known = {id(known.parameter.values): known for known in every}
        self._optimizers: list[Optimizer] = []
        self._average = next((part for part in self.recipe if isinstance(part, Averages)), None)
        self._early = any(known.penalties or known.decays for known in self._known.values())
        self._busy = {key: known for key, known in self._known.items() if self._average or not known.idle}

    def __getstate__(self) -> dict[str, Any]:
        """Of a copy, which knows other parameters and no optimizer yet."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return given | {"acting": [*self._known.values()]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for each in fields(self):
            setattr(self, each.name, state[each.name])
        self._know(state["acting"])

    def attach(self, optimizer: Optimizer) -> None:
        """Act around the optimizer's steps from now on.

        Raises:
            InputError: it trains other parameters, decays by itself what the recipe shrinks, or takes steps that a
                technique can't act on.
        """
        self._check(optimizer)
        self._optimizers.append(optimizer)
        held = [known for group in optimizer.param_groups for known in self._of(group)]
        if any(known.early for known in held):
            optimizer.register_step_pre_hook(self._before)
        optimizer.register_step_post_hook(self._after)

    def penalty(self) -> Tensor:
        """What the techniques in the loss add to it at the weights as they are."""
        parts = [
            penalty.penalty(known.parameter.matrix(known.parameter.values))
            for known in self._known.values()
            for penalty in known.penalties
        ]
        return torch.stack([part.reshape(()) for part in parts]).sum() if parts else torch.zeros(())

    @property
    def holders(self) -> dict[str, Holder]:
        """What holds weights at 0, by the name of their parameter and its place there."""
        every = self._known.values()
        return {f"{known.parameter.name}/{i}": holder for known in every for i, holder in enumerate(known.holders)}

    def _of(self, group: Group) -> list[Acting]:
        """What acts on the parameters of a group, where anything does."""
        return [known for values in group["params"] if (known := self._busy.get(id(values)))]

    def _before(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
        for group in optimizer.param_groups:
            for known in self._of(group):
                known.note()
        if closure is None:
            self._regularize(optimizer)
            return None
        told = self._told(optimizer, closure)
        return (args[:1], kwargs | {"closure": told}) if len(args) < 2 else ((args[0], told, *args[2:]), kwargs)

    def _told(self, optimizer: Optimizer, closure: Closure) -> Closure:
        """The closure that an optimizer calls for the loss and its gradients, with the penalty in both."""

        def told() -> Any:
            loss = closure()
            self._regularize(optimizer)
            with torch.no_grad():
                return loss + self.penalty().to(loss.device) if isinstance(loss, Tensor) else loss

        return told

    @torch.no_grad()
    def _regularize(self, optimizer: Optimizer) -> None:
        if not self._early or _overflowed(optimizer):
            return
        scale = getattr(optimizer, "grad_scale", None)
        for group in optimizer.param_groups:
            for known in self._of(group):
                gradient = known.parameter.values.grad
                if gradient is not None:
                    known.before(gradient, group["lr"], scale)

    @torch.no_grad()
    def _after(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if _overflowed(optimizer):
            return
        self.steps += 1
        for group in optimizer.param_groups:
            for known in self._of(group):
                if known.parameter.values.grad is not None:
                    known.after(optimizer, group)
                    if self._average:
                        self._keep_average(self._average, known.parameter)

    def _keep_average(self, technique: Averages, parameter: Parameter) -> None:
        values = parameter.values.detach()
        average = self.averages.get(parameter.name)
        if average is None:
            self.averages[parameter.name] = values.to(_precise(values), copy=True)
        else:
            technique.average_(average, values.to(average.dtype))

    def _check(self, optimizer: Optimizer) -> None:
        if any(known is optimizer for known in self._optimizers):
            raise InputError("this optimizer is attached already: attach it once")
        held = {id(values) for group in optimizer.param_groups for values in group["params"]}
        every = {id(values) for known in self._optimizers for group in known.param_groups for values in group["params"]}
        if not held & self._known.keys():
            raise InputError(
                "the optimizer holds none of the module's parameters: make it from model.parameter_groups()"
            )
        missing = [p.name for p in self.parameters if PUT_IN in p.name and id(p.values) not in held | every]
        if missing:
            raise InputError(
                f"the optimizer was made before {missing[0]} was put into the module and doesn't train it: "
                "make it from model.parameter_groups()"
            )
        self._check_decay(optimizer)
        scaled = [part.name for part in self.recipe if isinstance(part, Proximal) and part.scaled]
        if scaled and not knows(optimizer):
            raise InputError(refusal(optimizer))
        moved = [part.name for part in self.recipe if isinstance(part, Decays | Proximal)]
        if moved and isinstance(optimizer, LBFGS):
            raise InputError(
                f"{moved[0]} acts on the weights between steps, which LBFGS's memory of them forbids: use l2"
            )

    def _check_decay(self, optimizer: Optimizer) -> None:
        shrinking = [part.name for part in self.recipe if isinstance(part, InLoss | Decays)]
        if shrinking and any(group.get("maximize") for group in optimizer.param_groups):
            raise InputError(
                f"the optimizer maximizes, so that {shrinking[0]} would grow the weights: minimize the negative"
            )
        own = next((group["weight_decay"] for group in optimizer.param_groups if group.get("weight_decay")), None)
        if shrinking and own:
            raise InputError(
                f"the optimizer has weight_decay={own:g} of its own (AdamW's default is 0.01) beside the "
                f"recipe's {shrinking[0]}: make it from model.parameter_groups(), or with weight_decay=0"
            )


def refuse_sparse(module: nn.Module, recipe: Recipe) -> None:
    """Refuse sparse gradients where a technique adds to them or takes their mean.

    Raises:
        InputError: an embedding has them.
    """
    acting = [part.name for part in recipe if isinstance(part, InLoss) or (isinstance(part, Proximal) and part.scaled)]
    for name, layer in module.named_modules():
        if acting and isinstance(layer, nn.Embedding | nn.EmbeddingBag) and layer.sparse:
            raise InputError(
                f"{name or 'the module'} has sparse gradients, which {acting[0]} can't use: say sparse=False"
            )


def _precise(values: Tensor) -> torch.dtype:
    """In which an average is kept: half precision would swallow small steps."""
    return torch.promote_types(values.dtype, torch.float32)


def _overflowed(optimizer: Optimizer) -> bool:
    """Whether a gradient scaler found infinite gradients, so that the optimizer leaves the weights alone."""
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found.item())
