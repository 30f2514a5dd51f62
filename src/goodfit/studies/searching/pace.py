"""How much a search can train in the time that is left."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

SHARE_OF_SEARCHING = 0.75
SHARE_OF_ABLATION = 0.92
"""When, of all the time granted, the search and the ablation end; the rest is for choosing, scoring and writing."""
ENDING = 2.0
"""How long the end takes on large tables, by what the beginning took."""
FIRST = 0.08
"""By when the first trials end, so that there is a model to go on with."""
LONGEST, STRETCHED = 0.3, 0.5
"""Of the search, the most that a batch may take: Optuna learns between batches; and where it must be cut short."""
LEAST_TRIALS, FEWEST_TRIALS = 12, 2
"""A shape of which a search has no time for so many trials is too large for it; and if numbers are in pieces."""
NOMINAL = 1e10
"""Multiplications a second, before any were timed."""
SAVED = 0.6
"""What is left of a batch's work when half of its trials are dropped twice, or of a small one's by early stopping."""
SAFE = 0.8
"""Of the time left, what is planned for where all must end in it."""
FEWEST = 4
"""Epochs of any training."""
SHORTEST = 0.25
"""Of the longest training, what a batch trains at least."""


@dataclass
class Pace:
    """A search's clock.

    Args:
        budget: seconds granted.
        spent: seconds used by a search that this one goes on with.
        started: `time.monotonic()` of its beginning.
        rate: multiplications a second, as far as is known.
        timed: whether that was measured.
        made: `time.monotonic()` when this clock was made: all is loaded and read, nothing split or encoded.
        beginning: seconds from then to the first training.
    """

    budget: float
    spent: float = 0.0
    started: float = field(default_factory=time.monotonic)
    rate: float = NOMINAL
    timed: bool = False
    made: float = field(default_factory=time.monotonic)
    beginning: float = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds used so far."""
        return self.spent + time.monotonic() - self.started

    def until(self, share: float) -> float:
        """`time.monotonic()` at which a share of the budget is used.

        Choosing, scoring and writing go over the same rows as the beginning, and take up to `ENDING` times as long:
        where that is more than what is left for them, all shares end earlier.
        """
        reserved = max(0.0, ENDING * self.beginning - (1 - SHARE_OF_ABLATION) * self.budget)
        return self.started - self.spent + share * self.budget - reserved

    def left(self, share: float) -> float:
        """Seconds until then, below 0 after it."""
        return self.until(share) - time.monotonic()

    def begin(self) -> None:
        """Take it that the first training begins now."""
        self.beginning = self.beginning or time.monotonic() - self.made

    def learn(self, work: float, seconds: float) -> None:
        """Take a batch's speed into account, the last one's most."""
        speed = work / max(seconds, 1e-3)
        self.rate = 0.5 * (self.rate + speed) if self.timed else speed
        self.timed = True

    def suits(self, work_a_trial: float, trials: int = LEAST_TRIALS) -> bool:
        """Whether a search of this length has time for so many trials of so much work."""
        return work_a_trial * trials * SAVED <= SHARE_OF_SEARCHING * self.budget * self.rate

    def first(self, work_an_epoch: float, most_trials: int, max_epochs: int) -> tuple[int, int]:
        """Trials and epochs of the first batch, given the work of a trial's epoch, so that it ends by `FIRST`.

        No trials, and the epochs of one, where there is no time for any.
        """
        possible = FIRST * self.budget * self.rate / work_an_epoch
        trials = int(min(possible / FEWEST, most_trials))
        return trials, int(min(max(possible / max(trials, 1), FEWEST), max_epochs))

    def within(self, share: float, work: float) -> float:
        """How often so much work fits into the time until a share of the budget is used."""
        return SAFE * max(self.left(share), 0.0) * self.rate / work

    def affordable(self, work_a_trial: float, most_trials: int, max_epochs: int) -> tuple[int, int]:
        """Trials and epochs of the next batch, given the work of a trial of `max_epochs` epochs.

        A batch too long for its share of the time gets fewer trials, down to a quarter, then a larger share, then
        shorter trainings, down to `SHORTEST`, then fewer trials still, down to one. None if little of even that fits
        into the rest of the time.
        """
        searching, fewest = SHARE_OF_SEARCHING * self.budget, max(1, most_trials // 4)
        left, a_trial = self.left(SHARE_OF_SEARCHING), work_a_trial * SAVED / self.rate
        share = max(LONGEST * searching, min(STRETCHED * searching, fewest * a_trial))
        possible = min(share, left) / a_trial
        trials = int(min(most_trials, max(possible, fewest)))
        trials = min(trials, max(1, int(possible / SHORTEST)))
        shortening = min(1.0, possible / trials)
        if shortening < SHORTEST / 2 and left < LONGEST * self.budget:
            return 0, 0
        return trials, max(1, round(max_epochs * max(shortening, SHORTEST)))
