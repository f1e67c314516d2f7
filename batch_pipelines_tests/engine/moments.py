"""Moments of a run that tests wait for, and what goes wrong then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.engine.engine import Engine
from batch_pipelines.providers.simulated.process import configure, stats

AWAY = LedgerUnavailable("sqlite:///x", "is locked by another process", "wait")


async def until(seen: Callable[[], object], within: float = 15.0) -> None:
    """Returns when `seen` says something true; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(seen):
            await asyncio.sleep(0.01)


def busy(url: str, count: int = 1) -> Callable[[], bool]:
    """Whether the server works on so many calls."""
    return lambda: stats(url)["in_flight"] >= count


def raising(error: Exception) -> Callable[..., Any]:
    """A method that fails."""

    def method(*_: object, **__: object) -> Any:
        raise error

    return method


async def without_a_key(connecting: Engine, url: str) -> Engine:
    """The engine, connected, after its key was revoked."""
    await asyncio.wrap_future(connecting.connect())
    configure(url, required_key="another")
    return connecting
