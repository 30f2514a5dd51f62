"""What is known of each run of a population while it trains, and what is saved of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from goodfit.networks import Layout
from goodfit.training.block import Block, State
from goodfit.training.runs import History, Outcome, Run, RunResult

OUTCOMES: tuple[Outcome, ...] = ("finished", "stopped", "diverged", "out of time", "dropped", "lost")
TRAINING = -1


@dataclass(frozen=True, eq=False)
class Ledger:
    """The population's runs by their place, N of them.

    Args:
        losses: `(N, E, 2)` training and validation loss by epoch, nan after the run ended.
        epochs: `(N,)` how many it has trained.
        outcome: `(N,)` index into `OUTCOMES`, or `TRAINING`.
        best: `(N, P)` parameters handed out, filled when a run ends.
        statistics: `(N, R)` likewise.
        best_epoch: `(N,)` likewise.
    """

    losses: Tensor
    epochs: Tensor
    outcome: Tensor
    best: Tensor
    statistics: Tensor
    best_epoch: Tensor

    @staticmethod
    def empty(runs: int, layout: Layout, max_epochs: int) -> Ledger:
        """The ledger before the first epoch."""
        return Ledger(
            losses=torch.full((runs, max_epochs, 2), math.nan, dtype=torch.float64),
            epochs=torch.zeros(runs, dtype=torch.int64),
            outcome=torch.full((runs,), TRAINING),
            best=torch.zeros(runs, layout.total),
            statistics=torch.zeros(runs, layout.statistics),
            best_epoch=torch.zeros(runs, dtype=torch.int64),
        )

    def note(self, block: Block, losses: Tensor, epoch: int) -> None:
        """Enter the losses `(M, 2)` of a block's epoch (from 1)."""
        members = torch.tensor(block.members)
        self.losses[members, epoch - 1] = losses.cpu().double()
        self.epochs[members] = epoch

    def close(self, block: Block, outcome: Tensor) -> Tensor:
        """Enter the outcomes `(M,)` of a block's members, and keep what those hand out that ended.

        Returns:
            Places within the block of the members that go on.
        """
        outcome = outcome.cpu()
        ended = outcome != TRAINING
        self.outcome[torch.tensor(block.members)] = outcome
        for place in ended.nonzero().squeeze(1).tolist():
            member = block.members[place]
            self.best[member].copy_(block.state.best[place])
            self.statistics[member].copy_(block.state.best_statistics[place])
            self.best_epoch[member].copy_(block.state.best_epoch[place])
        return (~ended).nonzero().squeeze(1)

    def lose(self, places: Sequence[int]) -> None:
        """Enter runs of which nothing came: an epoch of unknown losses, and weights of 0."""
        for place in places:
            self.losses[place], self.epochs[place] = math.nan, 1
            self.best[place], self.statistics[place], self.best_epoch[place] = 0.0, 0.0, 0
            self.outcome[place] = OUTCOMES.index("lost")

    def result(self, run: Run, place: int, layout: Layout) -> RunResult:
        """What came of the run at a place; its parameters are views of the ledger's, without factors: those are 1."""
        losses = self.losses[place, : self.epochs[place]].numpy()
        return RunResult(
            run=run,
            parameters=self.best[place, : layout.plain.total].numpy(),
            statistics=self.statistics[place].numpy(),
            layout=layout.plain,
            history=History(losses[:, 0].copy(), losses[:, 1].copy()),
            best_epoch=int(self.best_epoch[place]),
            outcome=OUTCOMES[int(self.outcome[place])],
        )


def snapshot(ledger: Ledger, members: Sequence[int], state: State | None, epoch: int) -> dict[str, Tensor]:
    """Everything that a training needs to go on after an epoch of these members, as named tensors.

    Runs that ran out of time aren't done: who goes on begins them anew.
    """
    tensors = {f"ledger.{f.name}": getattr(ledger, f.name) for f in fields(ledger)}
    late = ledger.outcome == OUTCOMES.index("out of time")
    tensors["ledger.outcome"] = torch.where(late, TRAINING, ledger.outcome)
    if state:
        tensors |= {f"state.{f.name}": getattr(state, f.name) for f in fields(state)}
    return tensors | {"alive": torch.tensor(members, dtype=torch.int64), "epoch": torch.tensor(epoch)}


def restore(tensors: dict[str, Tensor], device: torch.device) -> tuple[Ledger, State | None, list[int], int]:
    """The ledger, the state on a device of those still training, their places and the epochs done, from a snapshot."""
    ledger = Ledger(*(tensors[f"ledger.{f.name}"] for f in fields(Ledger)))
    alive = tensors["alive"].tolist()
    state = State(*(tensors[f"state.{f.name}"].to(device) for f in fields(State))) if alive else None
    return ledger, state, alive, int(tensors["epoch"])
