"""How many calls may be in flight when the provider is overloaded (requirement D3). Decides; does not sleep.

Two questions are kept apart. *Is it overloaded?* Every sign of overload adds to a strain and every other answer takes a
part of it away, so that a sign now and then wears off and only more than one in five adds up. *How many instead?* The
level is cut, and comes back along a curve that is steep up to just under the level that was too much, flat around it,
and steep again beyond: a provider with a fixed capacity is used almost up to it and tried seldom, and one that was
overloaded for a while gets everything back within a set time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from batch_pipelines.domain.errors import ErrorCategory

OVERLOAD = frozenset({ErrorCategory.RATE_LIMIT, ErrorCategory.OVERLOADED, ErrorCategory.TIMEOUT})
"""Errors that say that the provider has more calls than it can bear."""
RELIEF = 1 / 4
"""What an answer takes from the strain that a sign of overload puts 1 on: four answers make up for one sign."""
PATIENCE = 3.0
"""Strain that is borne at any level, so that three signs in a row are not an overload yet."""
PATIENCE_PER_CALL = 1 / 6
"""Strain that is borne on top for each call in flight: refusals arrive before the answers of calls of their time."""
FIRST_CUT = 0.7
"""What is left of the level after a cut; a fixed capacity is mostly only just passed."""
FURTHER_CUT = 0.25
"""What is left after a cut that follows another before the level came back: the first was far from enough."""
JUST_UNDER = 0.97
"""Of a level that was too much, what is taken for bearable, less half a call."""
KNEE = 0.2
"""Share of the way back after which the level is again where it was too much."""
MOST_SECONDS_BACK = 9.0
"""How long the whole way back takes for calls of medium length, or of unknown length."""
MOST_CALLS_BACK = 30
"""The same in lengths of a call, where these are short."""
LEAST_CALLS_BACK = 5
"""And where they are long: in less, hardly any answer would tell whether it goes well."""
NEWEST_SHARE = 0.1
"""Weight of the newest call in the mean length of calls."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """From the level after a cut to all slots."""

    start: float
    """Calls in flight after the cut, at least 1."""
    knee: float
    """Just under the level that was too much."""
    seconds: float
    """How long it takes."""

    def level(self, gone: float, slots: int) -> float:
        """Calls in flight after so many seconds of it; grows up to `slots`, or to the knee if that is higher."""
        progress = gone / self.seconds if self.seconds else 0.0
        if progress < KNEE:
            return self.knee - (self.knee - self.start) * (1 - progress / KNEE) ** 3
        return self.knee + max(0.0, slots - self.knee) * ((progress - KNEE) / (1 - KNEE)) ** 5


class Throttle:
    """Holds concurrency to what the provider bears.

    Belongs to one event loop; `clock` is monotonic, in seconds. Only a call that started after the last cut can cause
    the next, so what one overload does to many calls in flight counts once. All slots come back within about nine
    seconds of answers: sooner for calls under 0.3 s, later for calls over 2 s, whose answers come too late for that.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._strain = 0.0
        self._level = 1
        """What was allowed last."""
        self._call_seconds: float | None = None
        """Mean length of calls, the newest weighing most; None before the first answer."""
        self._cut_at = float("-inf")
        self._way_back: WayBack | None = None
        self._gone_seconds = 0.0
        """How far the way back was gone until it was left off last."""
        self._going_since: float | None = None
        """It begins with the first answer after a cut, and goes on only while nothing strains."""

    def allowed(self, slots: int) -> int:
        """How many calls may be in flight now: 1 to `slots`, and 0 where there are no slots."""
        if slots <= 0:
            return 0
        self._level = slots if self._way_back is None else self._level_on(self._way_back, slots)
        return self._level

    def answered(self, started: float) -> None:
        """A call that started then, by the same clock, ended without a sign of overload."""
        if started <= self._cut_at:
            return
        now = self._clock()
        seconds, mean = now - started, self._call_seconds
        self._call_seconds = seconds if mean is None else mean + (seconds - mean) * NEWEST_SHARE
        self._strain = max(0.0, self._strain - RELIEF)
        if self._going_since is None and not self._strain:
            self._going_since = now

    def overloaded(self, started: float) -> None:
        """A call that started then met an error of `OVERLOAD`."""
        if started <= self._cut_at:
            return
        self._gone_seconds, self._going_since = self._gone(), None
        if self._level == 1:
            # Nothing can be cut, so nothing adds up; and at one call in flight, what did would be long in wearing off.
            return
        self._strain += 1
        if self._strain > PATIENCE + PATIENCE_PER_CALL * self._level:
            self._cut()

    def _cut(self) -> None:
        level, way = self._level, self._way_back
        is_further = way is not None and level < way.knee
        start = max(1.0, level * (FURTHER_CUT if is_further else FIRST_CUT))
        seconds = MOST_SECONDS_BACK if self._call_seconds is None else seconds_back(self._call_seconds)
        self._way_back = WayBack(start, max(start, level * JUST_UNDER - 0.5), seconds)
        self._gone_seconds, self._going_since = 0.0, None
        self._cut_at = self._clock()
        self._strain = 0.0

    def _gone(self) -> float:
        """Seconds of the way back that are behind it."""
        return self._gone_seconds + (0.0 if self._going_since is None else self._clock() - self._going_since)

    def _level_on(self, way: WayBack, slots: int) -> int:
        """Where on the way back it is now; forgets the way at its end."""
        gone = self._gone()
        if gone > 0 and gone >= way.seconds:
            self._way_back = None
            return slots
        return min(slots, round(way.level(gone, slots)))


def seconds_back(call_seconds: float) -> float:
    """How long the way back to all slots takes where calls are this long."""
    return max(min(MOST_CALLS_BACK * call_seconds, MOST_SECONDS_BACK), LEAST_CALLS_BACK * call_seconds)
