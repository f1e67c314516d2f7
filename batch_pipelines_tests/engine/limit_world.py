"""Several processes that share limits over simulated time: everything real but ledger, network and clock."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.scope_limits import ScopeLimits
from batch_pipelines.ledger.accounts import Claim, Entry, Lent, Loan, lend
from batch_pipelines.ledger.buckets import GONE_SECONDS, Bucket
from batch_pipelines.providers.simulated.request_limit import LimitBucket
from batch_pipelines_tests.clock import after

SMALL = TokenProfile(input_tokens=1, output_tokens=1)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class MemoryBuckets:
    """What `RateLimits` keeps in the database, of one scope."""

    def __init__(self) -> None:
        self.entries: dict[LimitKind, Entry] = {}
        self.held: dict[tuple[LimitKind, str], tuple[float, datetime]] = {}

    def borrow(
        self, holder: str, claims: Mapping[LimitKind, Claim], set_limits: Mapping[LimitKind, int], now: datetime
    ) -> Loan:
        """As `RateLimits.borrow`, without blocks."""
        for kind in {*set_limits, *(kind for kind, claim in claims.items() if claim.told)}:
            self.entries.setdefault(kind, Entry(Bucket(0.0, 0.0, NEVER)))
        loan, changes = lend(self.entries, claims, set_limits, self._lent(holder, now), 0.0, now)
        for kind, change in changes.items():
            self.entries[kind] = change.entry
            self.held[kind, holder] = change.holds, now
        return loan

    def _lent(self, holder: str, now: datetime) -> dict[LimitKind, Lent]:
        lent: dict[LimitKind, Lent] = {}
        for (kind, who), (amount, at) in self.held.items():
            so_far = lent.get(kind, Lent())
            if (now - at).total_seconds() >= GONE_SECONDS:
                lent[kind] = replace(so_far, gone=so_far.gone + amount)
            elif who == holder:
                lent[kind] = replace(so_far, own=amount)
            else:
                lent[kind] = replace(so_far, others=so_far.others + amount)
        self.held = {
            key: (amount, at) for key, (amount, at) in self.held.items() if (now - at).total_seconds() < GONE_SECONDS
        }
        return lent


class Process:
    """One process: its limits, and the exchange with the ledger that is under way."""

    def __init__(self, name: str, buckets: MemoryBuckets, set_limits: Mapping[LimitKind, int], now: float) -> None:
        self.name = name
        self.set_limits = set_limits
        self.limits = ScopeLimits(set_limits, now)
        self._buckets = buckets
        self._exchange: tuple[dict[LimitKind, Claim], Loan] | None = None
        self.look(now)

    def ask(self, now: float) -> None:
        """Claims reach the ledger; the answer is still on its way."""
        if self._exchange is None:
            claims = self.limits.claims(now)
            self._exchange = claims, self._buckets.borrow(self.name, claims, self.set_limits, after(now))

    def hear(self, now: float) -> None:
        """The answer arrives."""
        if self._exchange is not None:
            self.limits.lent(*self._exchange, now)
            self._exchange = None

    def look(self, now: float) -> None:
        """Learn what others were told."""
        told = {kind: entry.per_minute for kind, entry in self._buckets.entries.items()}
        self.limits.learn({kind: limit for kind, limit in told.items() if limit is not None}, 0.0, now)


class Clockwork:
    """Simulated time: what is to happen when."""

    def __init__(self) -> None:
        self.now = 0.0
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        heapq.heappush(self._events, (seconds, next(self._numbers), happens))

    def run(self, until: float) -> None:
        """Let everything happen up to a moment, or until nothing is left."""
        while self._events and self._events[0][0] <= until:
            self.now, _, happens = heapq.heappop(self._events)
            happens()


class Server:
    """A provider with a limit of requests, over a network that takes a moment; `tells` whether by headers."""

    def __init__(self, per_minute: int, burst: float, *, tells: bool) -> None:
        self._bucket = LimitBucket(per_minute, 0.0, burst)
        self._tells = tells
        self.passed = 0
        self.refused = 0

    def ask(self, now: float) -> tuple[float | None, tuple[LimitReading, ...]]:
        """After how long to come back, None where the call passed; and what the headers say."""
        admission = self._bucket.admit(now)
        self.passed += admission.admitted
        self.refused += not admission.admitted
        reading = LimitReading(LimitKind.REQUESTS, self._bucket.per_minute, admission.remaining)
        retry_after = None if admission.admitted else float(admission.retry_after_seconds)
        return retry_after, (reading,) if self._tells else ()


@dataclass
class Busy:
    """Drives a process that always has a call waiting, as an engine and the task in its background do."""

    process: Process
    clockwork: Clockwork
    random: Random
    size: Callable[[], TokenProfile] = lambda: SMALL
    server: Server | None = None
    """None: everything passes."""
    slots: int = 10_000
    seconds_per_call: float = 0.3
    spread: float = 0.0
    """Sigma of lognormal calls."""
    sent: list[tuple[datetime, TokenProfile]] = field(default_factory=list)
    """When it sent what, refused or not."""
    is_dead: bool = False
    in_flight: int = 0
    _turn: int = 0

    def start(self) -> None:
        """Begin now."""
        self._next = self.size()
        self.process.limits.slots = self.slots
        self.clockwork.at(self.clockwork.now, self._pump)
        self.clockwork.at(self.clockwork.now, self._ask)

    def _pump(self) -> None:
        """Start what may start; come back when told."""
        self._turn += 1
        turn, clockwork = self._turn, self.clockwork
        while not self.is_dead and self.in_flight < self.slots:
            if wait := self.process.limits.admit(self._next, clockwork.now):
                clockwork.at(clockwork.now + max(wait, 0.001), lambda: self._pump() if turn == self._turn else None)
                return
            self.in_flight += 1
            self.sent.append((after(clockwork.now), self._next))
            clockwork.at(clockwork.now + self.random.uniform(0.001, 0.006), partial(self._arrive, self._next))
            self._next = self.size()

    def _arrive(self, size: TokenProfile) -> None:
        retry_after, readings = self.server.ask(self.clockwork.now) if self.server else (None, ())
        if retry_after is None:
            seconds = self.seconds_per_call * self.random.lognormvariate(-(self.spread**2) / 2, self.spread)
        else:
            seconds = self.random.uniform(0.001, 0.006)
        self.clockwork.at(self.clockwork.now + seconds, partial(self._end, size, retry_after, readings))

    def _end(self, size: TokenProfile, retry_after: float | None, readings: tuple[LimitReading, ...]) -> None:
        if self.is_dead:
            return
        self.in_flight -= 1
        now = self.clockwork.now
        if retry_after is None:
            usage = Usage(input_tokens=size.input_tokens, output_tokens=size.output_tokens)
            self.process.limits.answered(size, usage, readings, now)
        else:
            self.process.limits.refused(retry_after, readings, now)
        self._pump()

    def _ask(self) -> None:
        if self.is_dead:
            return
        clockwork = self.clockwork
        if due := self.process.limits.next_ask(clockwork.now):
            # A call that waits for the ledger makes the pause shorter, so look again soon.
            clockwork.at(clockwork.now + min(due, 0.01), self._ask)
        elif self.process.limits.is_limited:
            self.process.ask(clockwork.now)
            clockwork.at(clockwork.now + self.random.uniform(0.002, 0.05), self._hear)
        else:
            self.process.look(clockwork.now)
            self._hear()

    def _hear(self) -> None:
        if self.is_dead:
            return
        self.process.hear(self.clockwork.now)
        self._pump()
        self._ask()


MINUTE = timedelta(seconds=60.29)
"""As far as buckets look: a little longer than a minute, because calls arrive closer together than they left."""


def busiest_minute(uses: list[tuple[datetime, int]]) -> int:
    """The largest sum of uses in any window of this length; uses are in the order of time."""
    most = within = first = 0
    for at, amount in uses:
        within += amount
        while uses[first][0] < at - MINUTE:
            within -= uses[first][1]
            first += 1
        most = max(most, within)
    return most
