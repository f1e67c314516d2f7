"""What is told about a batch job without a change of it: what its run uses, and where its results went."""

from __future__ import annotations

from pydantic import JsonValue
from sqlalchemy import select

from batch_pipelines.domain.delivery import DeliveryNote
from batch_pipelines.domain.events import EventType
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.events import NewEvent, write_events
from batch_pipelines.ledger.rows import check_job, lock_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import MOVES_OF_JOBS, events

DELIVERIES = (EventType.BATCH_DELIVERED.value, EventType.BATCH_UNDELIVERED.value)


class Notes(Section):
    """The section about news that changes nothing."""

    def note_resources(
        self, batch_job_id: str, *, rss_mb: float, cpu_percent: float | None, level: str, reason: str | None
    ) -> None:
        """Write an event about what the run's process uses: MB of memory, per cent of one core, and what follows.

        Raises JobNotFound.
        """
        data: dict[str, JsonValue] = {
            "rss_mb": round(rss_mb, 1),
            "cpu_percent": None if cpu_percent is None else round(cpu_percent, 1),
            "level": level,
            "reason": reason,
        }
        self._write(batch_job_id, EventType.BATCH_RESOURCES, data)

    def note_delivery(self, batch_job_id: str, to: str, *, rows: int | None = None, problem: str | None = None) -> None:
        """Write an event about a file of results: its rows, or why it could not be written. Raises JobNotFound."""
        note = DeliveryNote(to=to, rows=rows, problem=problem)
        kind = EventType.BATCH_DELIVERED if problem is None else EventType.BATCH_UNDELIVERED
        self._write(batch_job_id, kind, note.model_dump(mode="json"))

    def last_delivery(self, batch_job_id: str) -> DeliveryNote | None:
        """What became of the last delivery; None where there was none. Raises JobNotFound."""
        statement = (
            select(events.c.data)
            .where(events.c.batch_job_id == batch_job_id, MOVES_OF_JOBS, events.c.type.in_(DELIVERIES))
            .order_by(events.c.id.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            check_job(connection, batch_job_id)
            data = connection.execute(statement).scalar()
        return None if data is None else DeliveryNote.model_validate(data)

    def _write(self, batch_job_id: str, kind: EventType, data: dict[str, JsonValue]) -> None:
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            write_events(connection, batch_job_id, [NewEvent(kind, self._clock(), None, data)])
