"""Constraints that a schema cannot state to the server and says in its descriptions instead. Pure.

The vendor's SDK writes what is not supported at the end of a description, as `{minimum: 1, maximum: 10}`; people write
"from 1 to 10". A model follows both as far as it can, and so does the simulation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

MOVED = re.compile(r"\{([^{}]*)\}\s*$")
PAIR = re.compile(r"(\w+): (-?\d+(?:\.\d+)?(?:e-?\d+)?)(?=,|$)", re.IGNORECASE)
RANGE = re.compile(
    r"\b(?:from|between)\s+(-?\d+(?:\.\d+)?)\b[^.\n]{0,30}?\b(?:to|and)\s+(-?\d+(?:\.\d+)?)|\b(\d+)\s*[-–]\s*(\d+)\b"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what a number lies, ends included; None where it is open. A step of None takes any."""

    low: float | None
    high: float | None
    step: float | None


def hints_of(schema: dict[str, Any]) -> dict[str, float]:
    """Constraints by keyword, from a description."""
    moved = MOVED.search(str(schema.get("description", "")))
    return {name: float(value) for name, value in PAIR.findall(moved[1])} if moved else {}


def bounds_of(schema: dict[str, Any]) -> Bounds:
    """The range of a number; where a description has no constraints, the range that its words name."""
    hints = hints_of(schema)
    unit = 1.0 if schema.get("type") == "integer" else 1e-6
    low = _tighter(max, hints.get("minimum"), _moved_by(hints.get("exclusiveMinimum"), unit))
    high = _tighter(min, hints.get("maximum"), _moved_by(hints.get("exclusiveMaximum"), -unit))
    if low is None and high is None:
        low, high = _in_words(str(schema.get("description", "")))
    return Bounds(low, high, hints.get("multipleOf") or None)


def within(value: float, bounds: Bounds, *, whole: bool) -> float:
    """The nearest number to `value` that fits; where none does, one of the ends."""
    low = -math.inf if bounds.low is None else bounds.low
    high = math.inf if bounds.high is None else bounds.high
    step = bounds.step or (1.0 if whole else None)
    value = min(max(value, low), high)
    if step is None:
        return value
    fitting = round(value / step) * step
    if fitting < low:
        fitting = math.ceil(low / step) * step
    if fitting > high:
        fitting = math.floor(high / step) * step
    return fitting


def _tighter(choose: Any, first: float | None, second: float | None) -> float | None:
    given = [each for each in (first, second) if each is not None]
    return float(choose(given)) if given else None


def _moved_by(value: float | None, amount: float) -> float | None:
    return None if value is None else value + amount


def _in_words(description: str) -> tuple[float | None, float | None]:
    found = RANGE.search(description)
    if found is None:
        return None, None
    low, high = (float(each) for each in found.groups() if each is not None)
    return (low, high) if low < high else (None, None)
