"""The analyzer: how much an item asks of a model. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue

from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.domain.texts import texts_in

SIMPLE_CHARACTERS = 2_000
"""Up to half a page of text: about 500 tokens."""
MODERATE_CHARACTERS = 20_000
"""Up to ten pages: about 5,000 tokens. What is longer has to be held together by a model that can."""
ORDER = tuple(Complexity)
AT_LEAST = {Tier.SCENARIO: Complexity.MODERATE, Tier.EDGE_CASE: Complexity.COMPLEX}
"""A tier says how hard an item is, however short."""


def complexity_of(parameters: Mapping[str, JsonValue], tier: Tier | None) -> Complexity:
    """By the characters of all texts in the item's parameters, nested ones included, and by its tier."""
    characters = sum(map(len, texts_in(parameters.values())))
    if characters <= SIMPLE_CHARACTERS:
        measured = Complexity.SIMPLE
    elif characters <= MODERATE_CHARACTERS:
        measured = Complexity.MODERATE
    else:
        measured = Complexity.COMPLEX
    least = AT_LEAST.get(tier, Complexity.SIMPLE) if tier else Complexity.SIMPLE
    return max(measured, least, key=ORDER.index)
