"""What the records say: scores with intervals over folds, mean ranks over tables, and who is better than whom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from peers_records import Record
from scipy.stats import rankdata

from goodfit.metrics import Metric, metrics_of
from goodfit.statistics import Estimate, mean_interval, paired_interval

SHOWN = ("log_loss", "roc_auc", "average_precision", "balanced_accuracy", "rmse", "r2")
FIRST = {"regression": "rmse", "binary": "log_loss", "multiclass": "log_loss"}
"""The metric that peers are ranked by, by the kind of the table."""


@dataclass(frozen=True)
class Standing:
    """A table's peers on the folds that all of them have: the records `[peer][fold]`, in the order of the peers."""

    table: str
    kind: str
    folds: int
    peers: tuple[str, ...]
    records: list[list[Record]]

    @property
    def metrics(self) -> list[Metric]:
        by_key = {metric.key: metric for metric in metrics_of(self.kind)}
        return [by_key[key] for key in SHOWN if key in by_key]

    @property
    def share(self) -> float:
        """Test rows over training rows."""
        return 1 / (self.folds - 1)

    def values(self, peer: str, key: str) -> list[float]:
        """A score a fold; nan where the fit failed."""
        found = [(record["scores"] or {}).get(key) for record in self.records[self.peers.index(peer)]]
        return [math.nan if value is None else value for value in found]

    def estimate(self, peer: str, key: str) -> Estimate:
        return mean_interval(self.values(peer, key), test_share=self.share)

    def seconds(self, peer: str) -> float:
        return float(np.mean([record["seconds"] for record in self.records[self.peers.index(peer)]]))

    def failures(self, peer: str) -> list[str]:
        return [record["reason"] for record in self.records[self.peers.index(peer)] if record["scores"] is None]


def standings(records: Sequence[Record], peers: Sequence[str]) -> list[Standing]:
    """The tables on which every peer has a fold in common."""
    found = []
    for table in sorted({record["table"] for record in records}):
        own = {(record["peer"], record["fold"]): record for record in records if record["table"] == table}
        folds = sorted({fold for _, fold in own if all((peer, fold) in own for peer in peers)})
        if folds:
            kinds = [record["kind"] for record in own.values() if record["kind"]]
            rows = [[own[peer, fold] for fold in folds] for peer in peers]
            cut = next(iter(own.values()))["folds"]
            found.append(Standing(table, kinds[0] if kinds else "regression", cut, tuple(peers), rows))
    return found


def ranks(standing: Standing, key: str) -> list[float]:
    """Ranks by the mean over folds, 1 the best; whoever failed on a fold comes last, equals share a rank."""
    metric = next(metric for metric in standing.metrics if metric.key == key)
    means = np.array([standing.estimate(peer, key).value for peer in standing.peers])
    losses = -means if metric.higher_is_better else means
    return list(map(float, rankdata(np.where(np.isfinite(losses), losses, np.inf))))


def mean_ranks(found: Sequence[Standing], key: str | None) -> dict[str, Estimate]:
    """Each peer's mean rank with an interval over tables; by each table's first metric where no key is given."""
    told = [s for s in found if key is None or key in {metric.key for metric in s.metrics}]
    if not told:
        return {}
    every = np.array([ranks(standing, key or FIRST[standing.kind]) for standing in told])
    estimates = [mean_interval(own) for own in every.T]
    return {peer: _within(e, 1.0, every.shape[1]) for peer, e in zip(told[0].peers, estimates, strict=True)}


def _within(estimate: Estimate, least: float, most: float) -> Estimate:
    """No rank lies beyond the first and the last."""
    return Estimate(estimate.value, *(float(np.clip(end, least, most)) for end in (estimate.low, estimate.high)))


def beside(standing: Standing, ours: str, peer: str) -> int:
    """1 where we are better than a peer by the first metric, -1 where worse, 0 where the interval can't tell.

    Whoever fails where the other doesn't is worse.
    """
    key = FIRST[standing.kind]
    we_failed, they_failed = bool(standing.failures(ours)), bool(standing.failures(peer))
    if we_failed or they_failed:
        return int(they_failed) - int(we_failed)
    gain = paired_interval(standing.values(peer, key), standing.values(ours, key), test_share=standing.share)
    return int(gain.low > 0) - int(gain.high < 0)
