"""Stacked networks: M networks of one shape as one set of tensors."""

from goodfit.networks.forward import forward
from goodfit.networks.layout import Layout, Parameters, folded, initialize, views
from goodfit.networks.mlp import Hook

__all__ = ["Hook", "Layout", "Parameters", "folded", "forward", "initialize", "views"]
