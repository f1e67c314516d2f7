"""Lets the batch jobs of one process start calls in the order of their priority (requirement A9)."""

from __future__ import annotations

from typing import Protocol

from batch_pipelines.domain.pipeline import MOST_CONCURRENCY
from batch_pipelines.domain.spec import Priority

RANK = {Priority.CRITICAL: 0, Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 3}


class Starter(Protocol):
    """A session, as far as turns are concerned."""

    @property
    def in_flight(self) -> int:
        """Its calls under way."""

    def start_calls(self, room: int) -> bool:
        """Start up to `room` calls; False where whoever comes later must wait too."""


class Turns:
    """Everybody who starts calls in one process; whoever is first in priority, then in time, starts first."""

    def __init__(self, most_in_flight: int = MOST_CONCURRENCY) -> None:
        self._most = most_in_flight
        self._queue: list[tuple[int, Starter]] = []

    def join(self, starter: Starter, priority: Priority) -> None:
        """Take turns from now on, after everybody of the same priority."""
        self._queue.append((RANK[priority], starter))
        self._queue.sort(key=lambda entry: entry[0])

    def leave(self, starter: Starter) -> None:
        """Take none any more."""
        self._queue = [entry for entry in self._queue if entry[1] is not starter]

    def take(self) -> None:
        """Let everybody start what they can."""
        for _, starter in self._queue:
            room = self._most - sum(each.in_flight for _, each in self._queue)
            if not starter.start_calls(max(room, 0)):
                return
