"""What one process knows and holds of the limits of one model, and whether a call may start (requirement D3).

Decides; asks nobody. `limiter` carries what it wants to the ledger and what the ledger says back. `now` is monotonic
seconds everywhere.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.pacing import UNTOLD_SECONDS, Pacer
from batch_pipelines.engine.stock import Stock
from batch_pipelines.ledger.accounts import Claim, Loan, Told
from batch_pipelines.ledger.buckets import HOLDING_SECONDS

FIRST_CALLS = 50
"""Calls that may start before anything is known about a limit, where no more want to."""
FIRST_CALLS_OF_MANY = 20
"""The same where more want to; the first answer then tells."""
GROWTH_SECONDS = 0.002
"""Time between calls that add to those in flight while there is no limit, so that one refusal is seen in time."""
POLL_SECONDS = 0.25
"""After how long to ask again for what a wake-up announces; that comes sooner."""
SOON_SECONDS = 0.02
"""After how long the ledger is asked for more than was foreseen, where it had that much left."""
ASK_SECONDS = 0.08
"""How often the ledger is asked while a call waits for what comes in."""
RENEW_SECONDS = 0.18
"""How often it is asked otherwise, before what was lent ahead is used up and well before holdings end."""
LOOK_SECONDS = 0.5
"""How often it is asked whether another process learned something, while there is no limit."""
IDLE_SECONDS = 2.0
"""After this without a call everything is given back."""
UNTOLD_ANSWERS = 20
"""After so many answers in a row without a word about limits, those that were told once are no more."""
SIZES = tuple(LimitKind)
"""The order in which sizes of calls stand here."""

Sizes = tuple[int, int, int]


class Sent(NamedTuple):
    """A call under way."""

    at: float
    sizes: Sizes
    number: int
    """Counts calls from 1."""


def sizes_of(tokens: TokenProfile) -> Sizes:
    """What a call takes of each kind."""
    return 1, tokens.input_tokens, tokens.output_tokens


class ScopeLimits:
    """One model's limits in one process. `set_limits` are ours to keep; all others are found out."""

    def __init__(self, set_limits: Mapping[LimitKind, int], now: float) -> None:
        self.is_known = False
        """Whether the ledger said what it knows; nothing starts before."""
        self.slots: int | None = None
        """Calls that may be in flight at once; None where nobody said."""
        self.block_until: float | None = None
        """A block that the ledger does not know yet."""
        self._is_waited_for = False
        """Whether a call was told to wait for something that may come earlier than it was told."""
        self.is_untold = False
        """Whether the ledger still knows limits that the provider tells no more."""
        self._untold = 0
        self._set = set_limits
        self._stocks: dict[LimitKind, Stock] = {}
        self._order: list[tuple[int, Stock]] = []
        for kind in set_limits:
            self._add(kind)
        self._sent: deque[Sent] = deque()
        self._number = 0
        self._pacer = Pacer()
        self._peak = 0
        self._grew_at = -math.inf
        self._is_answered = False
        self._blocked_until = -math.inf
        self._held_until = -math.inf
        self._missing: Sizes | None = None
        """A call that waits for more than is held."""
        self._is_pressing = False
        """Whether a call waits for what is held to come in."""
        self._usual: Sizes = (1, 1, 1)
        self._started = 0
        """Calls since the ledger was last asked."""
        self._asked_at = -math.inf
        self._wait_seconds = 0.0
        self._touched = now

    def admit(self, tokens: TokenProfile, now: float) -> float:
        """Take what a call needs and return 0, or take nothing and return the seconds after which to ask again."""
        self._touched = now
        if not self.is_known:
            return self._later(POLL_SECONDS)
        if now < self._blocked_until:
            return self._later(self._blocked_until - now)
        if self._pacer.is_needed and (wait := self._pacer.wait(now)):
            return wait
        sizes = (1, tokens.input_tokens, tokens.output_tokens)
        if self._order:
            if not self._is_covered(sizes, now):
                self._missing = sizes
                return self._later(POLL_SECONDS)
            if wait := max([stock.wait(sizes[index], now) for index, stock in self._order]):
                self._is_pressing = True
                return wait
            for index, stock in self._order:
                stock.take(sizes[index], self._number + 1, now)
        elif wait := self._wait_of_unlimited(now):
            return wait
        self._pacer.took(now)
        self._number += 1
        self._sent.append(Sent(now, sizes, self._number))
        self._started += 1
        self._usual = sizes
        self._missing = None
        return 0.0

    def answered(self, tokens: TokenProfile, usage: Usage | None, readings: Sequence[LimitReading], now: float) -> None:
        """A call that was admitted ended."""
        self._touched = now
        sent = self._end(now)
        if readings:
            self._is_answered = True
            self._untold = 0
            self._read(readings, sent, now)
        elif usage is not None:
            self._is_answered = True
            self._untold += 1
            if self._untold == UNTOLD_ANSWERS and any(stock.told for stock in self._stocks.values()):
                self._forget_told()
        if self._order:
            sizes, used = sizes_of(tokens), _used(usage)
            for index, stock in self._order:
                stock.ended(sizes[index], used[index] if used else None, sent.number)

    def refused(self, retry_after_seconds: float | None, readings: Sequence[LimitReading], now: float) -> None:
        """The provider answered 429 to a call that was admitted, and did nothing for it."""
        self._touched = now
        self._is_answered = True
        sent = self._end(now)
        told = {reading.kind: reading for reading in readings}
        self._read(readings, sent, now)
        for index, stock in self._order:
            # The provider counts no call that it refuses; a limit of ours is about what is sent.
            is_ours = stock.kind is LimitKind.REQUESTS and stock.kind in self._set
            stock.ended(sent.sizes[index], sent.sizes[index] if is_ours else 0, sent.number)
        seconds = UNTOLD_SECONDS if retry_after_seconds is None else retry_after_seconds
        if LimitKind.REQUESTS not in told and not self._is_told(LimitKind.REQUESTS):
            self._pacer.refused(retry_after_seconds, now)
        for kind, stock in self._stocks.items():
            if kind in told:
                stock.exhausted(told[kind].remaining, now)
            elif kind is LimitKind.REQUESTS and not told:
                stock.exhausted(0.0, now)
        self._blocked_until = max(self._blocked_until, now + seconds)
        self.block_until = self._blocked_until

    def learn(self, per_minute: Mapping[LimitKind, int], blocked_seconds: float, now: float) -> None:
        """What other processes learned."""
        self.is_known = True
        self._asked_at = now
        self._blocked_until = max(self._blocked_until, now + blocked_seconds)
        for kind, limit in per_minute.items():
            stock = self._stocks.get(kind) or self._add(kind)
            if stock.told is None:
                stock.told = Told(limit, 0.0)

    def claims(self, now: float) -> dict[LimitKind, Claim]:
        """What to ask the ledger for now; empty where there is no limit. `lent` or `lost` has to follow."""
        self._asked_at = now
        self._expire(now)
        if now - self._touched > IDLE_SECONDS:
            # Whoever waited asks again sooner than that, or gave up.
            self._missing = None
        is_blocked = now < self._blocked_until
        calls = self._calls_soon(now)
        missing = self._missing
        self._started, self._is_pressing = 0, False
        claims = {}
        for index, stock in self._order:
            least = missing[index] if missing and not is_blocked else 0
            size = max(missing[index] if missing else 0, self._usual[index])
            most = 0 if is_blocked else calls * size
            claims[stock.kind] = stock.claim(least, most, is_keeping=missing is None and not is_blocked)
        return claims

    def lent(self, claims: Mapping[LimitKind, Claim], loan: Loan, now: float) -> None:
        """What the ledger lent for these claims, which were made when `claims` was called."""
        asked_at = self._asked_at
        self._held_until = asked_at + HOLDING_SECONDS
        self._wait_seconds = loan.wait_seconds
        self._blocked_until = max(self._blocked_until, now + loan.blocked_seconds)
        if not loan.wait_seconds:
            self._missing = None
        for kind, standing in loan.standings.items():
            if self.is_untold and kind not in self._set:
                continue
            (self._stocks.get(kind) or self._add(kind)).lent(claims.get(kind, Claim()), standing, asked_at)

    def lost(self) -> None:
        """The ledger could not be asked."""
        for stock in self._stocks.values():
            stock.lost()

    def next_ask(self, now: float) -> float:
        """Seconds until the ledger is to be asked again."""
        if not self.is_known:
            return 0.0
        return max(0.0, self._asked_at + self._pause() - now)

    def may_go_on(self, now: float) -> bool:
        """Whether somebody waits who need not any more; says so once."""
        if not self._is_waited_for or self._missing is not None or now < self._blocked_until:
            return False
        self._is_waited_for = False
        return True

    def is_block_told(self, block_until: float) -> None:
        """The ledger knows of a block up to that moment."""
        if self.block_until == block_until:
            self.block_until = None

    @property
    def is_limited(self) -> bool:
        """Whether there is any limit to borrow from."""
        return bool(self._order)

    def end(self) -> None:
        """No call follows: what is held is given back with the next claims."""
        self._touched = -math.inf

    def forget(self) -> None:
        """Nobody follows what others learn any more, so it has to be looked up before the next call."""
        self.is_known = False

    def is_idle(self, now: float) -> bool:
        """Whether nothing was asked for a while, and there is nothing to say."""
        has_news = self.block_until is not None or any(stock.has_news for stock in self._stocks.values())
        return now - self._touched > IDLE_SECONDS and not has_news

    def _later(self, seconds: float) -> float:
        self._is_waited_for = True
        return seconds

    def _pause(self) -> float:
        """Seconds between two questions to the ledger."""
        if not self._order:
            return LOOK_SECONDS
        missing = self._missing
        if missing is None:
            return RENEW_SECONDS
        if all(stock.has_left(missing[index]) for index, stock in self._order):
            return SOON_SECONDS
        return min(max(ASK_SECONDS, self._wait_seconds), POLL_SECONDS)

    def _is_covered(self, sizes: Sizes, now: float) -> bool:
        self._expire(now)
        return all(stock.covers(sizes[index]) for index, stock in self._order)

    def _expire(self, now: float) -> None:
        if now >= self._held_until:
            for stock in self._stocks.values():
                stock.expire()

    def _wait_of_unlimited(self, now: float) -> float:
        """How long a call waits where no limit is known: a few go first, and their number grows slowly."""
        in_flight = len(self._sent)
        if not self._is_answered:
            is_few = self.slots is not None and self.slots <= FIRST_CALLS
            if in_flight >= (FIRST_CALLS if is_few else FIRST_CALLS_OF_MANY):
                return self._later(POLL_SECONDS)
            self._peak = max(self._peak, in_flight + 1)
        elif in_flight >= self._peak:
            wait = self._grew_at + GROWTH_SECONDS - now
            if wait > 0:
                return wait
            self._grew_at = now
            self._peak = in_flight + 1
        return 0.0

    def _calls_soon(self, now: float) -> int:
        """How many calls might start before the ledger is asked again."""
        if now - self._touched > IDLE_SECONDS:
            return 0
        free = 0
        if self._missing is not None or self._is_pressing:
            free = max(1, (self.slots or FIRST_CALLS_OF_MANY) - len(self._sent))
        return 1 + 2 * self._started + free

    def _end(self, now: float) -> Sent:
        """Of the calls under way the oldest, which it most likely was; headers of others say nearly the same."""
        return self._sent.popleft() if self._sent else Sent(now, (0, 0, 0), 0)

    def _is_told(self, kind: LimitKind) -> bool:
        stock = self._stocks.get(kind)
        return stock is not None and stock.told is not None

    def _read(self, readings: Sequence[LimitReading], sent: Sent, now: float) -> None:
        for reading in readings:
            stock = self._stocks.get(reading.kind)
            if stock is None:
                stock = self._add(reading.kind)
                under_way = sum(each.sizes[SIZES.index(reading.kind)] for each in self._sent)
                stock.first_reading(reading, under_way, sent.at, now)
            else:
                stock.read(reading, sent.number, sent.at, now)

    def _forget_told(self) -> None:
        """Only our own limits are left. What is held of others goes back by itself."""
        self.is_untold = True
        self._stocks = {}
        self._order = []
        for kind in self._set:
            self._add(kind)

    def _add(self, kind: LimitKind) -> Stock:
        """A limit that was not there before."""
        stock = self._stocks[kind] = Stock(kind)
        self._order.append((SIZES.index(kind), stock))
        self._asked_at = -math.inf
        return stock


def _used(usage: Usage | None) -> Sizes | None:
    """What counts of a call's usage: what was read from the prompt cache does not."""
    if usage is None:
        return None
    return 1, usage.input_tokens + usage.cache_creation_input_tokens, usage.output_tokens
