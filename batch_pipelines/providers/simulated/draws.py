"""Chance that repeats: what a request gets depends on the seed and the request alone."""

from __future__ import annotations

import hashlib
import math
import random


def generator(seed: int, purpose: str, key: bytes) -> random.Random:
    """A source of chance for one purpose of one request; `key` is a digest of the request."""
    digest = hashlib.blake2b(key, digest_size=8, salt=purpose.encode()[:16], person=str(seed).encode()[-16:])
    return random.Random(int.from_bytes(digest.digest(), "big"))


def spread(mean: int, share: float, source: random.Random) -> int:
    """A whole number within `share` around `mean`, evenly, at least 1."""
    return max(1, round(mean * (1 + share * source.uniform(-1, 1))))


def lognormal(mean: float, sigma: float, source: random.Random) -> float:
    """A draw from the lognormal distribution with this mean (not median) and shape; 0 for a mean of 0."""
    return math.exp(math.log(mean) - sigma**2 / 2 + sigma * source.gauss(0, 1)) if mean > 0 else 0.0
