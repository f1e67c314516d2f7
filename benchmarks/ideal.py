"""How fast calls of known latencies can be at best: the work-conserving ideal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

Chains = Sequence[Sequence[float]]
"""For each item, in the order of their first calls, the seconds of its calls, one after the other."""


def ideal_seconds(chains: Chains, slots: int) -> float:
    """From the first start to the last end, where no slot is ever idle while any call could be made.

    Of two such schedules the shorter one: items that came first go first, or items that have come furthest.
    """
    return min(_makespan(chains, slots, 1), _makespan(chains, slots, -1))


def ideal_with_barriers(chains: Chains, slots: int) -> float:
    """The same where every phase waits for the last call of the one before it."""
    return sum(ideal_seconds([[seconds] for seconds in phase], slots) for phase in zip(*chains, strict=True))


def _makespan(chains: Chains, slots: int, direction: int) -> float:
    """By list scheduling; earlier steps go first where `direction` is 1, later ones where it is -1."""
    ready = [(0, item) for item in range(len(chains))]
    running: list[tuple[float, int, int]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            rank, item = heappop(ready)
            step = rank * direction
            heappush(running, (now + chains[item][step], item, step))
        now, item, step = heappop(running)
        if step + 1 < len(chains[item]):
            heappush(ready, ((step + 1) * direction, item))
    return now
