"""Vectors without a model: texts that share words and parts of words lie near each other. Pure.

Every word and every three letters in a row of one are hashed to a dimension and a sign; the vector is normalised.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

WORD = re.compile(r"\w+")
PART_LENGTH = 3
PART_WEIGHT = 0.35
"""Of a part beside a word: enough for "lighthouse" to be near "lighthouses"."""
SHORT_WORD_WEIGHT = 0.2
"""Of words up to three letters, which are in every text."""
KEPT_FEATURES = 100_000


def vector_of(text: str, model: str, dimensions: int) -> list[float]:
    """A vector of length 1; another model has another space. A text without words gives the first unit vector."""
    vector = [0.0] * dimensions
    for (feature, weight), count in Counter(_features(text)).items():
        place, sign = _place(model, feature)
        vector[place % dimensions] += sign * weight * (1 + math.log(count))
    length = math.sqrt(sum(value * value for value in vector))
    if length == 0:
        return [1.0, *vector[1:]]
    return [value / length for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    """Words and their parts, each with its weight."""
    for word in WORD.findall(text.lower()):
        if len(word) <= PART_LENGTH:
            yield word, SHORT_WORD_WEIGHT
            continue
        yield word, 1.0
        framed = f"^{word}$"
        for start in range(len(framed) - PART_LENGTH + 1):
            yield framed[start : start + PART_LENGTH], PART_WEIGHT


@lru_cache(KEPT_FEATURES)
def _place(model: str, feature: str) -> tuple[int, int]:
    digest = hashlib.blake2b(feature.encode(errors="surrogatepass"), digest_size=8, key=model.encode()[:64]).digest()
    return int.from_bytes(digest[:7], "big"), 1 if digest[7] & 1 else -1
