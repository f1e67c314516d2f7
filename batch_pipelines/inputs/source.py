"""What every reader gives: records, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import JsonValue

from batch_pipelines.domain.errors import LimitExceeded

FIELD = "items"
"""Of a spec: what an error about a source names."""


class Record(NamedTuple):
    """An item as its source has it."""

    place: str
    """Within the source, as `line 3`; in a list of the spec itself its position, from 0."""
    fields: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the items of a spec come from; can be gone through once."""

    records: Iterator[Record]
    title: str | None
    """Path, address or id of what is read; None where the spec lists its items."""
    id_field: str = "id"
    """The field that holds an item's id."""
    is_filtered: bool = False
    """Whether some of its records may have been left out."""

    def field(self, place: str, name: str) -> str:
        """What an error about a field of a record names."""
        return f"{FIELD}.{place}.{name}" if self.title is None else f"{self.title}, {place}: {name}"


def listed(items: Iterable[dict[str, JsonValue]]) -> Source:
    """Items that a spec lists itself."""
    return Source((Record(str(position), fields) for position, fields in enumerate(items)), None)


def too_many(count: int, most: int) -> LimitExceeded:
    """The error about so many items, where only `most` may be (requirement A13)."""
    remedy = "split the job, or raise BATCH_PIPELINES_MAX_ITEMS (up to 1,000,000)"
    return LimitExceeded(FIELD, count, 1, most, remedy)
