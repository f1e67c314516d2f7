"""What is looked for on behalf of an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

LONGEST_QUERY = 20_000
"""Characters of an item's texts that are looked at; of these, the search takes the words that tell most."""


def query_of(parameters: Mapping[str, JsonValue], rendered: str | None = None) -> str:
    """The text whose words are looked for: the rendered query of the phase, or the item's texts.

    These are its strings, those within lists and mappings too, in order; empty where it has none.
    """
    if rendered is not None:
        return rendered[:LONGEST_QUERY]
    return "\n".join(_within(_texts(parameters.values())))


def _texts(values: Iterable[JsonValue]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            yield from _texts(value)
        elif isinstance(value, dict):
            yield from _texts(value.values())


def _within(texts: Iterable[str]) -> Iterator[str]:
    """As many texts as a query takes, the last one cut."""
    left = LONGEST_QUERY
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)
