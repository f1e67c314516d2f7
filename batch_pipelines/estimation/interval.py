"""Bounds of a batch job's cost (requirement C7).

They rest on two assumptions, not on measurements, and stay assumptions until the history of a pipeline calibrates
them: that the cost of an item strays from its estimate by ITEM_SPREAD (one standard deviation, each item for itself),
and that all items of a batch job are off in the same direction by SHARED_BIAS (one standard deviation; prompts that
came out longer than planned, say). The first averages out over many items, the second never does. Where nobody said how
long answers are, the second is ASSUMED_BIAS.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from statistics import NormalDist

from batch_pipelines.domain.estimate import CostInterval
from batch_pipelines.estimation.money import ZERO, plain

COVERAGE = 0.95
"""Share of batch jobs whose cost is expected inside the bounds."""
ITEM_SPREAD = 0.20
"""Standard deviation of one item's cost, as a share of its estimate; assumed."""
SHARED_BIAS = 0.05
"""Standard deviation of the error that all items share, as a share of the total; assumed."""
ASSUMED_BIAS = 0.50
"""The same for calls whose answers are as long as their task type assumes; short answers are a tenth of it."""
STEP = Decimal("0.000001")
"""USD; bounds are rounded outwards to it."""


def half_width(items: int, assumed_share: float = 0.0) -> float:
    """Distance of the bounds from the expected cost, as a share of it; `items` is at least 1.

    `assumed_share` is the part of the cost that rests on what task types assume, 0 to 1.
    """
    deviations = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    bias = SHARED_BIAS + (ASSUMED_BIAS - SHARED_BIAS) * assumed_share
    return deviations * math.sqrt(bias**2 + ITEM_SPREAD**2 / items)


def cost_interval(expected_usd: Decimal, items: int, assumed_share: float = 0.0) -> CostInterval:
    """Bounds of the total cost of `items` items (at least 1) around its expected value; never below 0."""
    margin = expected_usd * Decimal(half_width(items, assumed_share))
    low = max(expected_usd - margin, ZERO).quantize(STEP, rounding=ROUND_FLOOR)
    high = (expected_usd + margin).quantize(STEP, rounding=ROUND_CEILING)
    return CostInterval(low_usd=plain(low), high_usd=plain(high), coverage=COVERAGE)
