"""What a row of the table finds out, and what it is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of a row is measured."""

    share: float = 1.0
    """Part of the items, up to 1; a small part only shows that the row works."""

    def items(self, number: int) -> int:
        """So many items of a row that has `number`; at least 2."""
        return max(2, round(number * self.share))

    def repetitions(self, number: int) -> int:
        """How often to measure what a whole row measures `number` times."""
        return number if self.share == 1 else 1


@dataclass(frozen=True, slots=True)
class Finding:
    """What a row measured. The values are ready for JSON."""

    met: bool
    summary: str
    """What the table shows."""
    measured: dict[str, Any]
    reference: dict[str, Any] | None = None
    """The hand-written reference, measured in the same way."""
    reference_summary: str = ""
    ratio: float | None = None
    """The reference's value by ours, or ours by it, as the target says; None where there is no reference."""
    repetitions: int = 1
    taken: str = "the only one"
    """Which of the repetitions the values are of."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    name: str
    what: str
    target: str
    measure: Callable[[Scale], Finding] = field(repr=False)
    others: str = ""
    """The best that others reached on two cores."""


def say(text: str) -> None:
    """Tell whoever waits; standard output is for the findings."""
    print(text, file=sys.stderr, flush=True)
