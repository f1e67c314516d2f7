"""The texts in values of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import JsonValue


def texts_in(values: Iterable[JsonValue]) -> Iterator[str]:
    """Every text among the values, those within lists and mappings too, in their order."""
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from texts_in(value)
        elif isinstance(value, dict):
            yield from texts_in(value.values())
