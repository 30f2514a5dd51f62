"""Data to try things on: simulated card transactions, and real loans."""

from goodfit.examples.fraud import Transactions, simulate
from goodfit.examples.loans import load_loans

__all__ = ["Transactions", "load_loans", "simulate"]
