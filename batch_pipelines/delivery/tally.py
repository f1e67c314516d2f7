"""What a report counts: items, fields of their outputs, and both by group; in memory that does not grow with items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from pydantic import JsonValue

from batch_pipelines.delivery.columns import as_json
from batch_pipelines.delivery.rows import has_output, value_of
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus

MOST_KEPT = 1000
"""Groups, fields and reasons each; what comes after counts as `OTHERS`."""
OTHERS = "(others)"
NONE = "(none)"
"""The group of items without a value."""


@dataclass(slots=True)
class Figures:
    """Numbers of one field."""

    count: int = 0
    total: float = 0
    least: float | None = None
    greatest: float | None = None

    def add(self, number: float) -> None:
        """One more."""
        self.count += 1
        self.total += number
        self.least = number if self.least is None else min(self.least, number)
        self.greatest = number if self.greatest is None else max(self.greatest, number)

    @property
    def mean(self) -> float | None:
        """None where there are no numbers."""
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class Group:
    """Items that have one value in common, or all of them."""

    items: int = 0
    statuses: Counter[ItemStatus] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    """How many outputs have a value in each field."""
    figures: dict[str, Figures] = field(default_factory=dict)
    """Of fields with numbers."""

    def add(self, result: ItemResult, output: dict[str, JsonValue]) -> None:
        """One more item, with the fields of its output."""
        self.items += 1
        self.statuses[result.status] += 1
        for name, value in output.items():
            name = _kept(name, self.filled)
            self.filled[name] += value not in (None, "", [], {})
            if isinstance(value, int | float) and not isinstance(value, bool):
                self.figures.setdefault(name, Figures()).add(value)


@dataclass(slots=True)
class Tally:
    """Everything a report says."""

    group_by: str | None
    all: Group = field(default_factory=Group)
    groups: dict[str, Group] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why items failed."""

    def add(self, result: ItemResult) -> None:
        """One more item."""
        value = value_of(result.output or "") if has_output(result) else None
        output = value if isinstance(value, dict) else {}
        self.all.add(result, output)
        if self.group_by is not None:
            # What failed has no output, and belongs where its input puts it.
            label = label_of(output.get(self.group_by, result.input.get(self.group_by)))
            self.groups.setdefault(_kept(label, self.groups), Group()).add(result, output)
        if result.error is not None:
            self.reasons[_kept(result.error.message, self.reasons)] += 1


def tally(results: Iterable[ItemResult], group_by: str | None) -> Tally:
    """Count all results."""
    counted = Tally(group_by)
    for result in results:
        counted.add(result)
    return counted


def label_of(value: JsonValue) -> str:
    """What a group is called."""
    if value is None or value == "":
        return NONE
    return value if isinstance(value, str) else as_json(value)


def _kept(name: str, known: Collection[str]) -> str:
    """The name, or `OTHERS` where so many are known already that it would be one too many."""
    return name if name in known or len(known) < MOST_KEPT else OTHERS
