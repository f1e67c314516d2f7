"""Reads for people and analytics: progress, results, events, errors (requirements E1, E2)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from batch_pipelines.domain.errors import ErrorCategory, InvalidInput
from batch_pipelines.domain.events import Event, EventType
from batch_pipelines.domain.job import ItemResult, Progress
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import USAGE_COLUMNS, cost_of, error_of, read_job, usage_of
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import batch_items, events, phase_results

PAGE = 200
IN_PROGRESS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """One phase done for one item, all its attempts together: a point for analytics."""

    item_id: str
    tier: Tier | None
    item_status: ItemStatus
    phase: str
    model: str | None
    attempts: int
    duration_ms: float
    """Time in calls, waits between attempts not included."""
    usage: Usage
    cost_usd: Decimal | None
    """The known part; None where no attempt's cost is known."""
    quality_score: float | None
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """How many items of a job failed in the same way."""

    category: ErrorCategory
    message: str
    count: int


class Queries(Section):
    """The section that reads. Every method raises JobNotFound."""

    def progress(self, batch_job_id: str) -> Progress:
        """Counts, cost and tokens now; `cost_usd` is the sum of all attempts whose cost is known."""
        with reading(self._engine) as connection:
            job = read_job(connection, batch_job_id)
            by_status = _totals(connection, batch_job_id)
            counts = Counter({status: row["items"] for status, row in by_status.items()})
            return Progress(
                total=job.total_items,
                # An item about to be retried waits like any other.
                pending=counts[ItemStatus.PENDING] + counts[ItemStatus.RETRYING],
                running=counts[ItemStatus.RUNNING],
                completed=counts[ItemStatus.COMPLETED],
                failed=counts[ItemStatus.FAILED],
                skipped=counts[ItemStatus.SKIPPED],
                cancelled=counts[ItemStatus.CANCELLED],
                cost_usd=sum((row["cost_usd"] for row in by_status.values()), Decimal(0)),
                usage=sum((usage_of(row) for row in by_status.values()), Usage()),
                in_progress=_running(connection, batch_job_id) if counts[ItemStatus.RUNNING] else (),
                current_phase=_current_phase(connection, batch_job_id) if counts[ItemStatus.RUNNING] else None,
            )

    def results(self, batch_job_id: str, after_position: int = -1, limit: int = PAGE) -> list[ItemResult]:
        """A page of items in the order of their positions, from the one after `after_position`."""
        here = (batch_items.c.batch_job_id == batch_job_id) & (batch_items.c.position > after_position)
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return _results(connection, here, limit)

    def iter_results(self, batch_job_id: str) -> Iterator[ItemResult]:
        """All items in order, page by page: memory stays flat, and no transaction stays open between pages."""
        page = self.results(batch_job_id)
        while page:
            yield from page
            page = self.results(batch_job_id, page[-1].position)

    def item(self, batch_job_id: str, item_id: str) -> ItemResult:
        """One item; raises InvalidInput where the job has none of this id."""
        here = (batch_items.c.batch_job_id == batch_job_id) & (batch_items.c.item_id == item_id)
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            found = _results(connection, here, 1)
        if not found:
            problem, remedy = (
                f"is no item of batch job {batch_job_id!r}",
                f"see `batch-pipelines results {batch_job_id}`",
            )
            raise InvalidInput("item", item_id, problem, remedy)
        return found[0]

    def events_after(self, batch_job_id: str, event_id: int, limit: int = PAGE) -> list[Event]:
        """Up to `limit` events with a greater id, in order. No event appears later before one that was read."""
        statement = (
            select(events)
            .where(events.c.batch_job_id == batch_job_id, events.c.id > event_id)
            .order_by(events.c.id)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return [Event.model_validate(dict(row)) for row in connection.execute(statement).mappings()]

    def finished_calls(self, batch_job_id: str) -> list[FinishedCall]:
        """Every phase done for an item, in the order of their ends."""
        item = batch_items.c
        statement = (
            select(phase_results, item.item_id, item.tier, item.status)
            .join(batch_items, item.id == phase_results.c.item_row)
            .where(item.batch_job_id == batch_job_id, phase_results.c.completed_at.is_not(None))
            .order_by(phase_results.c.completed_at, item.position)
        ).with_only_columns(
            *(column for column in phase_results.c if column.name != "output"), item.item_id, item.tier, item.status
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return [_finished(row) for row in connection.execute(statement).mappings()]

    def errors(self, batch_job_id: str) -> list[ErrorCount]:
        """Why items failed, the most frequent first."""
        column = batch_items.c
        count = func.count().label("count")
        statement = (
            select(column.error_category, column.error_message, count)
            .where(column.batch_job_id == batch_job_id, column.status == ItemStatus.FAILED.value)
            .group_by(column.error_category, column.error_message)
            .order_by(count.desc(), column.error_category, column.error_message)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return [
                ErrorCount(ErrorCategory(category), message, number)
                for category, message, number in connection.execute(statement)
            ]


def _totals(connection: Connection, batch_job_id: str) -> dict[ItemStatus, RowMapping]:
    """Number of items and sums over them, by status."""
    column = batch_items.c
    sums = [func.sum(column[name]).label(name) for name in ("cost_usd", *USAGE_COLUMNS)]
    statement = (
        select(column.status, func.count().label("items"), *sums)
        .where(column.batch_job_id == batch_job_id)
        .group_by(column.status)
    )
    return {ItemStatus(row["status"]): row for row in connection.execute(statement).mappings()}


def _running(connection: Connection, batch_job_id: str) -> tuple[str, ...]:
    column = batch_items.c
    statement = (
        select(column.item_id)
        .where(column.batch_job_id == batch_job_id, column.status == ItemStatus.RUNNING.value)
        .order_by(column.position)
        .limit(IN_PROGRESS_SHOWN)
    )
    return tuple(connection.execute(statement).scalars())


def _current_phase(connection: Connection, batch_job_id: str) -> str | None:
    """The phase named last by an event; starts of items and finished groups name theirs."""
    statement = (
        select(events.c.data)
        .where(events.c.batch_job_id == batch_job_id)
        .where(events.c.type.in_([EventType.ITEM_STARTED.value, EventType.BATCH_PROGRESS.value]))
        .order_by(events.c.id.desc())
        .limit(1)
    )
    data: dict[str, Any] | None = connection.execute(statement).scalar()
    return data.get("phase") if data else None


def _results(connection: Connection, here: ColumnElement[bool], limit: int) -> list[ItemResult]:
    statement = select(batch_items).where(here).order_by(batch_items.c.position).limit(limit)
    rows = connection.execute(statement).mappings().all()
    outputs: dict[int, dict[str, str]] = defaultdict(dict)
    phases_tried: Counter[int] = Counter()
    phase = phase_results.c
    done = select(phase.item_row, phase.phase, phase.output, phase.attempts, phase.completed_at).where(
        phase.item_row.in_([row["id"] for row in rows])
    )
    for row, name, output, attempts, completed_at in connection.execute(done):
        phases_tried[row] += attempts > 0
        if completed_at is not None:
            outputs[row][name] = output
    return [_result(row, outputs[row["id"]], phases_tried[row["id"]]) for row in rows]


def _result(row: RowMapping, outputs: dict[str, str], phases_tried: int) -> ItemResult:
    return ItemResult(
        item_id=row["item_id"],
        position=row["position"],
        tier=row["tier"],
        status=row["status"],
        input=row["parameters"],
        output=row["output"],
        phase_outputs=outputs,
        error=error_of(row),
        attempts=row["attempts"],
        # The first call of each phase is no retry.
        retries=row["attempts"] - phases_tried,
        duration_ms=row["duration_ms"] if row["attempts"] else None,
        quality_score=row["quality_score"],
        usage=usage_of(row),
        cost_usd=cost_of(row),
        model=row["model"],
    )


def _finished(row: RowMapping) -> FinishedCall:
    return FinishedCall(
        item_id=row["item_id"],
        tier=Tier(row["tier"]) if row["tier"] else None,
        item_status=ItemStatus(row["status"]),
        phase=row["phase"],
        model=row["model"],
        attempts=row["attempts"],
        duration_ms=row["duration_ms"],
        usage=usage_of(row),
        cost_usd=cost_of(row),
        quality_score=row["quality_score"],
        completed_at=row["completed_at"],
    )
