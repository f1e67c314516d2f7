"""A limit of requests per minute, as the provider enforces it: a bucket that refills evenly."""

from __future__ import annotations

import math
from typing import NamedTuple


class Admission(NamedTuple):
    """Whether a request may pass, and what its headers say."""

    admitted: bool
    remaining: int
    """Requests that would pass right now."""
    full_after_seconds: float
    retry_after_seconds: int
    """Whole seconds until one request passes; 0 when one would now."""


class RequestLimit:
    """Lets `per_minute` requests through at once, then one every 60 / `per_minute` seconds."""

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._left = float(per_minute)
        self._at = now

    def admit(self, now: float) -> Admission:
        """Take one request out of the bucket if there is one; `now` is in seconds and never runs back."""
        per_second = self.per_minute / 60
        self._left = min(self.per_minute, self._left + (now - self._at) * per_second)
        self._at = now
        admitted = self._left >= 1
        self._left -= 1 if admitted else 0
        missing = max(0.0, 1 - self._left)
        return Admission(
            admitted=admitted,
            remaining=int(self._left),
            full_after_seconds=(self.per_minute - self._left) / per_second,
            retry_after_seconds=math.ceil(missing / per_second),
        )
