"""Readers of training logs."""

from goodfit.logs.log import Asked, Log
from goodfit.logs.names import is_accuracy
from goodfit.logs.reading import read_log

__all__ = ["Asked", "Log", "is_accuracy", "read_log"]
