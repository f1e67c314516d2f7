"""What is looked for on behalf of an item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from batch_pipelines.domain.texts import texts_in

LONGEST_QUERY = 20_000
"""Characters of an item's texts that are looked at; of these, the search takes the words that tell most."""


def query_of(parameters: Mapping[str, JsonValue], rendered: str | None = None) -> str:
    """The text whose words are looked for: the rendered query of the phase, or the item's texts.

    These are its strings, those within lists and mappings too, in order; empty where it has none.
    """
    if rendered is not None:
        return rendered[:LONGEST_QUERY]
    return "\n".join(_within(texts_in(parameters.values())))


def _within(texts: Iterable[str]) -> Iterator[str]:
    """As many texts as a query takes, the last one cut."""
    left = LONGEST_QUERY
    for text in texts:
        if left <= 0:
            return
        yield text[:left]
        left -= len(text)
