"""A sample that is spread evenly over something whose end is not known yet. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

Thing = TypeVar("Thing")


class EvenSample(Generic[Thing]):
    """Every n-th of the things that were offered, with n so large that at most so many are kept; the first is one.

    Whatever is offered, the same sample comes of it. At least half as many as there may be are kept where so many were
    offered.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._step = 1
        self._offered = 0
        self.kept: list[Thing] = []
        """In their order."""

    def offer(self, thing: Thing) -> None:
        """Take the next thing into account."""
        if self._offered % self._step == 0:
            self.kept.append(thing)
            if len(self.kept) > self._most:
                self.kept = self.kept[::2]
                self._step *= 2
        self._offered += 1
