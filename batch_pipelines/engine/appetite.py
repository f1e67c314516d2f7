"""Lets item partitions load their items one after the other, so that memory does not grow with their number."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from heapq import heappop, heappush
from itertools import count

LOADING_AT_ONCE = 4
"""Partitions: enough that small ones keep many slots busy."""


class Appetite:
    """Who wants to load waits here: the highest rank first, then first come, first served, until there is enough.

    `is_fed` says whether there is, given how many are loading. Belongs to one event loop; `look` is to be called when
    that may have changed.
    """

    def __init__(self, is_fed: Callable[[int], bool]) -> None:
        self._is_fed = is_fed
        self._loading = 0
        self._number = count()
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, rank: int = 0) -> AsyncIterator[None]:
        """In the block what is loaded is handed over, so that it counts for those who come later."""
        mine = asyncio.get_running_loop().create_future()
        heappush(self._queue, (-rank, next(self._number), mine))
        self.look()
        try:
            await mine
            yield
        finally:
            # One that was cancelled before its turn came is passed over when it does.
            if mine.done() and not mine.cancelled():
                self._loading -= 1
            self.look()

    def look(self) -> None:
        """Let those in whose turn it is."""
        while self._queue and self._loading < LOADING_AT_ONCE and not self._is_fed(self._loading):
            _, _, next_one = heappop(self._queue)
            if not next_one.done():
                self._loading += 1
                next_one.set_result(None)
