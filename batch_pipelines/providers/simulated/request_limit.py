"""Limits per minute, as the provider enforces them: buckets that refill evenly."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.usage import Usage

ROUNDED_TO = 1000
"""Remaining tokens are told in whole thousands."""
HEADER_NAMES = {
    LimitKind.REQUESTS: "requests",
    LimitKind.INPUT_TOKENS: "input-tokens",
    LimitKind.OUTPUT_TOKENS: "output-tokens",
}


class Admission(NamedTuple):
    """Whether a request may pass, and what its headers say."""

    admitted: bool
    remaining: int
    """What would pass right now, in whole units; never below zero."""
    full_after_seconds: float
    retry_after_seconds: int
    """Whole seconds until the request passes; 0 when it did."""


class LimitBucket:
    """Lets `size` units through at once, a minute's worth by default, and then `per_minute` a minute, evenly."""

    def __init__(self, per_minute: int, now: float, size: float | None = None) -> None:
        self.per_minute = per_minute
        self._size = float(per_minute) if size is None else size
        self._left = self._size
        self._at = now

    def look(self, now: float, needed: float = 1) -> Admission:
        """Whether `needed` units are there; more than the bucket holds needs a full one. `now` never runs back."""
        self._fill(now)
        missing = min(needed, self._size) - self._left
        per_second = self.per_minute / 60
        return Admission(
            admitted=missing <= 0,
            remaining=max(0, int(self._left)),
            full_after_seconds=(self._size - self._left) / per_second,
            retry_after_seconds=math.ceil(max(0.0, missing) / per_second),
        )

    def charge(self, amount: float, now: float) -> None:
        """Take units out, or put them back where `amount` is below zero; may leave less than nothing."""
        self._fill(now)
        self._left = min(self._size, self._left - amount)

    def admit(self, now: float) -> Admission:
        """Take one unit out of the bucket if there is one, and tell what is left then."""
        looked = self.look(now)
        if not looked.admitted:
            return looked
        self.charge(1, now)
        return self.look(now)._replace(admitted=True)

    def _fill(self, now: float) -> None:
        self._left = min(self._size, self._left + (now - self._at) * self.per_minute / 60)
        self._at = now


class RequestLimits:
    """All limits of one provider; `per_minute` names those that there are, `burst_seconds` sizes their buckets.

    Without `burst_seconds` a bucket holds a whole minute. Input is charged as it is expected when a request comes and
    corrected when it is answered, output when it was produced, as the real server does.
    """

    def __init__(self, per_minute: Mapping[LimitKind, int], burst_seconds: float | None, now: float) -> None:
        self._buckets = {
            kind: LimitBucket(limit, now, None if burst_seconds is None else max(1.0, limit * burst_seconds / 60))
            for kind, limit in per_minute.items()
        }

    def admit(self, input_tokens: int, now: float) -> dict[LimitKind, Admission]:
        """What each limit says to a request of so much input; it was let in, and charged, when all of them admit it."""
        needed = {LimitKind.REQUESTS: 1, LimitKind.INPUT_TOKENS: input_tokens, LimitKind.OUTPUT_TOKENS: 1}
        looked = {kind: bucket.look(now, needed[kind]) for kind, bucket in self._buckets.items()}
        if not all(admission.admitted for admission in looked.values()):
            return looked
        for kind in (LimitKind.REQUESTS, LimitKind.INPUT_TOKENS):
            if kind in self._buckets:
                self._buckets[kind].charge(needed[kind], now)
        return {kind: bucket.look(now)._replace(admitted=True) for kind, bucket in self._buckets.items()}

    def settle(self, input_tokens: int, usage: Usage | None, now: float) -> None:
        """A request that was let in with so much input ended; `usage` None: the model did nothing for it."""
        counted = usage.input_tokens + usage.cache_creation_input_tokens if usage else 0
        corrections = {
            LimitKind.INPUT_TOKENS: counted - input_tokens,
            LimitKind.OUTPUT_TOKENS: usage.output_tokens if usage else 0,
        }
        for kind, correction in corrections.items():
            if kind in self._buckets:
                self._buckets[kind].charge(correction, now)

    def headers(self, admissions: Mapping[LimitKind, Admission], now: datetime) -> dict[str, str]:
        """The headers that tell a client about its limits."""
        told = {}
        for kind, admission in admissions.items():
            name = f"anthropic-ratelimit-{HEADER_NAMES[kind]}"
            remaining = admission.remaining
            if kind is not LimitKind.REQUESTS:
                remaining = (remaining + ROUNDED_TO // 2) // ROUNDED_TO * ROUNDED_TO
            full_at = now + timedelta(seconds=admission.full_after_seconds)
            told[f"{name}-limit"] = str(self._buckets[kind].per_minute)
            told[f"{name}-remaining"] = str(remaining)
            told[f"{name}-reset"] = full_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return told
