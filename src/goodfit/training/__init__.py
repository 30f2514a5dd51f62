"""The one training loop: populations of runs."""

from goodfit.training.checkpoint import Checkpoint
from goodfit.training.groups import Progress
from goodfit.training.loop import Execution, train
from goodfit.training.runs import Data, History, Run, RunResult, Settings

__all__ = ["Checkpoint", "Data", "Execution", "History", "Progress", "Run", "RunResult", "Settings", "train"]
