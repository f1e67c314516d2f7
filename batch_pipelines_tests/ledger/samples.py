"""Plans, jobs and estimates for tests of the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from batch_pipelines.domain.estimate import (
    CostBreakdown,
    CostInterval,
    Estimate,
    Gate,
    GateSeverity,
    TimeEstimate,
)
from batch_pipelines.domain.job import Plan, PlannedItem
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, Tier
from batch_pipelines.domain.spec import Budget, Options
from batch_pipelines.domain.transitions import ItemTrigger, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.reports import make_report, rows_of

JOB = "job-1"


def make_plan(
    items: int = 3,
    phases: tuple[str, ...] = ("draft", "review"),
    tiers: tuple[Tier | None, ...] = (),
    **changes: Any,
) -> Plan:
    """A plan with so many items `item_0`, `item_1`, ... of tier `template`, or with one for each of `tiers`."""
    pipeline = Pipeline(
        name="conversations",
        description="",
        model="claude-test",
        phases=tuple(Phase(name=name, task_type=TaskType.CHAT, prompt="{{ item.topic }}") for name in phases),
    )
    plan = Plan(
        name="Conversations",
        description="",
        project="default",
        pipeline=pipeline,
        tier="template",
        options=Options(concurrency=4),
        budget=Budget(),
        tags={"team": "a"},
        creator="ann",
        simulated=False,
        items=tuple(
            PlannedItem(item_id=f"item_{number}", tier=tier, parameters={"topic": f"t{number}"})
            for number, tier in enumerate(tiers or (Tier.TEMPLATE,) * items)
        ),
    )
    return plan.model_copy(update=changes)


def start_job(ledger: Ledger, items: int = 3, **changes: Any) -> list[int]:
    """Create JOB, start it, and return the keys of its items."""
    ledger.create_job(JOB, make_plan(items, **changes))
    ledger.move_job(JOB, JobTrigger.START)
    return rows_of(ledger, JOB)


def start_items(ledger: Ledger, rows: list[int]) -> None:
    """Move the items of these keys, which are `item_0` and so on, to `running`."""
    ledger.record(JOB, [make_report(row, item=number, trigger=ItemTrigger.START) for number, row in enumerate(rows)])


def make_estimate(severity: GateSeverity = GateSeverity.OK, reasons: tuple[str, ...] = ()) -> Estimate:
    """An estimate of 25.50 USD."""
    return Estimate(
        item_count=100,
        total_cost_usd=Decimal("25.50"),
        cost_per_item_usd=Decimal("0.255"),
        total_input_tokens=200_000,
        total_output_tokens=300_000,
        breakdown=CostBreakdown(input_usd=Decimal(3), output_usd=Decimal("22.50")),
        by_phase=(),
        by_tier=(),
        interval=CostInterval(low_usd=Decimal(20), high_usd=Decimal(30), coverage=0.9),
        time=TimeEstimate(
            seconds=660,
            minutes=11,
            hours=None,
            formatted="11 minutes",
            items_per_minute=9,
            effective_concurrency=3,
            rate_limit_applied=False,
        ),
        gate=Gate(passed=severity is not GateSeverity.ERROR, severity=severity, reasons=reasons),
        summary="100 items",
    )
