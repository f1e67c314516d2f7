"""What a process is lent out of the buckets of one scope, given what it says and what others hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.ledger.buckets import (
    Bucket,
    Limit,
    Wish,
    after,
    coming,
    filled,
    holding,
    most_at_once,
    rate,
    seconds_until,
)

NOTHING = Wish(least=0, most=0, held=0)


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider said about a limit."""

    per_minute: int
    highest: float
    """The most it ever showed remaining, which is what may be used at once."""
    remaining: float | None = None
    """As it should be now, what is under way taken off; None where that is known already."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one process wants and has to say about one kind."""

    wish: Wish = NOTHING
    charge: float = 0.0
    """What was used beyond what was taken; below zero, what was not used after all."""
    told: Told | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger keeps of one kind."""

    bucket: Bucket
    per_minute: int | None = None
    """The limit that the provider told; None while it did not."""


@dataclass(frozen=True, slots=True)
class Lent:
    """What is held out of one bucket."""

    own: float = 0.0
    others: float = 0.0
    gone: float = 0.0
    """By who was silent for too long. It counts as used from now on, but was held until now."""

    @property
    def total(self) -> float:
        """By everybody."""
        return self.own + self.others + self.gone


@dataclass(frozen=True, slots=True)
class Standing:
    """How one kind stands for the process that asked."""

    limit: Limit
    holds: float
    """What the process may use from now on, for `buckets.HOLDING_SECONDS`."""
    coming: float
    """The part of it that may be used only as it comes in, `per_second`; more than it where there are debts."""
    level: float
    lent_to_others: float
    per_second: float
    most_at_once: float
    """The largest amount that can be held; a larger call waits for that and then goes."""
    highest: float
    """The most that anybody saw remaining."""


@dataclass(frozen=True, slots=True)
class Loan:
    """What a process was lent; kinds without a limit are missing."""

    standings: Mapping[LimitKind, Standing]
    wait_seconds: float
    """After how long to ask again for what its next call needs; 0 where it has that."""
    blocked_seconds: float


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be stored of one kind."""

    entry: Entry
    holds: float


def lend(
    entries: Mapping[LimitKind, Entry],
    claims: Mapping[LimitKind, Claim],
    set_limits: Mapping[LimitKind, int],
    lent: Mapping[LimitKind, Lent],
    blocked_seconds: float,
    now: datetime,
) -> tuple[Loan, dict[LimitKind, Change]]:
    """Settle the claims, then lend all that the wishes need, or nothing of what is short; and what changes by that."""
    accounts = {}
    for kind, entry in entries.items():
        claim = claims.get(kind, Claim())
        limit = limit_of(entry, claim, set_limits.get(kind))
        if limit is not None:
            accounts[kind] = Account(entry, claim, limit, lent.get(kind, Lent()), now)
    waits = {kind: account.wait_seconds for kind, account in accounts.items()}
    wait = max(waits.values(), default=0.0)
    for kind, account in accounts.items():
        account.lend(is_granted=not wait and not blocked_seconds, is_short=waits[kind] > 0 or blocked_seconds > 0)
    loan = Loan(
        {kind: account.standing for kind, account in accounts.items()}, max(wait, blocked_seconds), blocked_seconds
    )
    return loan, {kind: account.change for kind, account in accounts.items() if account.is_changed}


def limit_of(entry: Entry, claim: Claim, ours: int | None) -> Limit | None:
    """The limit in force: ours, or the provider's where that is smaller or the only one; None without any."""
    told = claim.told.per_minute if claim.told else entry.per_minute
    if ours is not None:
        return Limit(ours if told is None else min(ours, told), is_set=True)
    return None if told is None else Limit(told, is_set=False)


class Account:
    """One bucket while one process asks for something out of it."""

    def __init__(self, entry: Entry, claim: Claim, limit: Limit, lent: Lent, now: datetime) -> None:
        self._entry = entry
        self._claim = claim
        self._limit = limit
        self._lent = lent
        self._now = now
        self._bucket = replace(entry.bucket, level=entry.bucket.level - claim.charge)
        if claim.told is not None:
            self._learn(claim.told)
        # What somebody held who was silent for too long counts as used.
        held = min(claim.wish.held, lent.own)
        self._wish = replace(claim.wish, held=held, least=min(claim.wish.least, most_at_once(limit, self._bucket)))
        self._holds = 0.0

    @property
    def wait_seconds(self) -> float:
        """After how long the least of the wish is there."""
        return seconds_until(self._bucket, self._limit, self._wish, self._lent.total, self._now)

    def lend(self, *, is_granted: bool, is_short: bool) -> None:
        """Decide what the process holds. Where something is short it keeps what suffices, and frees what does not.

        Kept, that would never let the bucket come to rest, and two could wait for each other's parts.
        """
        wish = self._wish
        if not is_granted:
            wish = replace(wish, most=0.0 if is_short else min(wish.most, wish.held))
        self._holds = holding(self._bucket, self._limit, wish, self._lent.total, self._now)
        if self._is_lent:
            self._bucket = after(self._bucket, self._limit, wish, self._holds, self._lent.total, self._now)

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to store."""
        return self._is_lent or self._bucket != self._entry.bucket or self._claim.told is not None

    @property
    def change(self) -> Change:
        """What is to be stored."""
        told = self._claim.told
        return Change(Entry(self._bucket, told.per_minute if told else self._entry.per_minute), self._holds)

    @property
    def standing(self) -> Standing:
        """As the process is told."""
        limit = self._limit
        bucket = filled(self._bucket, limit, 0, self._holds + self._lent.others, self._now)
        return Standing(
            limit=limit,
            holds=self._holds,
            coming=coming(bucket, limit),
            level=bucket.level,
            lent_to_others=self._lent.others,
            per_second=rate(limit, bucket.capacity),
            most_at_once=most_at_once(limit, bucket),
            highest=bucket.capacity,
        )

    @property
    def _is_lent(self) -> bool:
        """Whether what is held changes or is renewed, so that the bucket is filled up to now under what was held."""
        return bool(self._holds or self._lent.own or self._lent.gone)

    def _learn(self, told: Told) -> None:
        """The provider's own word is better than a copy that is fuller than it says; the first is all there is."""
        is_first = self._entry.per_minute is None
        if not self._limit.is_set:
            highest = told.highest if is_first else max(self._bucket.capacity, told.highest)
            self._bucket = replace(self._bucket, capacity=highest)
            if is_first and told.remaining is not None:
                self._bucket = Bucket(highest, told.remaining - self._lent.total, self._now)
                return
        if told.remaining is not None:
            found = filled(self._bucket, self._limit, 0, self._lent.total, self._now)
            self._bucket = replace(found, level=min(found.level, told.remaining - self._lent.total))
