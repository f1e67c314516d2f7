"""What is looked for on behalf of an item."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.retrieval.queries import LONGEST_QUERY, query_of


@pytest.mark.parametrize(
    ("parameters", "rendered", "query"),
    [
        ({"title": "Tea", "year": 1865, "done": True, "note": None}, None, "Tea"),
        ({"title": "Tea", "tags": ["hat", {"who": "Dormouse"}], "text": "party"}, None, "Tea\nhat\nDormouse\nparty"),
        ({"title": "Tea"}, "who drinks it", "who drinks it"),
        ({"title": "Tea"}, "", ""),
        ({}, None, ""),
    ],
)
def test_a_query_is_the_rendered_one_or_the_texts(parameters: dict[str, Any], rendered: str | None, query: str) -> None:
    """A template's result goes before the item's own texts, even an empty one (B8)."""
    assert query_of(parameters, rendered) == query


def test_a_query_is_bounded() -> None:
    """Of endless texts the beginning is looked at."""
    assert len(query_of({"a": "x" * LONGEST_QUERY, "b": "y"})) == LONGEST_QUERY
    assert len(query_of({}, "x" * (LONGEST_QUERY + 1))) == LONGEST_QUERY
