"""Signals that end a command: the first lets it tidy up, a second one ends it at once, and both say so in a line."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Ctrl-C, being told to end, a terminal that is closed, and what Windows has instead."""
IMPORTS = "<frozen importlib._bootstrap>"
"""Where Python's own import is written."""
SHOW_CURSOR = "\x1b[?25h"
SAID = "interrupted; what was saved is kept, and the same command goes on from there"


class Stopped(KeyboardInterrupt):
    """A signal came; its number says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def status(self) -> int:
        """The exit status, as shells have it: 130 after Ctrl-C, 143 where it was told to end, 129 of a terminal."""
        return 128 + self.number


@dataclass
class Watch:
    """What came so far.

    Args:
        number: of the first signal; 0 before it.
    """

    number: int = 0

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Interrupt what is under way; what doesn't end by that is ended by the second signal.

        An import is ended at once: there is nothing to tidy, and torch's, interrupted, now and then aborts in C++.
        """
        if self.number or _importing(frame):
            end_at_once(number)
        self.number = number
        raise Stopped(number)

    def on_lost(self, lost: sys.UnraisableHookArgs) -> None:
        """An interruption where Python can't raise it, as while it clears something away: nobody else would hear it."""
        if isinstance(lost.exc_value, Stopped):
            end_at_once(lost.exc_value.number)
        sys.__unraisablehook__(lost)


@contextmanager
def watching() -> Iterator[Watch]:
    """Watch for signals until the program ends; what its caller ignores, as nohup does, stays ignored."""
    watch, known = Watch(), [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    taken = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    for number in taken:
        signal.signal(number, watch.on_signal)
    sys.unraisablehook = watch.on_lost
    try:
        yield watch
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_IGN)  # its status is known, and Python clears itself away


def _importing(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code.co_filename == IMPORTS:
            return True
        frame = frame.f_back
    return False


def end_at_once(number: int) -> None:
    """Without tidying up: all files are whole or not there, and locks go with the process."""
    with suppress(OSError):
        shown = SHOW_CURSOR if os.isatty(2) else ""
        os.write(2, f"{shown}goodfit: {SAID}\n".encode())
    os._exit(128 + number)
