"""Calls that are not in flight: those that wait for a slot, and those that wait for their next attempt."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import chain

from batch_pipelines.engine.work import Call


class Waiting:
    """The highest rank first, and in it first come, first served; `len` and truth are about calls that could start.

    `rank` gives that of a call, which stays the same.
    """

    def __init__(self, rank: Callable[[Call], int]) -> None:
        self._rank = rank
        self._ready: dict[int, deque[Call]] = {}
        self._timers: dict[Call, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return sum(map(len, self._ready.values()))

    def __bool__(self) -> bool:
        return any(self._ready.values())

    @property
    def are_any(self) -> bool:
        """Whether there is any call, those that could not start yet included."""
        return bool(self) or bool(self._timers)

    @property
    def first(self) -> Call:
        """Whose turn it is; raises LookupError where nobody waits."""
        return self._foremost()[0]

    def take_first(self) -> Call:
        """The first, which waits no longer."""
        return self._foremost().popleft()

    def add(self, calls: Iterable[Call]) -> None:
        """Calls that could start now."""
        for call in calls:
            self._queue(call).append(call)

    def put_first(self, call: Call) -> None:
        """One that could start now, before all others of its rank."""
        self._queue(call).appendleft(call)

    def sleep(self, call: Call, seconds: float, then: Callable[[], None]) -> None:
        """Put the call before all others of its rank after so many seconds, and go on with `then`."""

        def wake() -> None:
            del self._timers[call]
            self.put_first(call)
            then()

        self._timers[call] = asyncio.get_running_loop().call_later(seconds, wake)

    def leave_all(self) -> None:
        """Leave all of them to a later run."""
        for timer in self._timers.values():
            timer.cancel()
        for call in (*chain.from_iterable(self._ready.values()), *self._timers):
            call.run.leave(call)
        self._ready.clear()
        self._timers.clear()

    def _queue(self, call: Call) -> deque[Call]:
        rank = self._rank(call)
        if rank not in self._ready:
            self._ready[rank] = deque()
            self._ready = dict(sorted(self._ready.items(), reverse=True))
        return self._ready[rank]

    def _foremost(self) -> deque[Call]:
        for queue in self._ready.values():
            if queue:
                return queue
        raise LookupError("nobody waits")
