"""Item partitions load one after the other, as slots call for them."""

from __future__ import annotations

import asyncio

from batch_pipelines.engine.appetite import LOADING_AT_ONCE, Appetite


class Larder:
    """What was loaded, in its order, and whether it is enough."""

    def __init__(self) -> None:
        self.is_full = False
        self.loaded: list[str] = []
        self.appetite = Appetite(lambda loading: self.is_full)

    async def load(self, name: str, rank: int = 0) -> None:
        """Load something, which takes a turn of the loop."""
        async with self.appetite.turn(rank):
            await asyncio.sleep(0)
            self.loaded.append(name)


async def settled(larder: Larder) -> list[str]:
    """What was loaded when nothing moves any more."""
    for _ in range(20):
        await asyncio.sleep(0)
    return larder.loaded


async def test_nobody_loads_while_there_is_enough() -> None:
    """Whoever waits goes on as soon as that changes, in the order in which they came."""
    larder = Larder()
    larder.is_full = True
    waiting = [asyncio.ensure_future(larder.load(name)) for name in "abc"]
    assert await settled(larder) == []

    larder.is_full = False
    larder.appetite.look()
    await asyncio.gather(*waiting)

    assert larder.loaded == ["a", "b", "c"]


async def test_the_highest_rank_loads_first() -> None:
    """Where money is short, items that were begun come first."""
    larder = Larder()
    larder.is_full = True
    waiting = [asyncio.ensure_future(larder.load(name, rank)) for name, rank in (("a", 0), ("b", 2), ("c", 1))]
    await settled(larder)

    larder.is_full = False
    larder.appetite.look()
    await asyncio.gather(*waiting)

    assert larder.loaded == ["b", "c", "a"]


async def test_only_some_load_at_once() -> None:
    """What they load counts for those who come later."""
    larder = Larder()
    inside: list[int] = []
    peak: list[int] = []

    async def load() -> None:
        async with larder.appetite.turn():
            inside.append(1)
            peak.append(len(inside))
            await asyncio.sleep(0.001)
            inside.pop()

    await asyncio.gather(*(load() for _ in range(5 * LOADING_AT_ONCE)))

    assert max(peak) == LOADING_AT_ONCE


async def test_those_who_give_up_keep_nobody_waiting() -> None:
    """Cancelled before their turn, in it, or in the very moment in which it comes."""
    larder = Larder()
    larder.is_full = True
    waiting = [asyncio.ensure_future(larder.load(str(number))) for number in range(20)]
    await settled(larder)

    for task in waiting[:15]:
        task.cancel()
    larder.is_full = False
    larder.appetite.look()
    for task in waiting[15:17]:
        task.cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting, return_exceptions=True)

    assert set(larder.loaded) == {"17", "18", "19"}
    async with asyncio.timeout(5):
        await larder.load("later")
