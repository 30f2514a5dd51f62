"""The records as text: a table of scores for each table of data, mean ranks, and who is better than goodfit."""

from __future__ import annotations

import math
from collections.abc import Sequence

from peers_models import PEERS
from peers_ranks import FIRST, Standing, beside, mean_ranks, ranks

from goodfit.statistics import Estimate

OURS = "goodfit"


def told(estimate: Estimate, digits: int = 3) -> str:
    """A mean and its interval, with as many digits as it takes."""
    if not math.isfinite(estimate.value):
        return "failed"
    digits = digits if abs(estimate.value) < 10 else 2 if abs(estimate.value) < 1000 else 0
    mean = f"{estimate.value:.{digits}f}"
    return mean if math.isnan(estimate.low) else f"{mean} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def heading(standing: Standing) -> str:
    record = next((r for rows in standing.records for r in rows if r["scores"]), None)
    size = f", {record['rows']:,} rows, {record['columns']} columns" if record else ""
    return f"{standing.table}: {standing.kind}{size}; {len(standing.records[0])} of {standing.folds} folds"


def print_standing(standing: Standing) -> None:
    order = sorted(zip(ranks(standing, FIRST[standing.kind]), standing.peers, strict=True))
    rows = [
        (
            PEERS[peer].title,
            [
                f"{rank:g}",
                *(told(standing.estimate(peer, metric.key)) for metric in standing.metrics),
                f"{standing.seconds(peer):.1f}",
            ],
        )
        for rank, peer in order
    ]
    print_table(heading(standing), ["rank", *(m.label for m in standing.metrics), "seconds"], rows)
    for peer in standing.peers:
        for reason in sorted(set(standing.failures(peer))):
            print(f"  {PEERS[peer].title} failed: {reason}")


def rank_rows(found: Sequence[Standing]) -> list[tuple[str, list[str]]]:
    """A row a peer, the best first: its mean ranks, mean seconds, and on how many tables goodfit is better or worse."""
    by_loss, by_auc = mean_ranks(found, None), mean_ranks(found, "roc_auc")
    rows = []
    for peer in sorted(by_loss, key=lambda name: by_loss[name].value):
        seconds = sum(standing.seconds(peer) for standing in found) / len(found)
        auc = told(by_auc[peer], 2) if by_auc else "-"
        cells = [told(by_loss[peer], 2), auc, f"{seconds:.1f}", versus(found, peer)]
        rows.append((PEERS[peer].title, cells))
    return rows


RANK_COLUMNS = ("mean rank, log loss or RMSE", "mean rank, AUC", "seconds", "goodfit better / worse / can't tell")


def versus(found: Sequence[Standing], peer: str) -> str:
    if peer == OURS or OURS not in found[0].peers:
        return "-"
    signs = [beside(standing, OURS, peer) for standing in found]
    return f"{signs.count(1)} / {signs.count(-1)} / {signs.count(0)}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> None:
    lines = [("", *columns), *((name, *cells) for name, cells in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    print(f"\n{title}")
    for name, *cells in lines:
        print(
            f"{name:<{widths[0]}}", *(f"{cell:>{wide}}" for cell, wide in zip(cells, widths[1:], strict=True)), sep="  "
        )


def print_report(found: Sequence[Standing], budget: float) -> None:
    if not found:
        print("no fold of any table has a record of every peer yet: choose some by --only and --tables")
        return
    for standing in found:
        print_standing(standing)
    title = f"Mean ranks among {len(found[0].peers)} over {len(found)} tables, budget {budget:g} s; 95 % intervals"
    print_table(title, RANK_COLUMNS, rank_rows(found))
