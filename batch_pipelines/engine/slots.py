"""How many calls a session may have in flight: what it was granted, and what provider and machine bear (D2, D3, D7)."""

from __future__ import annotations

import math

from batch_pipelines.engine.throttle import Throttle


class Slots:
    """One engine's share of a batch job's concurrency; `now` is seconds of the monotonic clock everywhere.

    Nothing may start before the first grant, nor when one has run out: then this process stood still until others
    could take its share, and only a renewal tells.
    """

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._granted = 0
        self._until = -math.inf
        self._kept: int | None = None
        self._asked = 0
        self.share = 1.0
        """Part of them that the machine's memory and processors leave."""

    def ask(self, wanted: int, in_flight: int) -> None:
        """A grant is being asked for; until it comes, what is in flight may be replaced and no more be added.

        So what the ledger was told is still true when the others read it.
        """
        self._asked = wanted
        self._kept = in_flight

    def grant(self, slots: int, until: float) -> None:
        """So many, up to that moment."""
        self._granted, self._until = slots, until
        self._kept = None

    def has_lapsed(self, now: float) -> bool:
        """Whether the last grant ran out."""
        return now >= self._until

    def allowed(self, now: float) -> int:
        """How many calls may be in flight now."""
        if self.has_lapsed(now):
            return 0
        granted = self._granted if self._kept is None else min(self._granted, self._kept)
        return min(granted, self._throttle.allowed(math.ceil(self._granted * self.share)))

    @property
    def are_short(self) -> bool:
        """Whether the last grant gave all that was asked, so that asking for more may give more."""
        return self._granted >= self._asked

    @property
    def granted(self) -> int:
        """Of the last grant."""
        return self._granted
