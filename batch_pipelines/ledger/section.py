"""What every section of the store has: the database and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine

Clock = Callable[[], datetime]
"""Gives the time now, with its time zone."""


class Section:
    """Base of the store's sections, of which each is about one subject."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def clock(self) -> datetime:
        """The time now, as everything that is written here has it."""
        return self._clock()
