"""Reads about a whole batch job: progress, events, finished calls, errors (requirement E1)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.events import JOB_EVENTS, Event, EventType
from batch_pipelines.domain.job import Progress
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import cost_of, read_job, usage_of
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import MOVES_OF_JOBS, batch_items, events, job_totals, phase_results

EVENTS_PAGE = 200
IN_PROGRESS_SHOWN = 50
"""As many as may be in flight."""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """One phase done for one item, all its attempts together: a point for analytics."""

    item_id: str
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
    """The section of reads about a job. Every method raises JobNotFound."""

    def progress(self, batch_job_id: str) -> Progress:
        """Counts, cost and tokens now; `cost_usd` is the sum of all attempts whose cost is known."""
        with reading(self._engine) as connection:
            job = read_job(connection, batch_job_id)
            counts = _counts(connection, batch_job_id)
            totals = (
                connection.execute(select(job_totals).where(job_totals.c.batch_job_id == job.id)).mappings().first()
            )
            return Progress(
                total=job.total_items,
                # An item about to be retried waits like any other.
                pending=counts[ItemStatus.PENDING] + counts[ItemStatus.RETRYING],
                running=counts[ItemStatus.RUNNING],
                completed=counts[ItemStatus.COMPLETED],
                failed=counts[ItemStatus.FAILED],
                skipped=counts[ItemStatus.SKIPPED],
                cancelled=counts[ItemStatus.CANCELLED],
                cost_usd=totals["cost_usd"] if totals else Decimal(0),
                usage=usage_of(totals) if totals else Usage(),
                in_progress=_running(connection, batch_job_id) if counts[ItemStatus.RUNNING] else (),
                current_phase=_current_phase(connection, batch_job_id) if counts[ItemStatus.RUNNING] else None,
            )

    def events_after(self, batch_job_id: str, event_id: int, limit: int = EVENTS_PAGE) -> list[Event]:
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

    def job_events(self, batch_job_id: str) -> list[Event]:
        """The moves of the job itself, in order; few, however many items it has."""
        moves = [event_type.value for event_type in JOB_EVENTS.values()]
        statement = (
            select(events)
            .where(events.c.batch_job_id == batch_job_id, MOVES_OF_JOBS, events.c.type.in_(moves))
            .order_by(events.c.id)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return [Event.model_validate(dict(row)) for row in connection.execute(statement).mappings()]

    def finished_calls(self, batch_job_id: str) -> list[FinishedCall]:
        """Every phase done for an item, in the order of their ends."""
        item = batch_items.c
        statement = (
            select(phase_results, item.item_id, item.status)
            .join(batch_items, item.id == phase_results.c.item_row)
            .where(item.batch_job_id == batch_job_id, phase_results.c.completed_at.is_not(None))
            .order_by(phase_results.c.completed_at, item.position)
        ).with_only_columns(
            *(column for column in phase_results.c if column.name != "output"), item.item_id, item.status
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


def _counts(connection: Connection, batch_job_id: str) -> Counter[ItemStatus]:
    """Number of items by status."""
    column = batch_items.c
    statement = select(column.status, func.count()).where(column.batch_job_id == batch_job_id).group_by(column.status)
    return Counter({ItemStatus(status): count for status, count in connection.execute(statement)})


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


def _finished(row: RowMapping) -> FinishedCall:
    return FinishedCall(
        item_id=row["item_id"],
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
