"""What a batch job is expected to cost and take, and whether it may start. The field names are a contract."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CostBreakdown(_Frozen):
    """Where the money goes by direction."""

    input_usd: Decimal
    output_usd: Decimal


class PhaseEstimate(_Frozen):
    """The share of one phase."""

    phase: str
    model: str | None
    """Who is called; several, judges included, with commas between them; None where nobody is."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal


class TierEstimate(_Frozen):
    """The share of one tier; `tier` is None where the pipeline has no tiers."""

    tier: str | None
    item_count: int
    cost_per_item_usd: Decimal
    cost_usd: Decimal
    input_tokens: int
    output_tokens: int


class PhaseReuse(_Frozen):
    """Calls of one phase that need not be made."""

    phase: str
    calls: int
    saved_usd: Decimal
    """What the kept answers cost when they were bought."""


class Reuse(_Frozen):
    """Calls that need not be made, as an answer to an equal request is kept; all else leaves them out."""

    calls: int
    items: int
    """Items that need no call at all."""
    saved_usd: Decimal
    by_phase: tuple[PhaseReuse, ...]


class CostInterval(_Frozen):
    """Bounds of the total cost; `coverage` is the share of jobs expected to end inside."""

    low_usd: Decimal
    high_usd: Decimal
    coverage: float


class TimeEstimate(_Frozen):
    """How long a batch job is expected to run (requirement C3)."""

    seconds: float
    minutes: float
    hours: float | None
    """None up to one hour."""
    formatted: str
    items_per_minute: float | None
    """Of items that need calls; None where none does."""
    effective_concurrency: float
    rate_limit_applied: bool


class GateSeverity(StrEnum):
    """What the gate says."""

    OK = "ok"
    WARN = "warn"
    ERROR = "error"


class Gate(_Frozen):
    """Whether a batch job may start spending (requirement C6), and why."""

    passed: bool
    severity: GateSeverity
    reasons: tuple[str, ...]


class Estimate(_Frozen):
    """Cost and time of a batch job before it starts (requirements C1-C3)."""

    item_count: int
    total_cost_usd: Decimal
    cost_per_item_usd: Decimal
    total_input_tokens: int
    total_output_tokens: int
    breakdown: CostBreakdown
    by_phase: tuple[PhaseEstimate, ...]
    by_tier: tuple[TierEstimate, ...]
    interval: CostInterval
    time: TimeEstimate
    gate: Gate
    summary: str
    reuse: Reuse | None = None
    """None where the batch job uses no kept answers."""
