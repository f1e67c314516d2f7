"""The figures of one batch job, as `analytics --json` shows them (requirement E3).

The field names are a contract. What is unknown is None, never zero; money is Decimal, in JSON a decimal string.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.estimation.variance import CostVariance, TimeVariance


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Overview(_Frozen):
    """Items by what became of them; all but the rate add up to `total`."""

    total: int
    successful: int
    failed: int
    skipped: int
    cancelled: int
    pending: int
    """Not ended yet, those being processed included."""
    success_rate: float | None
    """Successful items of those that ended, 0 to 1; None where none ended."""


class PhaseCost(_Frozen):
    """What one phase cost over all items, whether they finished it or not, retried attempts included."""

    phase: str
    cost_usd: Decimal | None
    """None where calls were made and the cost of none is known."""
    percentage: float | None
    """Of the total cost, 0 to 100; None where there is nothing to share."""


class TierCost(_Frozen):
    """What the items of one tier cost; `tier` is None for items without one."""

    tier: Tier | None
    item_count: int
    """All items of the tier, whether they ended or not."""
    cost_usd: Decimal | None
    per_item_usd: Decimal | None
    """Average of the items that succeeded or failed; None where there is none, or none of known cost."""
    percentage: float | None


class Costs(_Frozen):
    """Money spent so far. Phases add up to the total exactly, and so do tiers."""

    total_usd: Decimal
    per_item_usd: Decimal | None
    """Average of the items that succeeded or failed; None where there is none, or none of known cost."""
    by_phase: tuple[PhaseCost, ...]
    """In the order of the pipeline."""
    by_tier: tuple[TierCost, ...]
    """In the order of the glossary; tiers without items are left out."""


class Tokens(_Frozen):
    """Tokens spent so far, failed attempts included."""

    input_tokens: int
    """Cached or not."""
    output_tokens: int


class Durations(_Frozen):
    """How long something took, in milliseconds of calls; None where nothing was measured.

    Percentiles are interpolated linearly between the two nearest values.
    """

    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class PhasePerformance(Durations):
    """How long one phase took for an item, its retries included."""

    phase: str
    count: int
    """Items that finished the phase; the durations are theirs."""


class Performance(Durations):
    """How long an item took: the sum of its phases. Items that succeeded count, as a failed one stopped somewhere."""

    items_per_minute: float | None
    """Items that succeeded, failed or were skipped, per minute of work; None where there is none."""
    working_seconds: float
    """Time in which a run worked on the batch job, pauses left out."""
    by_phase: tuple[PhasePerformance, ...]


class ErrorShare(_Frozen):
    """Failed items of one category."""

    error: str
    """The category."""
    message: str
    """The most frequent message of the category."""
    count: int
    percentage: float
    """Of the failed items, 0 to 100."""


class QualityShare(_Frozen):
    """Items whose quality score, from 1 to 10, lies in a range; the upper bound belongs to the next range, 10 to the
    last."""

    range: str
    count: int
    percentage: float
    """Of the items that have a score, 0 to 100."""


class TimelinePoint(_Frozen):
    """What happened in one of up to 60 equal parts of the batch job's life."""

    at: datetime
    """The part's end."""
    completed: int
    failed: int
    cost_usd: Decimal
    """Of the calls that finished in this part."""
    cumulative_completed: int


class Variances(_Frozen):
    """How far the batch job ended from its estimate (requirement C5).

    None where there was no estimate, where it is not over, or where it never ran.
    """

    cost: CostVariance | None
    time: TimeVariance | None


class Analytics(_Frozen):
    """Everything there is to say in figures about one batch job."""

    overview: Overview
    cost: Costs
    tokens: Tokens
    performance: Performance
    error_distribution: tuple[ErrorShare, ...]
    """Most frequent first."""
    quality_distribution: tuple[QualityShare, ...]
    """From low to high; empty where no item has a score."""
    mean_quality_score: float | None
    """Of the items that have a score, from 1 to 10."""
    timeline: tuple[TimelinePoint, ...]
    """Empty where the batch job never ran."""
    variance: Variances
