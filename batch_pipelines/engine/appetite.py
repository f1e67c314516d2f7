"""Lets item partitions load their items one after the other, so that memory does not grow with their number."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

LOADING_AT_ONCE = 4
"""Partitions: enough that small ones keep many slots busy."""


class Appetite:
    """Who wants to load waits here, first come, first served, while `is_fed` says that there is enough.

    Belongs to one event loop; `look` is to be called when `is_fed` may have changed.
    """

    def __init__(self, is_fed: Callable[[], bool]) -> None:
        self._is_fed = is_fed
        self._loading = 0
        self._queue: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """In the block what is loaded is handed over, so that it counts for those who come later."""
        mine = asyncio.get_running_loop().create_future()
        self._queue.append(mine)
        self.look()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                self._queue.remove(mine)
            else:
                self._end()
            raise
        try:
            yield
        finally:
            self._end()

    def look(self) -> None:
        """Let those in whose turn it is."""
        while self._queue and self._loading < LOADING_AT_ONCE and not self._is_fed():
            self._loading += 1
            self._queue.popleft().set_result(None)

    def _end(self) -> None:
        self._loading -= 1
        self.look()
