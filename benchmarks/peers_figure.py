"""The records as one HTML file that needs no network: a table of ranks, and dots with intervals for each table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from peers_models import PEERS
from peers_ranks import FIRST, Standing, ranks
from peers_report import OURS, RANK_COLUMNS, heading, rank_rows
from plotly.subplots import make_subplots

OURS_COLOUR, THEIRS_COLOUR = "#c2410c", "#475569"
ROW_HEIGHT = 24

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1e293b }
table { border-collapse: collapse } th, td { padding: .25rem .8rem; text-align: right }
th:first-child, td:first-child { text-align: left } tr { border-bottom: 1px solid #e2e8f0 } .ours { color: #c2410c }
"""


def write_page(found: Sequence[Standing], budget: float, file: Path) -> None:
    parts = [dots(each).to_html(full_html=False, include_plotlyjs=place == 0) for place, each in enumerate(found)]
    title = f"goodfit beside its peers, {budget:g} seconds a fit"
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
        f"<h1>{title}</h1><p>Mean ranks over {len(found)} tables, 1 the best; 95 % intervals over tables. Below, each "
        f"table's scores with 95 % intervals over folds, corrected for their overlap.</p>{ranks_table(found)}"
        f"{''.join(parts)}</html>"
    )
    file.write_text(page, encoding="utf-8")


def ranks_table(found: Sequence[Standing]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("peer", *RANK_COLUMNS))
    ours = {PEERS[name].title for name in PEERS if name.startswith(OURS)}
    body = "".join(
        f"<tr{' class=ours' if title in ours else ''}><td>{escape(title)}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for title, cells in rank_rows(found)
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def dots(standing: Standing) -> go.Figure:
    """The table's first two metrics side by side, the best peer on top; who failed has no dot."""
    order = [peer for _, peer in sorted(zip(ranks(standing, FIRST[standing.kind]), standing.peers, strict=True))]
    metrics = standing.metrics[:2]
    labels = [f"{m.label}, {'more' if m.higher_is_better else 'less'} is better" for m in metrics]
    figure = make_subplots(1, len(metrics), shared_yaxes=True, subplot_titles=labels, horizontal_spacing=0.04)
    for place, metric in enumerate(metrics, 1):
        estimates = [standing.estimate(peer, metric.key) for peer in order]
        values = [e.value for e in estimates]
        figure.add_scatter(
            x=values,
            y=[PEERS[peer].title for peer in order],
            error_x={"type": "data", "array": [e.high - e.value for e in estimates], "color": "#94a3b8"},
            mode="markers",
            marker={"size": 9, "color": [OURS_COLOUR if peer.startswith(OURS) else THEIRS_COLOUR for peer in order]},
            showlegend=False,
            row=1,
            col=place,
        )
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_layout(
        title=heading(standing), height=130 + ROW_HEIGHT * len(order), template="plotly_white", margin={"l": 150}
    )
    return figure
