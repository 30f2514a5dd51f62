"""The one training loop: populations of runs."""

from goodfit.training.checkpoint import Checkpoint
from goodfit.training.execution import Backend, Drop, Execution
from goodfit.training.groups import Progress
from goodfit.training.loop import train
from goodfit.training.runs import Data, History, Run, RunResult, Settings

__all__ = [
    "Backend",
    "Checkpoint",
    "Data",
    "Drop",
    "Execution",
    "History",
    "Progress",
    "Run",
    "RunResult",
    "Settings",
    "train",
]
