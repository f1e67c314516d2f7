"""What a row of a delivered file is: an item with all that is known of it, or what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import NoReturn

from pydantic import JsonValue

from batch_pipelines.domain.delivery import Content
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus

ID = "id"
OWN_ID = "output_id"
"""What a field `id` of an output becomes, where the item has another."""
VECTOR = "vector"
OUTPUT = "output"
DIGEST_BYTES = 16
"""Too many for two of a million outputs to share one by chance."""

Row = dict[str, JsonValue]
Results = Callable[[], Iterator[ItemResult]]
"""All items of a batch job, as often as they are asked for."""


class Rows:
    """The rows of a file; each time it is gone through, the results are read anew."""

    def __init__(self, results: Results, content: Content, *, simulated: bool, distinct: bool) -> None:
        self._results = results
        self._content = content
        self._simulated = simulated
        self._distinct = distinct
        self.repeats = 0
        """Rows that were left out, when it was gone through last, as an earlier one had the same output."""

    def __iter__(self) -> Iterator[Row]:
        if self._content is Content.RESULTS:
            return (result.as_line() | {"simulated": self._simulated} for result in self.wanted())
        return (output_row(result) for result in self.wanted() if has_output(result))

    def wanted(self) -> Iterator[ItemResult]:
        """The results less those that repeat an earlier one."""
        return self._first_ones() if self._distinct else self._results()

    def _first_ones(self) -> Iterator[ItemResult]:
        seen: set[bytes] = set()
        self.repeats = 0
        for result in self._results():
            if has_output(result):
                digest = _digest(result.output or "")
                if digest in seen:
                    self.repeats += 1
                    continue
                seen.add(digest)
            yield result


def has_output(result: ItemResult) -> bool:
    """Whether the item came to its end with an output."""
    return result.status is ItemStatus.COMPLETED and result.output is not None


def output_row(result: ItemResult) -> Row:
    """The id of an item with an output, then the fields of an object, or a vector, or the output as it is."""
    value = value_of(result.output or "")
    row: Row = {ID: result.item_id}
    if isinstance(value, dict):
        for name, field in value.items():
            if name != ID:
                row[name] = field
            elif field != result.item_id:
                row[OWN_ID] = field
    else:
        row[VECTOR if is_vector(value) else OUTPUT] = value
    return row


def value_of(output: str) -> JsonValue:
    """An output that is a JSON object or a list of numbers as such; any other as the text that it is."""
    if not output.lstrip().startswith(("{", "[")):
        return output
    try:
        value: JsonValue = json.loads(output, parse_constant=_refuse_constant)
        if "\\ud" in output.lower():
            # Half a character may hide behind an escape, and no file of UTF-8 could hold it.
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return output
    return value if isinstance(value, dict) or is_vector(value) else output


def is_vector(value: JsonValue) -> bool:
    """Whether it is a list of numbers, and of one at least."""
    return isinstance(value, list) and bool(value) and all(_is_number(each) for each in value)


def names_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """Every name of a field, in the order in which they come up."""
    return tuple(dict.fromkeys(name for row in rows for name in row))


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _digest(output: str) -> bytes:
    """The same for outputs that say the same: the order of an object's fields means nothing."""
    value = value_of(output)
    return blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=DIGEST_BYTES).digest()


def _refuse_constant(name: str) -> NoReturn:
    """Python reads these, and JSON has no such numbers."""
    raise ValueError(f"it has no number {name}")
