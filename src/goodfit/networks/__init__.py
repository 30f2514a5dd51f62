"""Stacked networks: M networks of one shape as one set of tensors."""

from goodfit.networks.mlp import Layout, Parameters, forward, initialize, views

__all__ = ["Layout", "Parameters", "forward", "initialize", "views"]
