"""Token buckets that are shared by lending out of them. Pure; `limits` loads and stores.

Processes hold units for a moment, so that they need not ask for every call. What is held counts as if it were still
in the bucket: level and holdings together never exceed the capacity C, and r units come in per second. So what is used
in W seconds was in the bucket or held at their start, or came in meanwhile: at most C + W r, whoever dies or gives
back. Amounts are whole, so this is at most the limit L as long as C + W r < L + 1; hence r = (L + 1 - C) / W, a little
less. A small capacity lets calls flow evenly at nearly the whole limit; it must hold the largest amount, and grows to
it.

What comes in within a moment is lent ahead, and may be used when it is there: then calls flow evenly however seldom
processes ask.

A limit that only the provider told is its own to keep. There the bucket copies the provider's: a capacity of the most
that headers showed remaining, a rate of L a minute, and a reserve that is never lent, as calls arrive less evenly than
they left.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

HOLDING_SECONDS = 0.4
"""How long a process may use what it holds without asking again."""
AHEAD_SECONDS = 0.25
"""What comes in within this time is lent already; longer than between two questions of one process."""
GONE_SECONDS = 1.0
"""After this without a word what a process held counts as used: longer, as clocks of machines differ."""
WINDOW_SECONDS = 60.3
"""A little over the minute that a limit speaks of: calls may reach the provider closer together than they left."""
REST_SECONDS = WINDOW_SECONDS + GONE_SECONDS
"""After this without a holding, no window that ends later has any use in it, and a bucket may forget how it was."""
BURST_SHARE = 1 / 120
"""Part of the limit that a bucket has room for beyond the largest amount: half a second's worth."""
UNEVEN_SECONDS = 0.05
"""How much closer together calls may reach the provider than they left."""
DISTANCE_SECONDS = 0.02
"""How much further apart calls keep where a provider allows no burst at all."""
_MARGIN = 0.01
"""Far more than rounding errors of floats add up to, and far less than one request or token."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Units per minute, and who says so."""

    per_minute: int
    is_set: bool
    """Whether it is ours to keep in every window of a minute; otherwise the provider told it."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One limit's state, as it was after something was last lent."""

    capacity: float
    level: float
    """Without what is held. Below zero where calls used more than they had taken; what comes in pays that first."""
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """What a process wants to hold from now on, together with what it still has."""

    least: float
    """What its next call needs; 0 where none waits."""
    most: float
    """What it could use in a moment."""
    held: float
    """What it has and did not use."""
    kept: float = 0.0
    """The part of that which it may be using while it asks; this much is never taken back."""


def rate(limit: Limit, capacity: float) -> float:
    """Units per second that come in."""
    if limit.is_set:
        return (limit.per_minute + 1 - _MARGIN - capacity) / WINDOW_SECONDS
    per_second = limit.per_minute / 60
    # Where nothing ever remains no burst is allowed, and two calls that arrive too close are one too many.
    return per_second if capacity >= 1 else per_second / (1 + per_second * DISTANCE_SECONDS)


def reserve(limit: Limit, capacity: float) -> float:
    """What is never lent: nothing of a limit of ours, of a provider's what calls need that arrive unevenly.

    One unit at least where it allows bursts; where it does not, little enough that headers can still agree.
    """
    if limit.is_set:
        return 0.0
    uneven = min(limit.per_minute / 60 * UNEVEN_SECONDS, max(0.5, capacity / 4))
    return max(uneven, min(1.0, capacity / 4))


def most_at_once(limit: Limit, bucket: Bucket) -> float:
    """The largest amount that can ever be held; a larger call waits for that and then goes."""
    if limit.is_set:
        return float(limit.per_minute)
    return float(math.floor(_room(limit, bucket.capacity) - reserve(limit, bucket.capacity)))


def filled(bucket: Bucket, limit: Limit, amount: float, lent: float, now: datetime) -> Bucket:
    """The bucket as somebody finds it who wants to hold `amount`, while `lent` is held by all."""
    # Clocks of two machines may disagree; time never runs backwards here, but one far ahead must not stop the others.
    ahead = (bucket.updated_at - now).total_seconds()
    since = now if ahead >= REST_SECONDS else bucket.updated_at
    idle = max(0.0, (now - since).total_seconds())
    level, capacity = bucket.level, bucket.capacity
    if limit.is_set:
        is_rested = idle >= REST_SECONDS
        capacity = max(_least_capacity(limit, amount), lent, 0.0 if is_rested else capacity)
        capacity = min(capacity, limit.per_minute)
        if is_rested:
            # Only debts are left of what was.
            level = min(level, 0.0) + rate(limit, 1.0) * idle - rate(limit, capacity) * idle
    level += rate(limit, capacity) * idle
    return Bucket(capacity, min(level, max(0.0, _room(limit, capacity) - lent)), max(now, since))


def seconds_until(bucket: Bucket, limit: Limit, wish: Wish, lent: float, now: datetime) -> float:
    """After how long to ask again for the least of a wish, in whole milliseconds; 0 where it can be held now."""
    found = filled(bucket, limit, wish.least, lent, now)
    missing = wish.least - _to_lend(found, limit, wish)
    if missing <= 0 or wish.least <= 0:
        return 0.0
    seconds = missing / rate(limit, found.capacity)
    resting = REST_SECONDS - (now - bucket.updated_at).total_seconds()
    if limit.is_set and resting > 0:
        seconds = min(seconds, resting)
    return max(1, math.ceil(1000 * seconds)) / 1000


def holding(bucket: Bucket, limit: Limit, wish: Wish, lent: float, now: datetime) -> float:
    """What a process holds from now on, in whole units, where the least of its wish is there."""
    found = filled(bucket, limit, wish.least, lent, now)
    return float(max(wish.kept, math.floor(min(wish.most, _to_lend(found, limit, wish)))))


def after(bucket: Bucket, limit: Limit, wish: Wish, holds: float, lent: float, now: datetime) -> Bucket:
    """The bucket once a process that had `wish.held` holds `holds`."""
    found = filled(bucket, limit, wish.least, lent, now)
    return replace(found, level=found.level + wish.held - holds)


def coming(bucket: Bucket, limit: Limit) -> float:
    """How much of what is held may not be used yet, because it has to come in first at the bucket's rate."""
    return max(0.0, reserve(limit, bucket.capacity) - bucket.level)


def _to_lend(found: Bucket, limit: Limit, wish: Wish) -> float:
    """What there is for a process, with what it has and what comes in soon."""
    soon = rate(limit, found.capacity) * AHEAD_SECONDS
    return found.level + soon + wish.held - reserve(limit, found.capacity)


def _least_capacity(limit: Limit, amount: float) -> float:
    """Room for `amount`, and for what comes in until somebody asks again."""
    return min(max(1.0, amount) + limit.per_minute * BURST_SHARE, limit.per_minute)


def _room(limit: Limit, capacity: float) -> float:
    """What level and holdings may come to; enough to ask ahead also where a provider never showed much remaining."""
    return capacity if limit.is_set else min(max(_least_capacity(limit, 1.0), capacity), limit.per_minute)
