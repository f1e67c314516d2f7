"""Finds a limit of requests out of refusals alone, where the provider does not tell it (requirement D3).

A refusal says that the provider's bucket is empty. Between two of them exactly what came in was let through, so the
calls that passed over the span from the first refusal to the latest give its rate. The pace starts a hair below that
and grows slowly, until the next refusal makes the span longer and the rate more exact.

Pure: `now` is monotonic seconds.
"""

from __future__ import annotations

import math

UNTOLD_SECONDS = 1.0
"""How long nothing starts after a refusal that does not say how long."""
LEAST_SECONDS = 0.1
"""How long nothing starts at least, so that refusals which are on their way count as the same."""
GROWTH_SECONDS = 8.0
"""In so many seconds the pace grows by the part of it that is not known."""
CATCH_UP = 4.0
"""How much faster than the pace calls go that could not start while nothing did."""
SURPRISE = 3.0
"""Calls by which the last stretch may differ from the rest before the provider's rate has changed."""


class Pacer:
    """Decides when a call may start; without a refusal, at any time."""

    def __init__(self) -> None:
        self.is_needed = False
        """Whether there was a refusal."""
        self._began: float | None = None
        self._passed = 0
        """Calls since the origin that were not refused; before the first refusal, since the beginning."""
        self._origin: float | None = None
        self._mark = (0.0, 0)
        """The last refusal that was learned from, and what had passed by then."""
        self._refused_at: float | None = None
        """The first refusal since anything started; None when it was learned from."""
        self._blocked_until = -math.inf
        self._rate: float | None = None
        self._unsure = 1.0
        """Part of the rate that is not known."""
        self._ceiling = math.inf
        """What the rate cannot exceed, as long as nothing better is known."""
        self._credit = 0.0
        self._credit_at = 0.0
        self._grows_from = 0.0
        self._next_at = -math.inf

    def wait(self, now: float) -> float:
        """0 where a call may start now, else the seconds after which to ask again."""
        if not self.is_needed:
            return 0.0
        if now < self._blocked_until:
            return self._blocked_until - now
        if self._refused_at is not None:
            self._learn(self._refused_at, now)
            self._refused_at = None
        missing = self._next_at - now
        if self._rate is not None:
            self._earn(now)
            missing = max(missing, (1 - self._credit) / self._rate)
        return max(0.0, missing)

    def took(self, now: float) -> None:
        """A call started."""
        self._passed += 1
        if self._began is None:
            self._began = now
        if not self.is_needed:
            return
        self._credit -= 1
        self._next_at = now + 1 / (self._ceiling if self._rate is None else self._rate * CATCH_UP)

    def refused(self, retry_after_seconds: float | None, now: float) -> None:
        """A call was refused."""
        self.is_needed = True
        self._passed -= 1
        seconds = UNTOLD_SECONDS if retry_after_seconds is None else max(LEAST_SECONDS, retry_after_seconds)
        if self._refused_at is None:
            self._refused_at = now
        self._blocked_until = max(self._blocked_until, now + seconds)

    def _learn(self, refused_at: float, now: float) -> None:
        """The bucket was empty then, all refusals of that time have arrived, and calls start again now."""
        if self._origin is None:
            began = refused_at if self._began is None else self._began
            self._ceiling = max(self._passed, 1) / max(refused_at - began, 0.001)
            self._start_span(refused_at, 0)
        else:
            self._measure(refused_at)
        self._credit = 0.0
        self._credit_at = self._grows_from = refused_at
        self._next_at = now

    def _measure(self, refused_at: float) -> None:
        assert self._origin is not None, "a span has a beginning"
        marked_at, marked = self._mark
        stretch = self._passed - marked
        if self._rate is not None and self._is_surprising(stretch, self._rate * (refused_at - marked_at)):
            self._start_span(marked_at, stretch)
        seconds = max(refused_at - self._origin, 0.001)
        self._rate = max(self._passed, 0.5) / seconds
        self._unsure = 1 / max(self._passed, 2)
        self._mark = (refused_at, self._passed)

    def _is_surprising(self, stretch: int, expected: float) -> bool:
        return abs(stretch - expected) > max(SURPRISE, 2 * self._unsure * expected)

    def _start_span(self, origin: float, passed: int) -> None:
        self._origin = origin
        self._passed = passed
        self._mark = (origin, 0)

    def _earn(self, now: float) -> None:
        """Let come in what the pace gives; a time without calls is no proof that more would pass."""
        assert self._rate is not None, "only a known rate gives credit"
        growth = self._unsure * ((now - self._grows_from) / GROWTH_SECONDS - 0.5)
        self._credit += self._rate * (1 + growth) * (now - self._credit_at)
        self._credit_at = now
        most = max(2.0, self._rate * max(UNTOLD_SECONDS, self._blocked_until - self._mark[0]) + 1)
        if self._credit > most:
            self._credit = most
            self._grows_from = now
