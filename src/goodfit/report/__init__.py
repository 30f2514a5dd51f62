"""Results and verdicts made into one HTML file that needs no network."""

from goodfit.report.page import render, render_kept, write_report

__all__ = ["render", "render_kept", "write_report"]
