"""Bounds of a batch job's cost (requirement C7).

They rest on two assumptions, not on measurements, and stay assumptions until the history of a pipeline calibrates
them: that the cost of an item strays from its estimate by ITEM_SPREAD (one standard deviation, each item for itself),
and that all items of a batch job are off in the same direction by SHARED_BIAS (one standard deviation; prompts that
came out longer than planned, say). The first averages out over many items, the second never does.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from statistics import NormalDist

from batch_pipelines.domain.estimate import CostInterval
from batch_pipelines.estimation.money import plain

COVERAGE = 0.95
"""Share of batch jobs whose cost is expected inside the bounds."""
ITEM_SPREAD = 0.20
"""Standard deviation of one item's cost, as a share of its estimate; assumed."""
SHARED_BIAS = 0.05
"""Standard deviation of the error that all items share, as a share of the total; assumed."""
STEP = Decimal("0.000001")
"""USD; bounds are rounded outwards to it."""


def half_width(items: int) -> float:
    """Distance of the bounds from the expected cost, as a share of it; `items` is at least 1."""
    deviations = NormalDist().inv_cdf((1 + COVERAGE) / 2)
    return deviations * math.sqrt(SHARED_BIAS**2 + ITEM_SPREAD**2 / items)


def cost_interval(expected_usd: Decimal, items: int) -> CostInterval:
    """Bounds of the total cost of `items` items (at least 1) around its expected value."""
    margin = expected_usd * Decimal(half_width(items))
    low = (expected_usd - margin).quantize(STEP, rounding=ROUND_FLOOR)
    high = (expected_usd + margin).quantize(STEP, rounding=ROUND_CEILING)
    return CostInterval(low_usd=plain(low), high_usd=plain(high), coverage=COVERAGE)
