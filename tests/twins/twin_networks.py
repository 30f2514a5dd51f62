"""The same network twice: ours as a run of a population, and a module of torch that starts from the same weights."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.metrics import Task
from goodfit.networks import views
from goodfit.regularizers import BatchNorm, Recipe, Regularizer
from goodfit.training import Data, Execution, Run, RunResult, Settings, train

ROWS, COLUMNS = 80, 6
LOSSES: dict[Task, Callable[[Tensor, Tensor], Tensor]] = {
    "regression": nn.MSELoss(),
    "binary": nn.BCEWithLogitsLoss(),
    "multiclass": nn.CrossEntropyLoss(),
}


def make_data(task: Task = "regression", *, weights: Tensor | None = None) -> Data:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(1, ROWS, COLUMNS, generator=generator)
    signal = inputs[..., :4] + 0.5 * torch.randn(1, ROWS, 4, generator=generator)
    targets = {
        "regression": signal[..., :1] * inputs[..., 4:5],
        "binary": (signal[..., :1] > 0.3).float(),
        "multiclass": nn.functional.one_hot(signal.argmax(-1), 4).float(),
    }
    return Data(inputs, targets[task], torch.ones(ROWS) if weights is None else weights, task)


def full_batch(
    optimizer: str, steps: int, *, hidden: tuple[int, ...] = (12, 7), schedule: str = "constant"
) -> Settings:
    """One batch an epoch: the order of the rows plays no part."""
    return Settings(
        hidden=hidden,
        optimizer=optimizer,  # type: ignore[arg-type]
        batch_size=ROWS,
        max_epochs=steps,
        schedule=schedule,  # type: ignore[arg-type]
    )


def make_run(recipe: Recipe | Regularizer | None = None, *, learning_rate: float, seed: int = 3) -> Run:
    everything = np.arange(ROWS)
    return Run(Recipe.of(recipe), seed, everything, everything[:0], learning_rate=learning_rate)


def train_both(
    data: Data,
    run: Run,
    settings: Settings,
    make_optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    *,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    after_step: Callable[[nn.Module], None] = lambda module: None,
) -> tuple[RunResult, nn.Sequential]:
    """Our result, and torch's module after as many steps; its own schedule where the settings have one."""
    company = [make_run(learning_rate=1e-3, seed=11), run, make_run(learning_rate=1e-2, seed=12)]
    result = train(data, company, settings)[1]
    module = initial_module(data, run, settings)
    optimizer = make_optimizer(module)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=settings.max_epochs)
    with one_thread():
        for _ in range(settings.max_epochs):
            optimizer.zero_grad()
            (loss or LOSSES[data.task])(module(data.inputs[0]), data.targets[0]).backward()
            optimizer.step()
            after_step(module)
            if settings.schedule == "cosine":
                cosine.step()
    return result, module


@contextmanager
def one_thread() -> Iterator[None]:
    """A module so small is trained faster by one thread, above all beside other tests."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def initial_module(data: Data, run: Run, settings: Settings) -> nn.Sequential:
    """A module with the weights that the run starts from: those that it has after an epoch at learning rate 0."""
    still = Run(run.recipe, run.seed, run.train, run.validation, learning_rate=0.0)
    (start,) = train(data, [still], Settings(settings.hidden, max_epochs=1), execution=Execution(threads=1))
    return module_of(torch.from_numpy(start.parameters), start.layout, batch_norm=BatchNorm in run.recipe)


def module_of(parameters: Tensor, layout, *, batch_norm: bool) -> nn.Sequential:
    """Linear, BatchNorm1d, ReLU, ..., Linear with the parameters `(P,)`."""
    parts = views(parameters[None], layout)
    layers: list[nn.Module] = []
    for layer, (weights, biases) in enumerate(zip(parts.weights, parts.biases, strict=True)):
        linear = nn.Linear(*weights.shape[1:])
        linear.weight.data.copy_(weights[0].T)
        linear.bias.data.copy_(biases[0, 0])
        layers.append(linear)
        if layer < len(layout.hidden):
            layers += [*([nn.BatchNorm1d(weights.shape[2])] if batch_norm else []), nn.ReLU()]
    return nn.Sequential(*layers)


def vector_of(module: nn.Module) -> np.ndarray:
    """A module's parameters in the order of ours: weights `(inputs, units)`, biases, scales, shifts."""
    linears = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d)]
    tensors = [layer.weight.T for layer in linears] + [layer.bias for layer in linears]
    tensors += [layer.weight for layer in norms] + [layer.bias for layer in norms]
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).numpy()


def statistics_of(module: nn.Module) -> np.ndarray:
    """A module's running means, then variances, a layer after the other."""
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d)]
    return torch.cat([*(n.running_mean for n in norms), *(n.running_var for n in norms)]).numpy()


def weights_and_others(module: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """Matrices, and all that is not a weight."""
    parameters = list(module.parameters())
    return [p for p in parameters if p.dim() == 2], [p for p in parameters if p.dim() == 1]
