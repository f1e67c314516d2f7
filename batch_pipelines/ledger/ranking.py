"""How well passages fit a query: BM25 over the passages of one project, and which words of a query tell most."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TELLING_WORDS = 16
"""Words of a query that are looked for; a whole item's text may be a query."""
MOST_WORDS = 500
"""Different words of a query that are looked up at all: those that it says most often."""
ENOUGH_PASSAGES = 2_000
"""Passages that are looked at for a query; the commonest of its words bring no more where the others bring so many."""
SATURATION = 1.2
"""BM25's k1: how soon saying a word again stops to matter."""
LENGTH_SHARE = 0.75
"""BM25's b: how much a long passage must say a word more often than a short one."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is searched through."""

    passages: int
    words: int
    """Of all passages together."""

    @property
    def mean_words(self) -> float:
        """Of a passage; 1 where there is none."""
        return self.words / self.passages if self.passages and self.words else 1.0


def most_said(words: Iterable[str]) -> dict[str, int]:
    """How often a query says each word, for the words that it says most often; the first of equals win."""
    return dict(Counter(words).most_common(MOST_WORDS))


def telling(said: Mapping[str, int], passages_with: Mapping[str, int], passages: int) -> dict[str, float]:
    """The words of a query that tell most, with their weights, the heaviest first.

    A word weighs the more the fewer passages have it (`passages_with`) and the more often the query says it. Words
    that no passage has are left out.
    """
    weights = {
        word: _rarity(passages_with[word], passages) * _meant(count)
        for word, count in said.items()
        if passages_with.get(word, 0) > 0
    }
    heaviest = sorted(weights.items(), key=lambda entry: (-entry[1], entry[0]))
    return dict(heaviest[:TELLING_WORDS])


def _meant(count: int) -> float:
    """From 1 for a word that a query says once towards 2: a long text says `the` a thousand times and means nothing."""
    return 2 * count / (count + 1)


def needed(words: Iterable[str], passages_with: Mapping[str, int]) -> list[str]:
    """Those words of which a passage must have one: the rarest, until they bring enough passages.

    A passage that has only the others, which half of all passages have, is hardly ever among the best.
    """
    found: list[str] = []
    brought = 0
    for word in sorted(words, key=lambda word: (passages_with[word], word)):
        if brought >= ENOUGH_PASSAGES:
            break
        found.append(word)
        brought += passages_with[word]
    return found


def _rarity(having: int, passages: int) -> float:
    """Never negative, unlike the original, as every word that fits is a reason for a passage."""
    return math.log(1 + max(passages - having + 0.5, 0.5) / (having + 0.5))


def fit(weights: Mapping[str, float], words: Counter[str], mean_words: float) -> float:
    """BM25 of a passage with these words for a query with these weights; 0 where it has none of them."""
    length = words.total() / mean_words
    slack = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * length)
    return sum(
        weight * words[word] * (SATURATION + 1) / (words[word] + slack)
        for word, weight in weights.items()
        if word in words
    )
