"""Requests to end a run of a batch job: what somebody wants, before it is so (requirements A4-A6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import Connection, insert, select, update

from batch_pipelines.domain.events import EventType
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.events import NewEvent, write_events
from batch_pipelines.ledger.rows import lock_job, read_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import job_requests


class RequestKind(StrEnum):
    """What is asked of whoever runs the batch job."""

    PAUSE = "pause"
    """Drain, then pause."""
    CANCEL = "cancel"
    """Drain, then cancel what is left."""
    STOP = "stop"
    """Drain, then fail: the engine found that it cannot, or may not, go on."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A request that nobody has acted on yet."""

    kind: RequestKind
    by: str
    """Who asked: a person or a part of the product."""
    reason: str | None
    requested_at: datetime


class Requests(Section):
    """The section about requests."""

    def request(self, batch_job_id: str, kind: RequestKind, by: str, reason: str | None = None) -> None:
        """Record what somebody wants, with its event. The job's status does not change. Raises JobNotFound."""
        now = self._clock()
        row = {
            "batch_job_id": batch_job_id,
            "kind": kind.value,
            "requested_by": by,
            "reason": reason,
            "requested_at": now,
        }
        data: dict[str, JsonValue] = {"kind": kind.value, "by": by, "reason": reason}
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            connection.execute(insert(job_requests), row)
            write_events(connection, batch_job_id, [NewEvent(EventType.BATCH_REQUESTED, now, None, data)])

    def open_requests(self, batch_job_id: str) -> list[JobRequest]:
        """Requests not acted on yet, oldest first; raises JobNotFound."""
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return requests_open(connection, batch_job_id)

    def settle_requests(self, batch_job_id: str) -> None:
        """Mark the open requests as acted on, or as overtaken; raises JobNotFound."""
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            connection.execute(
                update(job_requests)
                .where(job_requests.c.batch_job_id == batch_job_id, job_requests.c.handled_at.is_(None))
                .values(handled_at=self._clock())
            )


def requests_open(connection: Connection, batch_job_id: str) -> list[JobRequest]:
    """Requests not acted on yet, oldest first, as this transaction sees them."""
    column = job_requests.c
    statement = (
        select(column.kind, column.requested_by, column.reason, column.requested_at)
        .where(column.batch_job_id == batch_job_id, column.handled_at.is_(None))
        .order_by(column.id)
    )
    return [JobRequest(RequestKind(kind), by, reason, at) for kind, by, reason, at in connection.execute(statement)]
