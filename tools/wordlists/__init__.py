"""Lists of words written for the thesaurus by hand."""

from __future__ import annotations

from pathlib import Path


def lines(name: str) -> list[str]:
    """A list's lines, without its comments."""
    text = Path(__file__).with_name(f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]


def word_list(name: str) -> frozenset[str]:
    """A list as a set of words."""
    return frozenset(word for line in lines(name) for word in line.split())
