"""Tells a real ledger what an engine would."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline, Tier
from batch_pipelines.domain.spec import Options
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.analytics.samples import pipeline
from batch_pipelines_tests.clock import after
from batch_pipelines_tests.ledger.samples import make_plan
from batch_pipelines_tests.reports import make_attempt, make_report


def create(ledger: Ledger, *tiers: Tier | None, phases: Pipeline | None = None) -> BatchJob:
    """A batch job `job_1` with an item `item_<position>` for each tier named."""
    plan = make_plan(
        tiers=tiers,
        pipeline=phases or pipeline("generate"),
        tier=None,
        options=Options(concurrency=3),
        simulated=True,
    )
    return ledger.create_job("job_1", plan)


def report(row: int, position: int, seconds: float, phase: str = "generate", **changes: Any) -> Report:
    """News of an item, so many seconds after the start."""
    return make_report(row, phase, position, at=after(seconds), **changes)


def attempt(cost_usd: str | None, milliseconds: float = 1000, error: ErrorCategory | None = None) -> Attempt:
    """A call that ended, of 2,000 tokens and 3,000 where its cost is known."""
    return make_attempt(
        duration_ms=milliseconds,
        usage=Usage(input_tokens=2000, output_tokens=3000) if cost_usd else None,
        cost_usd=Decimal(cost_usd) if cost_usd else None,
        error_category=error,
        error_message=f"{error} happened" if error else None,
    )


def succeed(row: int, position: int, seconds: float, cost_usd: str | None, milliseconds: float = 1000) -> list[Report]:
    """An item that starts and succeeds at once, with one call."""
    call = attempt(cost_usd, milliseconds)
    return [
        report(row, position, seconds, trigger=ItemTrigger.START),
        report(row, position, seconds, attempt=call, output="Text.", trigger=ItemTrigger.COMPLETE),
    ]


def fail(row: int, position: int, seconds: float, cost_usd: str | None, error: ErrorCategory) -> list[Report]:
    """An item that starts and fails at once, with one call."""
    return [
        report(row, position, seconds, trigger=ItemTrigger.START),
        report(row, position, seconds, attempt=attempt(cost_usd, error=error), trigger=ItemTrigger.FAIL),
    ]
