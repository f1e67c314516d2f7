"""The lowest and the highest of numbered values, of which the oldest leave first. Constant time on average."""

from __future__ import annotations

from collections import deque


class Extremes:
    """Values by numbers that only grow."""

    def __init__(self) -> None:
        self._falling: deque[tuple[int, float]] = deque()
        self._rising: deque[tuple[int, float]] = deque()
        self._first: int | None = None

    def add(self, number: int, value: float) -> None:
        """One more value; `number` is higher than any before."""
        if self._first is None:
            self._first = number
        while self._rising and self._rising[-1][1] >= value:
            self._rising.pop()
        while self._falling and self._falling[-1][1] <= value:
            self._falling.pop()
        self._rising.append((number, value))
        self._falling.append((number, value))

    def leave(self, number: int) -> None:
        """Values up to this number leave."""
        while self._rising and self._rising[0][0] <= number:
            self._rising.popleft()
        while self._falling and self._falling[0][0] <= number:
            self._falling.popleft()

    def of(self, number: int) -> tuple[float, float] | None:
        """The lowest and the highest value while that number is among them; None where it is too old to be known."""
        if self._first is None or number < self._first or not self._rising:
            return None
        return self._rising[0][1], self._falling[0][1]
