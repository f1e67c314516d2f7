"""Leases: each engine's part of a batch job's concurrency and budget, held as long as it is renewed (D2, D6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, select, update

from batch_pipelines.domain.spec import Budget, Options
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.grants import Allowance, Share, decide_grant
from batch_pipelines.ledger.requests import RequestKind, requests_open
from batch_pipelines.ledger.rows import lock_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.spending import charges_of
from batch_pipelines.ledger.tables import engine_leases
from batch_pipelines.ledger.upsert import upsert

_STORE = upsert(
    engine_leases,
    lambda new: {name: new[name] for name in ("run_id", "slots", "wanted", "allotment_usd", "expires_at")},
)


@dataclass(frozen=True, slots=True)
class Grant:
    """What an engine may do until it renews, and what it should know."""

    slots: int
    """Calls it may have in flight."""
    allotment_usd: Decimal | None
    """What it may spend and reserve, of money not yet recorded as spent; None where the job has no budget."""
    status: JobStatus
    requests: tuple[RequestKind, ...]
    """Kinds of the open requests, oldest first."""
    concurrency: int
    """Of the whole job, as it is set now."""
    taken_over: bool
    """Whether another run drives the job now; then this engine may only let its calls in flight finish."""


class Leases(Section):
    """The section that shares a job out among engines."""

    def renew(
        self,
        batch_job_id: str,
        holder: str,
        run_id: str,
        wanted_slots: int,
        in_flight: int,
        reserved_usd: Decimal,
        ttl_seconds: float,
    ) -> Grant:
        """Take or renew a lease, in one transaction.

        A lease that nobody renewed in its time gives its slots to others, and keeps its money until its holder is back
        or what became of its calls is known: they may have been paid.

        `reserved_usd` is the worst case of the holder's calls in flight plus the cost of its finished calls that are
        not recorded yet. A holder that could not renew before its lease ended must start nothing until it has.
        Raises JobNotFound.
        """
        now = self._clock()
        with writing(self._engine) as connection:
            job = lock_job(connection, batch_job_id)
            _lapse(connection, batch_job_id, now)
            taken_over = job["run_id"] is not None and job["run_id"] != run_id
            wanted = 0 if taken_over else wanted_slots
            concurrency = _concurrency(job)
            allowance = decide_grant(
                concurrency=concurrency,
                wanted_slots=wanted,
                in_flight=in_flight,
                reserved_usd=reserved_usd,
                unspent_usd=_unspent(connection, job),
                others=_others(connection, batch_job_id, holder),
            )
            lease = {
                "batch_job_id": batch_job_id,
                "holder": holder,
                "run_id": run_id,
                "wanted": wanted,
                "slots": allowance.held,
                "allotment_usd": allowance.allotment_usd,
                "expires_at": now + timedelta(seconds=ttl_seconds),
            }
            connection.execute(_STORE[connection.dialect.name], lease)
            return _grant(connection, job, allowance, concurrency, taken_over)

    def is_worked_on(self, batch_job_id: str) -> bool:
        """Whether any engine holds a lease that has not run out."""
        alive = select(engine_leases.c.holder).where(_of(batch_job_id), engine_leases.c.expires_at > self._clock())
        with reading(self._engine) as connection:
            return connection.execute(alive.limit(1)).first() is not None

    def release(self, holder: str) -> None:
        """Give all that a holder has back to the others; nothing happens where it has nothing."""
        with writing(self._engine) as connection:
            connection.execute(delete(engine_leases).where(engine_leases.c.holder == holder))


def _lapse(connection: Connection, batch_job_id: str, now: datetime) -> None:
    lapsed = update(engine_leases).where(_of(batch_job_id), engine_leases.c.expires_at <= now)
    connection.execute(lapsed.values(slots=0, wanted=0))


def _of(batch_job_id: str) -> ColumnElement[bool]:
    return engine_leases.c.batch_job_id == batch_job_id


def _concurrency(job: RowMapping) -> int:
    concurrency = Options.model_validate(job["options"]).concurrency
    assert concurrency is not None, "a batch job has decided its concurrency"
    return concurrency


def _unspent(connection: Connection, job: RowMapping) -> Decimal | None:
    """The budget less what all attempts are charged with; None without a budget."""
    limit = Budget.model_validate(job["budget"]).max_cost_usd
    if limit is None:
        return None
    return limit - charges_of(connection, job["id"]).total_usd


def _others(connection: Connection, batch_job_id: str, holder: str) -> Sequence[Share]:
    column = engine_leases.c
    statement = select(column.slots, column.wanted, column.allotment_usd).where(
        _of(batch_job_id), column.holder != holder
    )
    return [Share(slots, wanted, allotment) for slots, wanted, allotment in connection.execute(statement)]


def _grant(connection: Connection, job: RowMapping, allowance: Allowance, concurrency: int, taken_over: bool) -> Grant:
    kinds = [request.kind for request in requests_open(connection, job["id"])]
    return Grant(
        slots=allowance.slots,
        allotment_usd=allowance.allotment_usd,
        status=JobStatus(job["status"]),
        requests=tuple(dict.fromkeys(kinds)),
        concurrency=concurrency,
        taken_over=taken_over,
    )
