"""Calls that are not in flight: those that wait for a slot, and those that wait for their next attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from batch_pipelines.engine.work import Call


class Waiting:
    """First come, first served; `len` and truth are about calls that could start now."""

    def __init__(self) -> None:
        self._ready: deque[Call] = deque()
        self._timers: dict[Call, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._ready)

    @property
    def first(self) -> Call:
        """Whose turn it is; raises IndexError where nobody waits."""
        return self._ready[0]

    def take_first(self) -> Call:
        """The first, which waits no longer."""
        return self._ready.popleft()

    def add(self, calls: Iterable[Call]) -> None:
        """Calls that could start now."""
        self._ready.extend(calls)

    def sleep(self, call: Call, seconds: float, then: Callable[[], None]) -> None:
        """Add the call after so many seconds, and go on with `then`."""

        def wake() -> None:
            del self._timers[call]
            self._ready.append(call)
            then()

        self._timers[call] = asyncio.get_running_loop().call_later(seconds, wake)

    def leave_all(self) -> None:
        """Leave all of them to a later run."""
        for timer in self._timers.values():
            timer.cancel()
        for call in (*self._ready, *self._timers):
            call.run.leave(call)
        self._ready.clear()
        self._timers.clear()
