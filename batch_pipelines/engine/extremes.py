"""The lowest and the highest of numbered ranges, of which the oldest leave first. Constant time on average."""

from __future__ import annotations

from collections import deque


class Extremes:
    """Ranges by numbers that only grow."""

    def __init__(self) -> None:
        self._lows: deque[tuple[int, float]] = deque()
        self._highs: deque[tuple[int, float]] = deque()
        self._first: int | None = None

    def add(self, number: int, low: float, high: float) -> None:
        """One more range; `number` is higher than any before."""
        if self._first is None:
            self._first = number
        while self._lows and self._lows[-1][1] >= low:
            self._lows.pop()
        while self._highs and self._highs[-1][1] <= high:
            self._highs.pop()
        self._lows.append((number, low))
        self._highs.append((number, high))

    def leave(self, number: int) -> None:
        """Ranges up to this number leave."""
        while self._lows and self._lows[0][0] <= number:
            self._lows.popleft()
        while self._highs and self._highs[0][0] <= number:
            self._highs.popleft()

    def of(self, number: int) -> tuple[float, float] | None:
        """The lowest and the highest while that number is among them; None where it is too old to be known."""
        if self._first is None or number < self._first or not self._lows:
            return None
        return self._lows[0][1], self._highs[0][1]
