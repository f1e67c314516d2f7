"""From rows to domain values; reads that several sections share."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, RowMapping, bindparam, select

from batch_pipelines.domain.errors import ErrorCategory, JobNotFound
from batch_pipelines.domain.job import BatchJob, ItemError
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.tables import batch_jobs

USAGE_COLUMNS = tuple(Usage.model_fields)
"""The four kinds of token, named alike in every table."""

# Built once: this and the other statements of the ledger's hot path take longer to build than to run.
_READ = select(batch_jobs).where(batch_jobs.c.id == bindparam("of"))
_CHECK = _READ.with_only_columns(batch_jobs.c.id)
# Without the large columns, as every checkpoint reads these. FOR NO KEY UPDATE: rows with a foreign key to the job may
# still come from elsewhere.
_LOCK = _READ.with_only_columns(
    *(batch_jobs.c[name] for name in ("id", "project", "pipeline_name", "status", "started_at", "run_id", "simulated")),
    *(batch_jobs.c[name] for name in ("options", "budget")),
).with_for_update(key_share=True)


def lock_job(connection: Connection, batch_job_id: str) -> RowMapping:
    """The small columns of the job's row, held until the transaction ends; raises JobNotFound.

    Every transaction that writes about a job begins with this. So writers of one job queue, never deadlock, and their
    events become visible in the order of their ids. On SQLite the transaction itself does as much.
    """
    return _found(connection.execute(_LOCK, {"of": batch_job_id}).mappings().first(), batch_job_id)


def read_job(connection: Connection, batch_job_id: str) -> BatchJob:
    """The job as it is in this transaction; raises JobNotFound."""
    return job_of(_found(connection.execute(_READ, {"of": batch_job_id}).mappings().first(), batch_job_id))


def check_job(connection: Connection, batch_job_id: str) -> None:
    """Raises JobNotFound; reads nothing else."""
    _found(connection.execute(_CHECK, {"of": batch_job_id}).mappings().first(), batch_job_id)


def _found(row: RowMapping | None, batch_job_id: str) -> RowMapping:
    if row is None:
        raise JobNotFound(batch_job_id)
    return row


def job_of(row: RowMapping) -> BatchJob:
    """A row of batch_jobs as a value; its columns are named like the fields."""
    return BatchJob.model_validate(dict(row))


def usage_of(row: RowMapping) -> Usage:
    """The tokens of a row; sums of PostgreSQL arrive as Decimal, and of no rows as None."""
    return Usage(**{name: int(row[name] or 0) for name in USAGE_COLUMNS})


def cost_of(row: RowMapping) -> Decimal | None:
    """What the attempts behind a row cost: the sum of those whose cost is known, a lower bound if others are not.

    Unknown is not zero: None where attempts were made and the cost of none is known. Zero where none was made.
    """
    if row["attempts"] and row["unknown_costs"] == row["attempts"]:
        return None
    cost: Decimal = row["cost_usd"]
    return cost


def error_of(row: RowMapping) -> ItemError | None:
    """Why an item failed; None for one that did not."""
    if row["error_category"] is None:
        return None
    category = ErrorCategory(row["error_category"])
    return ItemError(category=category, severity=category.nature.severity, message=row["error_message"] or "")
