"""What a number field is filled with, by its name and its bounds."""

from __future__ import annotations

import math
import random
import re
from typing import Any, NamedTuple

from batch_pipelines.providers.simulated.shaping.hints import bounds_of, within
from batch_pipelines.providers.simulated.tasks.material import Material

DECIMALS = 2


class _Usual(NamedTuple):
    """Where values of a name usually lie."""

    low: float
    high: float
    middle: float = 0.5
    """Their mean, as a share of the range."""
    spread: float = 0.29
    """Their standard deviation, as a share of the range."""


BY_NAME = (
    (re.compile(r"confiden|probab|certain|likel|similar|share|ratio|fraction|relevance"), _Usual(0, 1, 0.8, 0.12)),
    (re.compile(r"score|rating|quality|grade|stars|readab|complet|importan|difficult"), _Usual(1, 10, 0.7, 0.16)),
    (re.compile(r"percent"), _Usual(0, 100)),
    (re.compile(r"year"), _Usual(1950, 2026)),
    (re.compile(r"page|chapter|number|count|total|length|size|amount"), _Usual(1, 40)),
)
USUAL = _Usual(0, 100)


def number_for(name: str, schema: dict[str, Any], material: Material, source: random.Random) -> float | int:
    """A number that fits the schema and its hints; a whole one where it asks for that."""
    whole = schema["type"] == "integer"
    bounds = bounds_of(schema)
    usual = next((usual for names, usual in BY_NAME if names.search(name.lower())), USUAL)
    value = _stated(name, material)
    if value is None:
        low = usual.low if bounds.low is None else bounds.low
        high = usual.high if bounds.high is None else bounds.high
        high = max(high, low)
        value = source.gauss(low + (high - low) * usual.middle, (high - low) * usual.spread)
        value = min(max(value, low), high)
    fitting = within(value if whole else round(value, DECIMALS), bounds, whole=whole)
    return int(fitting) if whole else fitting


def _stated(name: str, material: Material) -> float | None:
    """What the material itself states under this name, or counts to."""
    if re.fullmatch(r"words?|word_?count|words_total", name.lower()):
        return float(len(material.text.split()))
    try:
        stated = float(material.fields[name.lower()])
    except (KeyError, ValueError):
        return None
    return stated if math.isfinite(stated) else None
