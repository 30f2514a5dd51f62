"""Texts -> n-gram features: which words there are, and how much each says, learned from training texts only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import CountVectorizer

MOST_TERMS = 4096
"""Terms with an input of their own: the commonest, of equally common ones single words before pairs."""
SCALE = 8.0
"""Length of a text's row of inputs: about that of as many standardized numbers as a text has words."""
_SETTINGS: dict[str, Any] = {"ngram_range": (1, 2), "lowercase": True, "token_pattern": r"(?u)\b\w+\b|[!?]+|[^\w\s.,;]"}


@dataclass(frozen=True)
class Vocabulary:
    """The terms (words, pairs of words, marks) that texts are described by.

    Args:
        terms: T of them, commonest first.
        weights: `(T,)` inverse document frequency, log((1 + n) / (1 + n_t)) + 1 for n texts, n_t with the term.
    """

    terms: tuple[str, ...]
    weights: tuple[float, ...]

    def transform(self, texts: Sequence[str], dtype: type[np.floating[Any]] = np.float32) -> npt.NDArray[Any]:
        """Describe texts: `(n, T)`, (1 + log count) times weight, each row brought to length `SCALE`.

        Example:
            >>> fit_vocabulary([["good"], ["good good"]]).transform(["good", "?"]).tolist()
            [[8.0, 0.0], [0.0, 0.0]]
        """
        if not self.terms:
            return np.zeros((len(texts), 0), dtype=dtype)
        vectorizer = CountVectorizer(**_SETTINGS, vocabulary={term: place for place, term in enumerate(self.terms)})
        counts = vectorizer.transform(texts).astype(np.float64)
        counts.data = (1.0 + np.log(counts.data)) * np.asarray(self.weights)[counts.indices]
        lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
        scale = np.divide(SCALE, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        counts.data *= np.repeat(scale, np.diff(counts.indptr))
        return np.asarray(counts.astype(dtype).toarray())

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, for JSON; floats come back bit for bit."""
        return {"terms": list(self.terms), "weights": list(self.weights)}

    @staticmethod
    def from_dict(state: Mapping[str, Any]) -> Vocabulary:
        """The inverse of `to_dict`."""
        return Vocabulary(tuple(state["terms"]), tuple(state["weights"]))


def fit_vocabulary(texts: Sequence[Sequence[str]], most: int = MOST_TERMS) -> Vocabulary:
    """The commonest terms of training texts, and their weights.

    Args:
        texts: a training text each, with its variants: a term counts once for all of them.
        most: terms at most, 0 or more.

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988.
    """
    analyze = CountVectorizer(**_SETTINGS).build_analyzer()
    having: Counter[str] = Counter()
    for versions in texts:
        having.update({term for text in dict.fromkeys(versions) for term in analyze(text)})
    common = sorted(having, key=lambda t: (-having[t], " " in t, t))
    kept = tuple(common[:most])
    weights = np.log((1 + len(texts)) / (1 + np.array([having[term] for term in kept], dtype=np.float64))) + 1.0
    return Vocabulary(kept, tuple(weights.tolist()))
