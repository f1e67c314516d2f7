"""What one process holds of one kind of limit, and what it makes of the provider's headers. Pure (requirement D3).

A header says what remained when its call arrived, or when it was answered; by then other calls have left. So what was
expected to remain is remembered for each call, and a header counts where it lies outside of that of all calls under
way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.engine.extremes import Extremes
from batch_pipelines.ledger.accounts import Claim, Standing, Told
from batch_pipelines.ledger.buckets import Wish

ROUNDED_BY = {LimitKind.REQUESTS: -0.5, LimitKind.INPUT_TOKENS: 500, LimitKind.OUTPUT_TOKENS: 500}
"""How far less may remain than is told: tokens are told in rounded thousands, and requests in whole ones."""
RAISE_SECONDS = 2.0
RAISE_READINGS = 8
"""For how long, and how often, the provider has to tell more than expected before that is believed."""


@dataclass(slots=True)
class Surplus:
    """By how much the provider told more than expected, at least, since a moment."""

    since: float
    least: float = math.inf
    readings: int = 0


@dataclass(slots=True)
class FirstCalls:
    """What calls saw that left before anything was known."""

    others: float = 0.0
    """What all of them took but the first that was answered."""
    least: float = math.inf
    most: float = -math.inf
    readings: int = 0


@dataclass(slots=True)
class Stock:
    """One kind of limit in one process; `now` is monotonic seconds."""

    kind: LimitKind
    held: float = 0.0
    """What may be used without asking."""
    most_at_once: float = math.inf
    told: Told | None = None
    """The limit that the provider told, if it did."""
    _offered: float = 0.0
    """What was held and is being offered back in the request that is under way."""
    _standing: Standing | None = None
    _standing_at: float = 0.0
    _charge: float = 0.0
    _charging: float = 0.0
    """The part of the charges that the request under way carries."""
    _news: Told | None = None
    _reserved: float = 0.0
    """Output of calls in flight, which the provider counts only when it is there."""
    _shift: float = 0.0
    """All that headers added or took away."""
    _first: FirstCalls = field(default_factory=FirstCalls)
    _foreseen: Extremes = field(default_factory=Extremes)
    """What should have remained after each call under way, as if no header had moved anything."""
    _start: tuple[float, float] | None = None
    """What should have remained before the first call whose limit was known, in the same way, and when."""
    _surplus: Surplus = field(default_factory=lambda: Surplus(0.0))

    def covers(self, size: int) -> bool:
        """Whether there is enough for a call of this size, now or soon."""
        return self.held >= size or self.held >= self.most_at_once

    def wait(self, size: int, now: float) -> float:
        """Seconds until all that a call of this size needs, and that is there, came in."""
        standing = self._standing
        if standing is None or not standing.coming:
            return 0.0
        missing = min(size, self.most_at_once) + standing.coming - self.held - self._offered
        return max(0.0, self._standing_at + missing / standing.per_second - now)

    def has_left(self, size: int) -> bool:
        """Whether the ledger could have lent so much more when it was last asked."""
        return self._standing is None or self._standing.level >= size

    def take(self, size: int, number: int, now: float) -> None:
        """A call of this size goes, as the `number`th."""
        self.held -= min(size, self.most_at_once)
        if self.kind is LimitKind.OUTPUT_TOKENS:
            self._reserved += size
        remaining = self._remaining(now) - self._shift
        if self._start is None:
            self._start = remaining + size, now
        # What came in since the ledger was asked, others may have used already.
        theirs = self._came_in(now) if self._standing and self._standing.lent_to_others else 0.0
        self._foreseen.add(number, remaining - theirs, remaining)

    def ended(self, size: int, used: int | None, number: int) -> None:
        """A call that took `size` used that much, None where nobody knows; `number` was the oldest under way."""
        self._foreseen.leave(number)
        if self.kind is LimitKind.OUTPUT_TOKENS:
            self._reserved = max(0.0, self._reserved - size)
        if used is not None:
            self._charge += used - min(size, self.most_at_once)

    def first_reading(self, reading: LimitReading, under_way: int, sent_at: float, now: float) -> None:
        """Nothing was known: what remains is what is told, less calls under way, and what came in since `sent_at`."""
        came_in = reading.per_minute / 60 * (now - sent_at)
        remaining = reading.remaining - max(0, ROUNDED_BY[self.kind]) - under_way + came_in
        if self.kind is LimitKind.OUTPUT_TOKENS:
            self._reserved = under_way
        self._first.others = under_way
        self._read_first(reading.remaining, sent_at, now)
        self._news = self.told = Told(reading.per_minute, reading.remaining, remaining)

    def read(self, reading: LimitReading, number: int, sent_at: float, now: float) -> None:
        """Learn from a header of a call, while the oldest call under way was the `number`th and left at `sent_at`."""
        highest = reading.remaining if self.told is None else max(self.told.highest, reading.remaining)
        if self.told is None or (self.told.per_minute, self.told.highest) != (reading.per_minute, highest):
            remaining = self._news.remaining if self._news else None
            self.told = Told(reading.per_minute, highest)
            self._news = Told(reading.per_minute, highest, remaining)
        surely = reading.remaining - ROUNDED_BY[self.kind] - self._shift
        foreseen = self._foreseen.of(number)
        if foreseen is None:
            self._read_first(reading.remaining, sent_at, now)
        elif surely < foreseen[0]:
            self._move(surely - foreseen[0])
            self._surplus = Surplus(now)
        elif self._may_raise:
            self._note_surplus(surely - foreseen[1], now)

    def exhausted(self, remaining: float, now: float) -> None:
        """The provider refused a call just now, when so much remained."""
        if self._standing is not None:
            self._move(min(0.0, remaining - self._remaining(now)))
        self.held = 0.0

    def claim(self, least: float, most: float, *, is_keeping: bool) -> Claim:
        """What to ask the ledger for; without `is_keeping` nothing is used until it answered."""
        kept = float(math.floor(min(self.held, most))) if is_keeping else 0.0
        wish = Wish(least=least, most=max(most, least), held=self.held, kept=kept)
        claim = Claim(wish, self._charge, self._news)
        self._offered, self.held = self.held - kept, kept
        self._charging, self._charge = self._charge, 0.0
        return claim

    def lent(self, claim: Claim, standing: Standing, asked_at: float) -> None:
        """The ledger answered a claim of that moment."""
        self.held += standing.holds - claim.wish.kept
        self._offered = self._charging = 0.0
        self._standing, self._standing_at = standing, asked_at
        self.most_at_once = standing.most_at_once
        if not standing.limit.is_set and (self.told is None or standing.highest > self.told.highest):
            self.told = Told(standing.limit.per_minute, standing.highest)
        self._news = None if self._news == claim.told else self._news

    def lost(self) -> None:
        """The ledger did not answer: what was offered is gone, what was said is said again."""
        self._offered = 0.0
        self._charge += self._charging
        self._charging = 0.0

    def expire(self) -> None:
        """What was held may not be used any more."""
        self.held = 0.0

    @property
    def has_news(self) -> bool:
        """Whether there is something that the ledger does not know yet."""
        return bool(self._charge) or self._news is not None

    @property
    def _may_raise(self) -> bool:
        """Whether more may remain than was thought: not of a limit of ours, nor where calls take what they expect."""
        return self.kind is LimitKind.REQUESTS and self._standing is not None and not self._standing.limit.is_set

    def _read_first(self, remaining: float, sent_at: float, now: float) -> None:
        """Learn from a call that left before anything was known, as one of many.

        After all of them no more remained than any of them saw; and, once all of them said, no less than the first of
        them saw, less the others, unless others than these came in between: then any of them saw less.
        """
        first = self._first
        first.least, first.most = min(first.least, remaining), max(first.most, remaining)
        first.readings += 1
        if self._standing is None:
            return
        remained, at = self._start or (self._remaining(now) - self._shift, now)
        thought = remained - self._standing.per_second * (at - sent_at) + self._shift
        more = min(first.least, first.most - first.others) - thought
        if more < 0 or (self._may_raise and first.readings > first.others):
            self._move(more)

    def _came_in(self, now: float) -> float:
        standing = self._standing
        return standing.per_second * (now - self._standing_at) if standing else 0.0

    def _remaining(self, now: float) -> float:
        """What should remain at the provider."""
        standing = self._standing
        assert standing is not None, "only what was lent can be taken"
        gained = standing.level + self._came_in(now) + standing.lent_to_others
        return gained + self.held + self._offered + self._reserved - self._charge - self._charging

    def _note_surplus(self, more: float, now: float) -> None:
        surplus = self._surplus
        surplus.least = min(surplus.least, more)
        surplus.readings += 1
        if now - surplus.since >= RAISE_SECONDS and surplus.readings >= RAISE_READINGS:
            if surplus.least > 1:
                # Others see the same, and each adds its part.
                others = self._standing.lent_to_others if self._standing else 0.0
                self._move((surplus.least - 0.5) * (self.held + 1) / (self.held + 1 + others))
            self._surplus = Surplus(now)

    def _move(self, amount: float) -> None:
        """More, or less, remains than was thought; what is held is the first to go."""
        self._shift += amount
        from_held = min(self.held, max(0.0, -amount))
        self.held -= from_held
        self._charge -= amount + from_held
