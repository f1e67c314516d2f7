"""Waits for what must come, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from batch_pipelines.providers.simulated.process import stats

WAIT_SECONDS = 30.0


async def until(seen: Callable[[], object], running: asyncio.Future[Any] | None = None) -> None:
    """Returns when `seen` says something true; fails where that takes too long, or with what `running` failed with."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not await asyncio.to_thread(seen):
            if running is not None and running.done():
                running.result()
            await asyncio.sleep(0.01)


def answered(url: str, count: int) -> Callable[[], bool]:
    """Whether the server has billed so many calls."""
    return lambda: bool(stats(url)["answered"] >= count)


def with_status(url: str, status: int, count: int) -> Callable[[], bool]:
    """Whether the server has answered so many calls with this status."""
    return lambda: bool(stats(url)["by_status"].get(str(status), 0) >= count)


def in_flight(url: str, count: int) -> Callable[[], bool]:
    """Whether the server works on so many calls."""
    return lambda: bool(stats(url)["in_flight"] >= count)


def idle(url: str) -> Callable[[], bool]:
    """Whether the server works on none."""
    return lambda: not stats(url)["in_flight"]
