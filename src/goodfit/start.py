"""Where the program begins: signals are watched for before anything is imported that takes its time."""

from __future__ import annotations

import sys

from goodfit.exits import say
from goodfit.stopping import SAID, Stopped, watching


def main() -> None:
    """Run the command line and exit with its status."""
    with watching() as watch:
        try:
            from goodfit.cli import main as run

            run()
        except Stopped as stop:
            say(f"goodfit: {SAID}")
            sys.exit(stop.status)
        except Exception:
            if not watch.number:
                raise
            say(f"goodfit: {SAID}")  # what libraries make of an interruption
            sys.exit(Stopped(watch.number).status)
