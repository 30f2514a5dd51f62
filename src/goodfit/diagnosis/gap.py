"""How far the held-out loss lies above the training loss."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.evidence import Evidence
from goodfit.statistics import Estimate, mean_interval


def gap_of(evidence: Evidence) -> Estimate | None:
    """1 - training loss / held-out loss of the network that is asked about, over its networks; None without losses.

    Both losses are those of the epoch that a network is kept from, in inference mode on rows as they are.
    """
    kept = [result for result in evidence.asked.results if not result.failed]
    losses = np.array([(r.history.train[r.best_epoch - 1], r.history.validation[r.best_epoch - 1]) for r in kept])
    if len(kept) < 2 or not np.isfinite(losses).all() or not (losses[:, 1] > 0).all():
        return None
    share = len(kept[0].run.validation) / max(len(kept[0].run.train), 1)
    return mean_interval(1 - losses[:, 0] / losses[:, 1], test_share=share)
