"""Token buckets that keep every window of a minute under its limit. Pure; `limits` loads and stores.

A bucket holds at most its capacity C and fills at a rate r per second. Whatever a window of W seconds takes was either
in the bucket at its start or came in meanwhile: at most C + W r. Amounts are whole numbers, so this is at most the
limit L as long as C + W r < L + 1; hence r = (L + 1 - C) / W, a little less. A small capacity lets calls flow evenly at
nearly the whole limit; it must still hold the largest single amount, and grows to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

from batch_pipelines.domain.errors import InvalidInput

WINDOW_SECONDS = 60.5
"""Half a second over the minute that a limit speaks of: calls may reach the provider closer together than they left."""
BURST_SHARE = 1 / 120
"""Part of the limit that a bucket starts with and keeps for bursts: half a second's worth."""
_MARGIN = 0.01
"""Far more than rounding errors of floats add up to, and far less than one request or token."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit's state, as it was after something was last taken."""

    capacity: float
    level: float
    """Below zero where calls used more than they had taken; what comes in pays that first."""
    updated_at: datetime


def rate(limit: int, capacity: float) -> float:
    """Units per second that come in."""
    return (limit + 1 - _MARGIN - capacity) / WINDOW_SECONDS


def filled(bucket: Bucket, limit: int, amount: int, now: datetime) -> Bucket:
    """The bucket as somebody finds it who wants `amount`, at most `limit`, out of it now."""
    # Clocks of two machines may disagree; time never runs backwards here.
    idle = max(0.0, (now - bucket.updated_at).total_seconds())
    least = max(1.0, limit * BURST_SHARE, amount)
    if idle >= WINDOW_SECONDS:
        # Nothing was taken within any window that ends later, so the bucket may forget how it was; its debts stay.
        capacity = min(least, limit)
        level = min(capacity, min(bucket.level, 0.0) + rate(limit, 1.0) * idle)
    else:
        capacity = min(max(least, bucket.capacity), limit)
        level = min(capacity, bucket.level + rate(limit, capacity) * idle)
    return Bucket(capacity, level, max(now, bucket.updated_at))


def seconds_until(bucket: Bucket, limit: int, amount: int, now: datetime) -> float:
    """After how long to ask for `amount` again, in whole milliseconds; 0 where it can be taken now.

    Raises InvalidInput for an amount that no minute can hold.
    """
    if amount > limit:
        raise InvalidInput(
            "amount", amount, f"is more than the limit of {limit} a minute", "make the call smaller, or raise the limit"
        )
    found = filled(bucket, limit, amount, now)
    if found.level >= amount:
        return 0.0
    by_filling = (amount - found.level) / rate(limit, found.capacity)
    by_rest = WINDOW_SECONDS - (now - bucket.updated_at).total_seconds()
    return math.ceil(1000 * (min(by_filling, by_rest) if by_rest > 0 else by_filling)) / 1000


def taken(bucket: Bucket, limit: int, amount: int, now: datetime) -> Bucket:
    """The bucket after `amount` was taken, where `seconds_until` was 0."""
    found = filled(bucket, limit, amount, now)
    return replace(found, level=found.level - amount)
