"""A job with endless items against a provider with a mood, event by event under a clock of its own; nothing sleeps."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from batch_pipelines.engine.throttle import Throttle

STEP_SECONDS = 20e-6
"""What it takes to start one call."""
LOOK_SECONDS = 0.5
"""How long nobody asks for slots where nothing happens, like the renewal of a share."""

Mood = Callable[[float, int, Random], bool]
"""Whether a call is refused that starts at this moment while so many are being served."""


@dataclass(order=True)
class Ending:
    """A call that will end."""

    at: float
    number: int
    started: float = field(compare=False)
    is_refused: bool = field(compare=False)


@dataclass
class Load:
    """Keeps as many calls in flight as the throttle allows.

    A refusal takes about `refusal_seconds`; None: as long as a call.
    """

    slots: int
    call_seconds: float
    mood: Mood
    refusal_seconds: float | None = 0.01
    random: Random = field(default_factory=lambda: Random(7))

    def __post_init__(self) -> None:
        self.now = 0.0
        self.throttle = Throttle(lambda: self.now)
        self.allowed = [(0.0, self.slots)]
        """(moment, calls allowed from then on), where it changed."""
        self._serving = self._started = self._answered = self._refused = 0
        self._served_seconds = 0.0
        self._endings: list[Ending] = []

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        end = self.now + seconds
        while self.now < end:
            self._fill()
            until = min(end, self.now + LOOK_SECONDS)
            if self._endings and self._endings[0].at <= until:
                self._move(self._endings[0].at)
                self._end(heapq.heappop(self._endings))
            else:
                self._move(until)

    def forget(self) -> None:
        """Measure from now on: the beginning is over."""
        self.allowed = [(self.now, self.allowed[-1][1])]
        self._answered = self._refused = 0
        self._served_seconds = 0.0

    @property
    def mean_allowed(self) -> float:
        """Calls allowed, on average over time."""
        ends = [at for at, _ in self.allowed[1:]] + [self.now]
        total = sum(count * (end - at) for (at, count), end in zip(self.allowed, ends, strict=True))
        return total / (self.now - self.allowed[0][0])

    @property
    def mean_served(self) -> float:
        """Calls that were being served, on average over time."""
        return self._served_seconds / (self.now - self.allowed[0][0])

    @property
    def refused_share(self) -> float:
        return self._refused / (self._refused + self._answered)

    def _fill(self) -> None:
        allowed = self.throttle.allowed(self.slots)
        if allowed != self.allowed[-1][1]:
            self.allowed.append((self.now, allowed))
        while len(self._endings) < allowed:
            self._start()

    def _start(self) -> None:
        is_refused = self.mood(self.now, self._serving, self.random)
        seconds = self.call_seconds * self.random.lognormvariate(-0.125, 0.5)
        if is_refused and self.refusal_seconds is not None:
            seconds = self.refusal_seconds * self.random.uniform(0.5, 1.5)
        self._serving += not is_refused
        self._started += 1
        self._move(self.now + STEP_SECONDS)
        heapq.heappush(self._endings, Ending(self.now + seconds, self._started, self.now, is_refused))

    def _end(self, ending: Ending) -> None:
        if ending.is_refused:
            self._refused += 1
            self.throttle.overloaded(ending.started)
        else:
            self._serving -= 1
            self._answered += 1
            self.throttle.answered(ending.started)

    def _move(self, at: float) -> None:
        at = max(at, self.now)
        self._served_seconds += self._serving * (at - self.now)
        self.now = at
