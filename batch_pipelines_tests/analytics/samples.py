"""Batch jobs, calls and events to make figures of."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic import JsonValue

from batch_pipelines.analytics.summary import Sources, compose
from batch_pipelines.analytics.values import Analytics
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.estimate import Estimate
from batch_pipelines.domain.events import Event, EventType
from batch_pipelines.domain.job import BatchJob, Progress
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, Tier, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup
from batch_pipelines.domain.spec import Budget, Options, Priority
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation.duration import Pace
from batch_pipelines.estimation.estimator import Workload, estimate
from batch_pipelines.estimation.prices import Price, PriceBook
from batch_pipelines.ledger.queries import ErrorCount, FinishedCall
from batch_pipelines.ledger.spending import Spending
from batch_pipelines_tests.clock import START, after

PRICES = PriceBook([Price(model="dear", input_usd_per_mtok=Decimal(15), output_usd_per_mtok=Decimal(75))])
USAGE = Usage(input_tokens=6000, output_tokens=9000)
TIERS: dict[Tier | None, int] = dict.fromkeys(Tier, 30)


def pipeline(*phases: str) -> Pipeline:
    """A pipeline of phases with these names, with the tokens of requirement C2 in each."""
    return Pipeline(
        name="conversation_generation",
        description="Writes conversations.",
        model="dear",
        tiered=True,
        phases=tuple(
            Phase(
                name=name,
                task_type=TaskType.CONVERSATION,
                prompt="Write {{ item.topic }}.",
                tier_tokens={
                    Tier.TEMPLATE: TokenProfile(input_tokens=2000, output_tokens=3000),
                    Tier.SCENARIO: TokenProfile(input_tokens=2500, output_tokens=4000),
                    Tier.EDGE_CASE: TokenProfile(input_tokens=3000, output_tokens=5000),
                },
            )
            for name in phases
        ),
    )


def estimate_of(phases: Pipeline, tiers: dict[Tier | None, int]) -> Estimate:
    """The estimate of these items at three calls at once."""
    groups = {ItemGroup(tier, Complexity.MODERATE): count for tier, count in tiers.items()}
    return estimate(Workload(phases, groups, None, 3, Budget()), PRICES, Pace(), START)


def batch_job(**changes: Any) -> BatchJob:
    """Ninety conversations, thirty of each tier, that completed in ten minutes, with their estimate."""
    phases = changes.pop("pipeline", pipeline(*changes.pop("phases", ("generate",))))
    values: dict[str, Any] = {
        "id": "job_1",
        "name": "All tiers",
        "description": "",
        "project": "default",
        "pipeline": phases,
        "tier": "all",
        "priority": Priority.NORMAL,
        "status": JobStatus.COMPLETED,
        "options": Options(concurrency=3),
        "budget": Budget(max_cost_usd=Decimal(50)),
        "tags": {},
        "creator": None,
        "simulated": False,
        "total_items": 90,
        "created_at": after(-5),
        "started_at": START,
        "completed_at": after(600),
        "run_id": "run_1",
        "error": None,
        "warnings": (),
        "estimate": estimate_of(phases, TIERS),
    }
    return BatchJob(**values | changes)


def call(item_id: str, **changes: Any) -> FinishedCall:
    """One phase of an item that succeeded after a second and for a cent."""
    values: dict[str, Any] = {
        "item_id": item_id,
        "item_status": ItemStatus.COMPLETED,
        "phase": "generate",
        "model": "dear",
        "attempts": 1,
        "duration_ms": 1000.0,
        "usage": Usage(input_tokens=2000, output_tokens=3000),
        "cost_usd": Decimal("0.01"),
        "quality_score": None,
        "completed_at": after(1),
    }
    return FinishedCall(**values | changes)


def spending(cost_usd: str | None, **changes: Any) -> Spending:
    """What one item of the template tier that succeeded cost in one phase."""
    values: dict[str, Any] = {
        "tier": Tier.TEMPLATE,
        "item_status": ItemStatus.COMPLETED,
        "phase": "generate",
        "items": 1,
        "cost_usd": None if cost_usd is None else Decimal(cost_usd),
    }
    return Spending(**values | changes)


def progress(**changes: Any) -> Progress:
    """Nothing happened yet, for two items."""
    values: dict[str, Any] = dict.fromkeys(("pending", "running", "completed", "failed", "skipped", "cancelled"), 0)
    return Progress(**values | {"total": 2, "cost_usd": Decimal(0), "usage": Usage()} | changes)


class Story:
    """Events with ids that grow, told one after the other."""

    def __init__(self) -> None:
        self._events: list[Event] = []

    def tell(self, seconds: float, kind: EventType, item_id: str | None = None, **data: JsonValue) -> Story:
        """Add what happened so many seconds after the start."""
        number = len(self._events) + 1
        event = Event(id=number, batch_job_id="job_1", item_id=item_id, type=kind, at=after(seconds), data=data)
        self._events.append(event)
        return self

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)


def analytics_of(job: BatchJob) -> Analytics:
    """Figures in which items `a` and `c` succeeded and `b` failed, while the other 87 are skipped."""
    calls = [call("a", duration_ms=10_000, quality_score=8.0), call("c", duration_ms=20_000)]
    spendings = [
        spending("0.25"),
        spending("0.10", item_status=ItemStatus.FAILED),
        spending("0.45", tier=Tier.EDGE_CASE),
    ]
    worked: dict[Tier | None, int] = {Tier.TEMPLATE: 2, Tier.EDGE_CASE: 1}
    counts = progress(total=90, completed=2, failed=1, skipped=87, cost_usd=Decimal("0.8"), usage=USAGE)
    story = (
        Story()
        .tell(0, EventType.BATCH_STARTED)
        .tell(15, EventType.ITEM_COMPLETED, "a")
        .tell(30, EventType.ITEM_FAILED, "b")
        .tell(45, EventType.ITEM_COMPLETED, "c")
        .tell(600, EventType.BATCH_COMPLETED)
    )
    errors = [ErrorCount(ErrorCategory.TIMEOUT, "no answer within 300 s", 1)]
    events = [] if job.started_at is None else list(story)
    return compose(job, Sources(counts, calls, errors, spendings, TIERS, worked, events, events), after(660))
