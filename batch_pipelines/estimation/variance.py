"""How far a batch job ended from its estimate (requirement C5)."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from batch_pipelines.estimation.money import plain

COST_MARGIN = Decimal("0.10")
"""Share of the estimated cost that the actual cost may be off (requirement C5)."""
TIME_MARGIN = Decimal("0.20")
"""Share of the estimated time that the actual time may be off (requirement C5)."""


class Variance(BaseModel):
    """What cost and time have in common."""

    model_config = ConfigDict(frozen=True)

    percentage: float | None
    """The difference in per cent of the estimate, positive when it was more; None where the estimate was 0."""
    within_margin: bool
    """Exactly at the margin is within; of an estimate of 0 only 0 is."""


class CostVariance(Variance):
    """Estimated against actual cost."""

    estimated_usd: Decimal
    actual_usd: Decimal
    difference_usd: Decimal
    """Actual minus estimated."""


class TimeVariance(Variance):
    """Estimated against actual time."""

    estimated_seconds: float
    actual_seconds: float
    difference_seconds: float
    """Actual minus estimated."""


def cost_variance(estimated: Decimal, actual: Decimal) -> CostVariance:
    """Compare USD; within the margin up to 10 % either way."""
    return CostVariance(
        estimated_usd=plain(estimated),
        actual_usd=plain(actual),
        difference_usd=plain(actual - estimated),
        percentage=_percentage(estimated, actual),
        within_margin=_within(estimated, actual, COST_MARGIN),
    )


def time_variance(estimated: float, actual: float) -> TimeVariance:
    """Compare seconds; within the margin up to 20 % either way."""
    # Through their text, so that 120.1 is compared as written and a difference exactly at the margin counts as within.
    planned, taken = Decimal(str(estimated)), Decimal(str(actual))
    return TimeVariance(
        estimated_seconds=estimated,
        actual_seconds=actual,
        difference_seconds=float(taken - planned),
        percentage=_percentage(planned, taken),
        within_margin=_within(planned, taken, TIME_MARGIN),
    )


def _percentage(estimated: Decimal, actual: Decimal) -> float | None:
    return round(float((actual - estimated) / estimated * 100), 2) if estimated else None


def _within(estimated: Decimal, actual: Decimal, margin: Decimal) -> bool:
    return abs(actual - estimated) <= margin * estimated
