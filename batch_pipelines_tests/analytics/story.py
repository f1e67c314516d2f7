"""Tells a real ledger what an engine would."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.job import BatchJob, Plan, PlannedItem
from batch_pipelines.domain.pipeline import Pipeline, Tier
from batch_pipelines.domain.spec import Budget, Options
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.analytics.samples import pipeline
from batch_pipelines_tests.clock import START, after


def create(ledger: Ledger, *tiers: Tier | None, phases: Pipeline | None = None) -> BatchJob:
    """A batch job `job_1` with an item `item_<position>` for each tier named."""
    plan = Plan(
        name="Sample",
        description="",
        project="default",
        pipeline=phases or pipeline("generate"),
        tier=None,
        options=Options(concurrency=3),
        budget=Budget(),
        tags={},
        simulated=True,
        items=tuple(PlannedItem(item_id=f"item_{n}", tier=tier, parameters={}) for n, tier in enumerate(tiers)),
    )
    return ledger.create_job("job_1", plan)


def rows(ledger: Ledger, job: BatchJob) -> list[int]:
    """The ledger's keys of the items that are not finished, by position."""
    work = ledger.partition_work(job.id, job.pipeline.phases[-1].name, 0, job.total_items)
    return [item.row for item in work]


def report(row: int, position: int, seconds: float, phase: str = "generate", **changes: Any) -> Report:
    """News of an item, so many seconds after the start."""
    return Report(row=row, item_id=f"item_{position}", phase=phase, at=after(seconds), **changes)


def attempt(cost_usd: str | None, milliseconds: float = 1000, error: ErrorCategory | None = None) -> Attempt:
    """A call that ended."""
    return Attempt(
        number=1,
        started_at=START,
        duration_ms=milliseconds,
        model="dear",
        simulated=True,
        usage=Usage(input_tokens=2000, output_tokens=3000) if cost_usd else None,
        cost_usd=Decimal(cost_usd) if cost_usd else None,
        request_id=None,
        stop_reason=None if error else "end_turn",
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
