"""Plans, attempts and reports for tests of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory
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
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
JOB = "job-1"
USAGE = Usage(input_tokens=2000, output_tokens=3000, cache_read_input_tokens=100, cache_creation_input_tokens=10)
COST = Decimal("0.255000000001")
"""With a digit in the last place that the ledger keeps."""


class FakeClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def make_plan(items: int = 3, phases: tuple[str, ...] = ("draft", "review"), **changes: Any) -> Plan:
    """A plan with items `item_0`, `item_1`, ... of tier `template`."""
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
            PlannedItem(item_id=f"item_{number}", tier=Tier.TEMPLATE, parameters={"topic": f"t{number}"})
            for number in range(items)
        ),
    )
    return plan.model_copy(update=changes)


def make_attempt(number: int = 1, **changes: Any) -> Attempt:
    """An accepted answer that cost COST and used USAGE in 800 ms."""
    values: dict[str, Any] = {
        "started_at": START,
        "duration_ms": 800.0,
        "model": "claude-test",
        "simulated": False,
        "usage": USAGE,
        "cost_usd": COST,
        "request_id": "req_1",
        "stop_reason": "end_turn",
        "error_category": None,
        "error_message": None,
    }
    return Attempt(number=number, **{**values, **changes})


def failed_attempt(number: int = 1, **changes: Any) -> Attempt:
    """A call that ran into the provider's overload; nobody knows what it used."""
    known = {"usage": None, "cost_usd": None, "stop_reason": None}
    error = {"error_category": ErrorCategory.OVERLOADED, "error_message": "busy"}
    return make_attempt(number, **{**known, **error, **changes})


def make_report(row: int, phase: str = "draft", item: int = 0, **changes: Any) -> Report:
    """News about `item_<item>` at the start of time."""
    return Report(**{"row": row, "item_id": f"item_{item}", "phase": phase, "at": START, **changes})


def rows_of(ledger: Ledger, batch_job_id: str = JOB) -> list[int]:
    """The keys of all items that have not ended, by position."""
    return [work.row for work in ledger.partition_work(batch_job_id, "no_such_phase", 0, 1_000_000)]


def start_job(ledger: Ledger, items: int = 3, **changes: Any) -> list[int]:
    """Create JOB, start it, and return the keys of its items."""
    ledger.create_job(JOB, make_plan(items, **changes))
    ledger.move_job(JOB, JobTrigger.START)
    return rows_of(ledger)


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
