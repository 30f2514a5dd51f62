"""How a population of networks is trained without goodfit, and what the hardware allows.

Every rival trains perceptrons with two hidden layers, dropout and decoupled weight decay on the same rows, each member
with its own order of rows, and returns its predictions, which are scored after the clock has stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROWS, INPUTS, BATCH = 8000, 30, 256
STEPS = -(-ROWS // BATCH)
INPUT_DROPOUT, DROPOUT, DECAY, RATE = 0.1, 0.2, 0.01, 1e-3

Predict = Callable[[Tensor], Tensor]
Train = Callable[["Task"], Predict | None]


@dataclass(frozen=True)
class Task:
    """What is trained: `members` networks, two hidden layers of `width`, for `epochs`."""

    members: int
    epochs: int
    width: int = 64
    dropout: bool = True
    batch_norm: bool = False
    device: str = "cpu"

    @property
    def steps(self) -> int:
        return self.members * self.epochs * STEPS

    @property
    def layers(self) -> list[tuple[int, int]]:
        return list(pairwise((INPUTS, self.width, self.width, 1)))

    @property
    def rates(self) -> tuple[float, float]:
        """Dropout of the inputs and of hidden units."""
        return (INPUT_DROPOUT, DROPOUT) if self.dropout else (0.0, 0.0)

    @property
    def work(self) -> float:
        """Floating point operations in the matrix products of a step; the first layer passes no gradient to rows."""
        products = [2.0 * ROWS / STEPS * inputs * units for inputs, units in self.layers]
        return 3 * sum(products) - products[0]


@dataclass(frozen=True)
class Trial:
    """What came of a task: seconds, steps summed over members, mean training loss, peak bytes on a GPU."""

    seconds: float
    steps: int
    loss: float
    memory: int = 0

    @property
    def microseconds(self) -> float:
        return 1e6 * self.seconds / self.steps


@cache
def make_rows(device: str = "cpu") -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, INPUTS, generator=source)
    noise = 0.5 * torch.randn(ROWS, generator=source)
    return x.to(device), (x[:, 0] + x[:, 1] * x[:, 2] + noise > 0).float().to(device)


def timed(train: Train, task: Task) -> Trial:
    """Train, then score the predictions on all rows."""
    x, y = make_rows(task.device)
    torch.manual_seed(0)
    on_gpu = task.device.startswith("cuda")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(task.device)
        torch.cuda.synchronize(task.device)
    start = time.perf_counter()
    predict = train(task)
    if on_gpu:
        torch.cuda.synchronize(task.device)
    seconds = time.perf_counter() - start
    memory = torch.cuda.max_memory_allocated(task.device) if on_gpu else 0
    return Trial(seconds, task.steps, score(predict, x, y), memory)


def score(predict: Predict | None, x: Tensor, y: Tensor) -> float:
    if predict is None:
        return float("nan")
    with torch.no_grad():
        outputs = predict(x)
        return float(F.binary_cross_entropy_with_logits(outputs, y.expand_as(outputs)))


def network(task: Task) -> nn.Sequential:
    on_inputs, on_hidden = task.rates
    parts: list[nn.Module] = [nn.Dropout(on_inputs)] if task.dropout else []
    for inputs, units in task.layers[:-1]:
        parts += [nn.Linear(inputs, units), nn.ReLU()]
        parts += [nn.Dropout(on_hidden)] if task.dropout else []
    return nn.Sequential(*parts, nn.Linear(*task.layers[-1])).to(task.device)


def each(nets: list[nn.Sequential]) -> Predict:
    return lambda rows: torch.stack([net.eval()(rows)[:, 0] for net in nets])


def ordinary(task: Task) -> Predict:
    """What users write: a module, a DataLoader, torch.optim.AdamW, one network after another."""
    dataset = torch.utils.data.TensorDataset(*make_rows())
    nets = []
    for _ in range(task.members):
        net = network(task)
        optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
        loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True)
        loss_of = nn.BCEWithLogitsLoss()
        for _ in range(task.epochs):
            for inputs, targets in loader:
                optimizer.zero_grad()
                loss_of(net(inputs.to(task.device))[:, 0], targets.to(task.device)).backward()
                optimizer.step()
        nets.append(net)
    return each(nets)


def lean(task: Task) -> Predict:
    """The same module in a lean loop: batches are slices of permuted tensors, the optimizer is fused."""
    x, y = make_rows(task.device)
    nets = []
    for _ in range(task.members):
        net = network(task)
        optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
        for _ in range(task.epochs):
            for rows in torch.randperm(ROWS, device=task.device).split(BATCH):
                optimizer.zero_grad()
                F.binary_cross_entropy_with_logits(net(x[rows])[:, 0], y[rows]).backward()
                optimizer.step()
        nets.append(net)
    return each(nets)


def orders(task: Task) -> Iterator[Tensor]:
    """Rows `(members, batch)` of each step, every member in its own order."""
    for _ in range(task.epochs):
        order = torch.stack([torch.randperm(ROWS, device=task.device) for _ in range(task.members)])
        yield from order.split(BATCH, dim=1)


def stacked_adamw(parameters: list[Tensor]) -> torch.optim.Optimizer:
    """AdamW acts on each number alone, so on stacked tensors it is one AdamW a member; fused, it beats one by hand."""
    return torch.optim.AdamW(parameters, lr=RATE, weight_decay=DECAY, fused=True)


def vmapped(task: Task) -> Predict:
    """torch.func: vmap of grad over stacked parameters."""
    x, y = make_rows(task.device)
    nets = [network(task) for _ in range(task.members)]
    base = nets[0]
    parameters = {name: p.detach() for name, p in torch.func.stack_module_state(nets)[0].items()}

    def loss_of(own: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        outputs = torch.func.functional_call(base, own, (inputs,))
        return F.binary_cross_entropy_with_logits(outputs[:, 0], targets)

    gradient = torch.func.vmap(torch.func.grad(loss_of), randomness="different")
    optimizer = stacked_adamw(list(parameters.values()))
    for rows in orders(task):
        for name, own in gradient(parameters, x[rows], y[rows]).items():
            parameters[name].grad = own
        optimizer.step()
    call = torch.func.functional_call
    return lambda rows: torch.func.vmap(lambda own: call(base.eval(), own, (rows,))[:, 0])(parameters)


def batched(task: Task) -> Predict:
    """Stacked parameters by hand: baddbmm and autograd."""
    x, y = make_rows(task.device)
    parameters = []
    for inputs, units in task.layers:
        for rows in (inputs, 1):
            shape = (task.members, rows, units)
            parameters.append(torch.empty(shape, device=task.device).uniform_(-(inputs**-0.5), inputs**-0.5))
    for p in parameters:
        p.requires_grad_()

    def outputs(hidden: Tensor, on_inputs: float, on_hidden: float) -> Tensor:
        hidden = F.dropout(hidden, on_inputs) if on_inputs else hidden
        for weights, biases in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
            hidden = torch.baddbmm(biases, hidden, weights).relu()
            hidden = F.dropout(hidden, on_hidden) if on_hidden else hidden
        return torch.baddbmm(parameters[-1], hidden, parameters[-2])[..., 0]

    optimizer = stacked_adamw(parameters)
    for rows in orders(task):
        optimizer.zero_grad()
        losses = F.binary_cross_entropy_with_logits(outputs(x[rows], *task.rates), y[rows], reduction="none")
        losses.mean(1).sum().backward()
        optimizer.step()
    return lambda rows: outputs(rows.expand(task.members, *rows.shape), 0.0, 0.0)


def products(task: Task) -> None:
    """The matrix products of every step and nothing else."""
    batch = ROWS // STEPS
    layers = [(torch.randn(batch, i), torch.randn(i, u), torch.randn(batch, u)) for i, u in task.layers]
    forward = [torch.empty(batch, units) for _, units in task.layers]
    to_weights = [torch.empty(inputs, units) for inputs, units in task.layers]
    to_inputs = [torch.empty(batch, inputs) for inputs, _ in task.layers]
    for _ in range(task.members * task.epochs * STEPS):
        for place, (rows, weights, gradient) in enumerate(layers):
            torch.mm(rows, weights, out=forward[place])
            torch.mm(rows.T, gradient, out=to_weights[place])
            if place:
                torch.mm(gradient, weights.T, out=to_inputs[place])


def peak(tries: int = 4, size: int = 2048) -> float:
    """Floating point operations a second of large float32 products over all threads: the best try."""
    a, b = torch.randn(2, size, size)
    out = torch.mm(a, b)
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        seconds.append(time.perf_counter() - start)
    return 2.0 * size**3 / min(seconds)
