"""`python -m fuzz [--seconds N] [TARGET ...]`: fuzzing guided by coverage, each target in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

LIMITS = ("-timeout=20", "-rss_limit_mb=4096", "-max_len=65536", "-print_final_stats=1")


def main() -> int:
    """Fuzz the targets one after the other; the exit status is 1 where one found a fault."""
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("targets", nargs="*", default=["recipe", "log", "table", "model", "header"])
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        fuzz(asked.targets[0], asked.seconds)
    commands = (
        [sys.executable, "-m", "fuzz", "--inside", name, "--seconds", str(asked.seconds)] for name in asked.targets
    )
    ended = [subprocess.run(command, check=False).returncode for command in commands]
    return int(any(ended))


def fuzz(name: str, seconds: int) -> None:
    """Fuzz one target in this process, which ends with it."""
    import atheris

    from fuzz.seeds import seeds
    from fuzz.targets import TARGETS
    from fuzz.tracing import functions

    for function in functions("goodfit"):
        atheris.instrument_func(function)
    with tempfile.TemporaryDirectory() as corpus:
        for place, content in enumerate(seeds()[name]):
            Path(corpus, str(place)).write_bytes(content)
        target = TARGETS[name]
        atheris.Setup([name, corpus, f"-max_total_time={seconds}", *LIMITS], target)
        atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
