"""Batch jobs: create, find, move, change, and give to a run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from pydantic import JsonValue
from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from batch_pipelines.domain import transitions
from batch_pipelines.domain.errors import IllegalMove, InvalidInput, JobTakenOver, LimitExceeded
from batch_pipelines.domain.estimate import Estimate, GateSeverity
from batch_pipelines.domain.events import JOB_EVENTS, LAST_SEEN, SIGNS_OF_WORK, EventType
from batch_pipelines.domain.job import BatchJob, Plan
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.events import NewEvent, write_events
from batch_pipelines.ledger.rows import job_of, lock_job, read_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import batch_items, batch_jobs, batch_runs, engine_leases, events, projects
from batch_pipelines.ledger.upsert import insert_unless_there, upsert

ITEMS_AT_ONCE = 1_000
"""Items written by one statement; bounds the memory that a large job takes."""
LIST_LIMIT = 100
UPDATABLE = ("concurrency", "tier", "total_items")
"""What the event of an update tells of."""

_ENSURE_PROJECT = insert_unless_there(projects)
# A run that comes back to a job is about it anew, from now.
_NOTE_RUN = upsert(batch_runs, lambda new: {"at": new["at"]})


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which batch jobs to list (requirement A7); None does not filter. Raises LimitExceeded, InvalidInput."""

    project: str | None = None
    status: JobStatus | None = None
    pipeline: str | None = None
    created_after: datetime | None = None
    """Exclusive, as is `created_before`."""
    created_before: datetime | None = None
    limit: int = 20
    offset: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= LIST_LIMIT:
            raise LimitExceeded("limit", self.limit, 1, LIST_LIMIT)
        if self.offset < 0:
            raise InvalidInput("offset", self.offset, "is negative", "choose 0 or more")


class Jobs(Section):
    """The section about whole batch jobs."""

    def create_job(self, batch_job_id: str, plan: Plan) -> BatchJob:
        """Write a job with all its items, or nothing; raises InvalidInput where the id is taken."""
        now = self._clock()
        project = {"name": plan.project, "created_at": now}
        new = {"id": batch_job_id, "status": JobStatus.PENDING.value, "created_at": now, **_planned(plan)}
        with writing(self._engine) as connection:
            connection.execute(_ENSURE_PROJECT[connection.dialect.name], project)
            try:
                connection.execute(insert(batch_jobs), new)
            except IntegrityError as error:
                raise InvalidInput("batch_job_id", batch_job_id, "exists already", "choose another id") from error
            _insert_items(connection, batch_job_id, plan)
            data: dict[str, JsonValue] = {"items": len(plan.items), "pipeline": plan.pipeline.name}
            write_events(connection, batch_job_id, [NewEvent(EventType.BATCH_CREATED, now, None, data)])
            return read_job(connection, batch_job_id)

    def job(self, batch_job_id: str) -> BatchJob:
        """The job as it is now; raises JobNotFound."""
        with reading(self._engine) as connection:
            return read_job(connection, batch_job_id)

    def list_jobs(self, wanted: JobFilter) -> list[BatchJob]:
        """The jobs that pass the filter, newest first."""
        with reading(self._engine) as connection:
            return [job_of(row) for row in connection.execute(_listing(wanted)).mappings()]

    def move_job(
        self,
        batch_job_id: str,
        trigger: JobTrigger,
        *,
        reason: str | None = None,
        data: dict[str, JsonValue] | None = None,
    ) -> BatchJob:
        """Move a job's status and write the event of the move; nothing else in the package assigns a job's status.

        `reason` becomes the job's `error` where it fails or pauses; `data` is added to the event's.
        Raises IllegalMove, JobNotFound.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            row = lock_job(connection, batch_job_id)
            before = JobStatus(row["status"])
            after = transitions.move_job(batch_job_id, before, trigger)
            changes = {
                "status": after.value,
                "started_at": row["started_at"] or (now if after is JobStatus.RUNNING else None),
                "completed_at": now if after.is_final else None,
                "error": reason if trigger in (JobTrigger.FAIL, JobTrigger.DRAIN) else None,
            }
            _change(connection, batch_job_id, **changes)
            told: dict[str, JsonValue] = {"from": before.value, "to": after.value, **(data or {})}
            if reason is not None:
                told["reason"] = reason
            write_events(connection, batch_job_id, [NewEvent(JOB_EVENTS[trigger], now, None, told)])
            return read_job(connection, batch_job_id)

    def mark_recovered(self, batch_job_id: str) -> None:
        """Tell that a run goes on with a job that is still `running` because the run before it died.

        The event says when that run was last seen at work, so that the time in which nobody was is not taken for work.
        Raises IllegalMove for a job that is not running, JobNotFound.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            status = JobStatus(lock_job(connection, batch_job_id)["status"])
            if status is not JobStatus.RUNNING:
                raise IllegalMove(f"batch job {batch_job_id}", status, JobStatus.RUNNING)
            last_seen = _last_sign_of_work(connection, batch_job_id)
            data: dict[str, JsonValue] = {"after_crash": True, LAST_SEEN: last_seen.isoformat() if last_seen else None}
            write_events(connection, batch_job_id, [NewEvent(EventType.BATCH_RESUMED, now, None, data)])

    def claim_run(self, batch_job_id: str, run_id: str, takeover: bool = False) -> BatchJob:
        """Make `run_id` the driver of a job.

        Raises JobTakenOver where an engine of another run still holds a lease, unless `takeover`: that engine then
        learns it when it renews its lease, and until the lease ends its calls in flight count against the job's limits.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            owner = connection.execute(
                select(engine_leases.c.run_id)
                .where(engine_leases.c.batch_job_id == batch_job_id)
                .where(engine_leases.c.run_id != run_id, engine_leases.c.expires_at > now)
                .limit(1)
            ).scalar()
            if owner is not None and not takeover:
                raise JobTakenOver(batch_job_id, owner)
            # What sessions that died held: whoever drives the job now brings what they spent into the ledger first.
            lapsed = (engine_leases.c.batch_job_id == batch_job_id) & (engine_leases.c.expires_at <= now)
            connection.execute(delete(engine_leases).where(lapsed))
            driven = {"batch_job_id": batch_job_id, "run_id": run_id, "at": now}
            connection.execute(_NOTE_RUN[connection.dialect.name], driven)
            _change(connection, batch_job_id, run_id=run_id)
            return read_job(connection, batch_job_id)

    def attach_run(self, batch_job_id: str, run_id: str) -> None:
        """Note that a run is about this job, before it drives it; raises JobNotFound."""
        with writing(self._engine) as connection:
            job = lock_job(connection, batch_job_id)
            row = {"batch_job_id": batch_job_id, "run_id": run_id, "at": self._clock()}
            if job["status"] == JobStatus.PENDING:
                # Nobody drives it yet; should its estimate be refused, this is the run that says so.
                _change(connection, batch_job_id, run_id=run_id)
            connection.execute(_NOTE_RUN[connection.dialect.name], row)

    def find_job_by_run(self, run_id: str) -> BatchJob | None:
        """The job that this Dagster run is about; of several, the one it took last."""
        statement = (
            select(batch_jobs)
            .join(batch_runs, batch_runs.c.batch_job_id == batch_jobs.c.id)
            .where(batch_runs.c.run_id == run_id)
            .order_by(batch_runs.c.at.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(statement).mappings().first()
            return None if row is None else job_of(row)

    def save_estimate(self, batch_job_id: str, estimate: Estimate) -> None:
        """Keep a job's estimate; what its gate warns of becomes the job's warnings."""
        gate = estimate.gate
        warnings = list(gate.reasons) if gate.severity is GateSeverity.WARN else []
        data: dict[str, JsonValue] = {
            "gate": gate.model_dump(mode="json"),
            "total_cost_usd": str(estimate.total_cost_usd),
        }
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            _change(connection, batch_job_id, estimate=estimate.model_dump(mode="json"), warnings=warnings)
            write_events(connection, batch_job_id, [NewEvent(EventType.BATCH_ESTIMATED, self._clock(), None, data)])

    def set_concurrency(self, batch_job_id: str, concurrency: int) -> BatchJob:
        """Change how many calls a job may have in flight; its engines follow when they next renew their leases.

        The pipeline's limits are the caller's to hold. Raises InvalidInput for a job that is over, JobNotFound.
        """
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            before = read_job(connection, batch_job_id)
            if before.status.is_over:
                problem = f"is {before.status.value!r}, and so its concurrency stays"
                raise InvalidInput("batch_job_id", batch_job_id, problem, "submit its spec again with another")
            options = before.options.model_copy(update={"concurrency": concurrency})
            _change(connection, batch_job_id, options=options.model_dump(mode="json"))
            return self._told_update(connection, before)

    def replan(self, batch_job_id: str, plan: Plan) -> BatchJob:
        """Give a pending job another plan: its options, tier and items; its estimate, being of the old one, goes.

        Raises InvalidInput for a job that has left `pending`.
        """
        with writing(self._engine) as connection:
            lock_job(connection, batch_job_id)
            before = read_job(connection, batch_job_id)
            if before.status is not JobStatus.PENDING:
                problem = f"is {before.status.value!r}, and only a pending batch job can be planned anew"
                raise InvalidInput("batch_job_id", batch_job_id, problem, "submit the changed spec as a new batch job")
            project = {"name": plan.project, "created_at": self._clock()}
            connection.execute(_ENSURE_PROJECT[connection.dialect.name], project)
            _change(connection, batch_job_id, **_planned(plan), estimate=None)
            connection.execute(delete(batch_items).where(batch_items.c.batch_job_id == batch_job_id))
            _insert_items(connection, batch_job_id, plan)
            return self._told_update(connection, before)

    def _told_update(self, connection: Connection, before: BatchJob) -> BatchJob:
        """The job as it is now, after the event that says how it differs from `before`."""
        after = read_job(connection, before.id)
        data: dict[str, JsonValue] = {
            name: {"from": getattr(before, name), "to": getattr(after, name)}
            for name in UPDATABLE
            if getattr(before, name) != getattr(after, name)
        }
        write_events(connection, before.id, [NewEvent(EventType.BATCH_UPDATED, self._clock(), None, data)])
        return after


def _change(connection: Connection, batch_job_id: str, **values: Any) -> None:
    connection.execute(update(batch_jobs).where(batch_jobs.c.id == batch_job_id).values(values))


def _last_sign_of_work(connection: Connection, batch_job_id: str) -> datetime | None:
    """When a run was last at work; None where none ever was."""
    statement = (
        select(events.c.at)
        .where(events.c.batch_job_id == batch_job_id)
        .where(events.c.type.in_([event_type.value for event_type in SIGNS_OF_WORK]))
        .order_by(events.c.id.desc())
        .limit(1)
    )
    return connection.execute(statement).scalar()


def _planned(plan: Plan) -> dict[str, Any]:
    """The columns of batch_jobs that a plan decides."""
    return {
        **plan.model_dump(include={"name", "description", "project", "tier", "tags", "creator", "simulated"}),
        "pipeline_name": plan.pipeline.name,
        "priority": plan.options.priority.value,
        "total_items": len(plan.items),
        "options": plan.options.model_dump(mode="json"),
        "budget": plan.budget.model_dump(mode="json"),
        "pipeline": plan.pipeline.model_dump(mode="json"),
        "warnings": [],
    }


def _insert_items(connection: Connection, batch_job_id: str, plan: Plan) -> None:
    items = enumerate(plan.items)
    while group := list(islice(items, ITEMS_AT_ONCE)):
        rows = [
            {
                "batch_job_id": batch_job_id,
                "position": position,
                "item_id": item.item_id,
                "tier": item.tier.value if item.tier else None,
                "complexity": item.complexity.value,
                "status": ItemStatus.PENDING.value,
                "parameters": item.parameters,
            }
            for position, item in group
        ]
        connection.execute(insert(batch_items), rows)


def _listing(wanted: JobFilter) -> Select[Any]:
    column = batch_jobs.c
    statement = select(batch_jobs).order_by(column.created_at.desc(), column.id.desc())
    if wanted.project is not None:
        statement = statement.where(column.project == wanted.project)
    if wanted.status is not None:
        statement = statement.where(column.status == wanted.status.value)
    if wanted.pipeline is not None:
        statement = statement.where(column.pipeline_name == wanted.pipeline)
    if wanted.created_after is not None:
        statement = statement.where(column.created_at > wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(column.created_at < wanted.created_before)
    return statement.limit(wanted.limit).offset(wanted.offset)
