"""Apertium, a translator by rules, called as a program of its own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from goodfit.errors import InputError
from goodfit.texts.pieces import translated, without_marks

PAIRS = ("eng-spa", "eng-cat", "en-eo")
"""From English to Spanish, Catalan and Esperanto."""
SECONDS, SECONDS_A_SENTENCE = 60.0, 0.1
_PROBE = "This is a house."


@dataclass(frozen=True)
class Apertium:
    """Apertium there and back: a millisecond or two a sentence, no network, no model to load.

    Args:
        pair: the languages, English first, as Apertium names them: "eng-spa".

    Raises:
        InputError: when it is used: the program or a pair is missing, or it takes far too long.

    Note:
        Apertium is free software under the GPL; it runs as a process of its own, one each way for all texts together.

    Source:
        Forcada and others, "Apertium: a free/open-source platform for rule-based machine translation", Machine
        Translation 2011.
    """

    pair: str

    @property
    def name(self) -> str:
        """What its paraphrases are kept under."""
        return f"apertium {self.pair}"

    def round_trip(self, texts: Sequence[str]) -> list[str]:
        """Each text to the other language and back; what it can't translate stays as it is."""
        return translated(texts, self._there_and_back)

    def _there_and_back(self, sentences: list[str]) -> list[str | None]:
        back = "-".join(reversed(self.pair.split("-")))
        there = _through(self.pair, sentences)
        known = [sentence for sentence in there if sentence]
        returned = dict(zip(known, _through(back, known), strict=True))
        returns = [returned.get(sentence) if sentence else None for sentence in there]
        return [
            None if end is None else without_marks(end, start) for start, end in zip(sentences, returns, strict=True)
        ]


def installed_pairs() -> list[str]:
    """The pairs of `PAIRS` that this machine can translate both ways."""
    if shutil.which("apertium") is None:
        return []
    listed = subprocess.run(["apertium", "-l"], capture_output=True, text=True, check=False, timeout=SECONDS).stdout
    modes = set(listed.split())
    return [pair for pair in PAIRS if {pair, "-".join(reversed(pair.split("-")))} <= modes]


def _through(mode: str, sentences: list[str]) -> list[str | None]:
    """Each sentence translated, one line, or None; by halves where a sentence brings the program down."""
    found = _run(mode, sentences) if sentences else []
    if len(found) == len(sentences):
        return [" ".join(sentence.split()) or None for sentence in found]
    if len(sentences) == 1:
        return [None]
    if len(_run(mode, [_PROBE])) != 1:
        raise InputError(
            f"apertium translates nothing by {mode}: install it anew (Debian: apt-get install --reinstall)"
        )
    half = len(sentences) // 2
    return _through(mode, sentences[:half]) + _through(mode, sentences[half:])


def _run(mode: str, sentences: list[str]) -> list[str]:
    """What Apertium makes of sentences: as many if all went well. Blank lines keep it from joining two of them."""
    try:
        process = subprocess.Popen(
            ["apertium", "-u", mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        raise InputError(
            "apertium isn't installed: install it (Debian: apt-get install apertium apertium-eng-spa)"
        ) from None
    seconds = SECONDS + SECONDS_A_SENTENCE * len(sentences)
    try:
        written, _ = process.communicate("".join(f"{line}\n\n" for line in sentences).encode(), timeout=seconds)
    except BaseException as error:
        # it is a shell script with a chain of programs, of which kill() would leave all but the first
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise InputError(
                f"apertium took more than {seconds:.0f} s for {len(sentences)} sentences: give fewer texts, or leave "
                f"back_translation away"
            ) from None
        raise
    return written.decode(errors="replace").split("\n\n")[:-1]
