"""Results and verdicts made into one HTML file that needs no network."""

from goodfit.report.page import render, write_report

__all__ = ["render", "write_report"]
