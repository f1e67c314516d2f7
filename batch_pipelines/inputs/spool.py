"""Planned items on their way to the ledger: in memory while they are few, in a temporary file when they are many."""

from __future__ import annotations

import json
import tempfile
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import PlannedItem
from batch_pipelines.domain.routing import Complexity, Tier

IN_MEMORY_BYTES = 8_000_000
AT_ONCE_BYTES = 1 << 20
"""Read together."""

_TIERS: dict[str | None, Tier | None] = {None: None, **{tier.value: tier for tier in Tier}}
_COMPLEXITIES = {complexity.value: complexity for complexity in Complexity}
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


class ItemSpool:
    """Takes planned items, and gives them again in their order as often as it is asked.

    Its file has no name and goes with it, or with the process. It is written by one thread, before any reads.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES)  # noqa: SIM115  # it lives as long as the plan
        weakref.finalize(self, self._file.close)
        self._reads = threading.Lock()
        self._count = 0
        self._end = 0

    def add(self, item: PlannedItem, place: str) -> int:
        """Keep an item and where it came from; gives the offset at which it stands.

        Raises ValueError or RecursionError for parameters that JSON cannot hold, InvalidInput where the disk is full.
        """
        line = _encode([place, item.item_id, item.tier, item.complexity, item.parameters]).encode() + b"\n"
        with _explained():
            self._file.write(line)
        offset = self._end
        self._end += len(line)
        self._count += 1
        return offset

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[PlannedItem]:
        return (_item(row) for row in self._rows())

    def places(self) -> Iterator[tuple[str, str]]:
        """The id of each item, and where it came from."""
        return ((row[1], row[0]) for row in self._rows())

    def at(self, offset: int) -> PlannedItem:
        """The item that stands there."""
        with self._reads, _explained():
            self._file.seek(offset)
            line = self._file.readline()
        return _item(_decode(line.decode()))

    def _rows(self) -> Iterator[list[Any]]:
        offset = 0
        while offset < self._end:
            # Others may read in between, so the place in the file is this loop's own.
            with self._reads, _explained():
                self._file.seek(offset)
                lines = self._file.readlines(AT_ONCE_BYTES)
            for line in lines:
                offset += len(line)
                yield _decode(line.decode())


@dataclass(frozen=True, slots=True)
class SpooledSample:
    """Some of the items of a spool, read when they are asked for."""

    spool: ItemSpool
    offsets: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.offsets)

    def __iter__(self) -> Iterator[PlannedItem]:
        return (self.spool.at(offset) for offset in self.offsets)


def spooled(items: Iterable[PlannedItem]) -> ItemSpool:
    """All these items."""
    spool = ItemSpool()
    for item in items:
        spool.add(item, item.item_id)
    return spool


@contextmanager
def _explained() -> Iterator[None]:
    """What is written may reach the disk, and find it full, as late as at the next read."""
    try:
        yield
    except OSError as error:
        problem = f"cannot hold the planned items ({error.strerror})"
        remedy = "make room there, or let TMPDIR name another folder"
        raise InvalidInput("TMPDIR", tempfile.gettempdir(), problem, remedy) from None


def _item(row: list[Any]) -> PlannedItem:
    """What was an item before needs no second look, which for a million takes seconds."""
    _, item_id, tier, complexity, parameters = row
    return PlannedItem.model_construct(
        item_id=item_id, tier=_TIERS[tier], complexity=_COMPLEXITIES[complexity], parameters=parameters
    )
