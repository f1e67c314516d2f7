"""How much an item asks of a model: by table (B7)."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.domain.texts import texts_in
from batch_pipelines.quality.analyze import MODERATE_CHARACTERS, SIMPLE_CHARACTERS, complexity_of

HALF = "x" * (SIMPLE_CHARACTERS // 2)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, Complexity.SIMPLE),
        ({"number": 10**30, "flag": True, "nothing": None}, Complexity.SIMPLE),
        ({"text": "x" * SIMPLE_CHARACTERS}, Complexity.SIMPLE),
        ({"text": "x" * (SIMPLE_CHARACTERS + 1)}, Complexity.MODERATE),
        ({"one": HALF, "two": HALF, "three": "x"}, Complexity.MODERATE),
        ({"deep": [HALF, {"deeper": [HALF, "x"]}]}, Complexity.MODERATE),
        ({"text": "x" * MODERATE_CHARACTERS}, Complexity.MODERATE),
        ({"text": "x" * (MODERATE_CHARACTERS + 1)}, Complexity.COMPLEX),
        ({"x" * MODERATE_CHARACTERS * 2: "short"}, Complexity.SIMPLE),
    ],
    ids=["empty", "no text", "short", "over short", "together", "nested", "middling", "long", "a long name"],
)
def test_complexity_follows_the_length_of_all_texts(parameters: dict[str, JsonValue], expected: Complexity) -> None:
    """Wherever in the item's parameters they stand; names are no texts."""
    assert complexity_of(parameters, None) is expected


@pytest.mark.parametrize(
    ("tier", "length", "expected"),
    [
        (Tier.TEMPLATE, 1, Complexity.SIMPLE),
        (Tier.SCENARIO, 1, Complexity.MODERATE),
        (Tier.EDGE_CASE, 1, Complexity.COMPLEX),
        (Tier.TEMPLATE, MODERATE_CHARACTERS + 1, Complexity.COMPLEX),
        (Tier.SCENARIO, MODERATE_CHARACTERS + 1, Complexity.COMPLEX),
    ],
)
def test_a_tier_says_how_hard_an_item_is_at_least(tier: Tier, length: int, expected: Complexity) -> None:
    """However short it is; a long item of an easy tier stays hard (B6)."""
    assert complexity_of({"text": "x" * length}, tier) is expected


def test_texts_are_found_in_their_order() -> None:
    """As they stand in the item."""
    assert list(texts_in([{"a": ["one", 2, {"b": "two"}], "c": "three"}])) == ["one", "two", "three"]
