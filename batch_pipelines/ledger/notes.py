"""What a run tells about itself (requirement D7)."""

from __future__ import annotations

from pydantic import JsonValue

from batch_pipelines.domain.events import EventType
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.events import NewEvent, write_events
from batch_pipelines.ledger.rows import lock_job
from batch_pipelines.ledger.section import Section


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
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            event = NewEvent(EventType.BATCH_RESOURCES, self._clock(), None, data)
            write_events(connection, batch_job_id, [event])
