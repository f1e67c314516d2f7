"""The ledger's tables. A change here wants a migration; a test compares the two.

    projects ──< batch_jobs ──< batch_items ──< phase_results      one row per item and phase
        │            │               └───────< attempts            one row per call
        │            ├─── job_totals                           one row per job, from its first checkpoint on
        │            ├──< events, job_requests, batch_runs, engine_leases, message_batches
        ├──< project_days                                          what a project spent on a day
        └──< answers                                               outputs kept for equal requests
    rate_limits                                                    shared by all batch jobs

Large columns stand last in their row: SQLite then sums and counts without reading them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.types import ForeignText, Usd, UtcDateTime

NAME = Text()
"""No length: names come from users and providers, and both databases must take the same."""
WORD = String(32)
"""A status, a kind, a type."""
ROW = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only where the type is spelled INTEGER."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _sums() -> list[Column[Any]]:
    """What is added up over attempts. `unknown_costs` counts those of unknown cost; `cost_usd` sums the others."""
    return [
        *(Column(name, BigInteger, nullable=False, server_default="0") for name in ("attempts", "unknown_costs")),
        *_tokens(nullable=False, server_default="0"),
        Column("cost_usd", Usd, nullable=False, server_default="0"),
        Column("duration_ms", Double, nullable=False, server_default="0"),
    ]


def _tokens(**options: Any) -> list[Column[Any]]:
    return [Column(name, BigInteger, **options) for name in Usage.model_fields]


def _job_id(**options: Any) -> Column[str]:
    return Column("batch_job_id", NAME, ForeignKey("batch_jobs.id", ondelete="CASCADE"), nullable=False, **options)


def _item_row() -> Column[int]:
    return Column("item_row", BigInteger, ForeignKey("batch_items.id", ondelete="CASCADE"), nullable=False)


projects = Table(
    "projects",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("daily_budget_usd", Usd),
    Column("created_at", UtcDateTime, nullable=False),
)

batch_jobs = Table(
    "batch_jobs",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("project", NAME, ForeignKey("projects.name"), nullable=False),
    Column("pipeline_name", NAME, nullable=False),
    Column("tier", WORD),
    Column("priority", WORD, nullable=False),
    Column("status", WORD, nullable=False),
    Column("creator", Text),
    Column("simulated", Boolean, nullable=False),
    Column("total_items", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("run_id", NAME),
    Column("error", ForeignText),
    Column("tags", JSON, nullable=False),
    Column("options", JSON, nullable=False),
    Column("budget", JSON, nullable=False),
    Column("warnings", JSON, nullable=False),
    Column("estimate", JSON(none_as_null=True)),
    Column("pipeline", JSON, nullable=False),
    Index(None, "project", "created_at"),
    Index(None, "status"),
)

job_totals = Table(
    "job_totals",
    metadata,
    _job_id(primary_key=True),
    *_sums(),  # over all attempts of the job: adding up a million items takes seconds, and is asked for every second
    Column("unknown_usd", Usd, nullable=False, server_default="0"),  # the worst case of the calls of unknown cost
)

project_days = Table(
    "project_days",
    metadata,
    Column("project", NAME, ForeignKey("projects.name"), nullable=False),
    Column("day", Date, nullable=False),  # in UTC, of the checkpoint
    Column("cost_usd", Usd, nullable=False),
    Column("unknown_usd", Usd, nullable=False),
    PrimaryKeyConstraint("project", "day"),
)

batch_items = Table(
    "batch_items",
    metadata,
    Column("id", ROW, primary_key=True),
    _job_id(),
    Column("position", BigInteger, nullable=False),
    Column("item_id", NAME, nullable=False),
    Column("tier", WORD),
    Column("complexity", WORD, nullable=False, server_default="moderate"),
    Column("status", WORD, nullable=False),
    *_sums(),
    Column("quality_score", Double),
    Column("model", NAME),
    Column("started_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("error_category", WORD),
    Column("error_message", ForeignText),
    Column("parameters", JSON, nullable=False),
    Column("output", ForeignText),
    UniqueConstraint("batch_job_id", "position"),
    UniqueConstraint("batch_job_id", "item_id"),
    Index(None, "batch_job_id", "status"),
)

phase_results = Table(
    "phase_results",
    metadata,
    _item_row(),
    Column("phase", NAME, nullable=False),
    *_sums(),
    Column("quality_score", Double),
    Column("model", NAME),
    Column("reused", Boolean, nullable=False, server_default=false()),  # whether its output is a kept answer
    Column("completed_at", UtcDateTime),  # NULL while no attempt was accepted
    Column("trial", JSON(none_as_null=True)),  # where the item stands in a validated phase
    Column("assessment", JSON(none_as_null=True)),  # what was found out about the output
    Column("sources", JSON(none_as_null=True)),  # where the passages stand that it rests on
    Column("output", ForeignText),
    PrimaryKeyConstraint("item_row", "phase"),
)

attempts = Table(
    "attempts",
    metadata,
    _item_row(),
    Column("phase", NAME, nullable=False),
    Column("number", Integer, nullable=False),
    Column("purpose", WORD, nullable=False, server_default="answer"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("duration_ms", Double, nullable=False),
    Column("model", NAME, nullable=False),
    Column("simulated", Boolean, nullable=False),
    *_tokens(),  # tokens and cost are NULL where the provider did not say
    Column("cost_usd", Usd),
    Column("worst_case_usd", Usd),
    Column("request_id", NAME),
    Column("stop_reason", NAME),
    Column("error_category", WORD),
    Column("error_message", ForeignText),
    PrimaryKeyConstraint("item_row", "phase", "number"),
    sqlite_with_rowid=False,  # the rows are small and always found by this key
)

MOVES_OF_JOBS = text("item_id IS NULL AND type <> 'batch:progress'")
"""The few events among many that a status is made from; literal, so that SQLite sees what the index is for."""

events = Table(
    "events",
    metadata,
    Column("id", ROW, primary_key=True),
    _job_id(),
    Column("item_id", NAME),
    Column("type", WORD, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("data", JSON, nullable=False),
    Index(None, "batch_job_id", "id"),
    Index("ix_events_moves_of_jobs", "batch_job_id", "id", sqlite_where=MOVES_OF_JOBS, postgresql_where=MOVES_OF_JOBS),
    sqlite_autoincrement=True,  # a reader continues after the last id it saw, so none may come twice
)

job_requests = Table(
    "job_requests",
    metadata,
    Column("id", ROW, primary_key=True),
    _job_id(index=True),
    Column("kind", WORD, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("handled_at", UtcDateTime),
)

batch_runs = Table(
    "batch_runs",
    metadata,
    _job_id(),
    Column("run_id", NAME, nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("batch_job_id", "run_id"),
)

engine_leases = Table(
    "engine_leases",
    metadata,
    _job_id(),
    Column("holder", NAME, nullable=False),
    Column("run_id", NAME, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("wanted", Integer, nullable=False),
    Column("allotment_usd", Usd),
    Column("expires_at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("batch_job_id", "holder"),
)

rate_limits = Table(
    "rate_limits",
    metadata,
    Column("scope", NAME, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("capacity", Double, nullable=False),
    Column("level", Double, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("blocked_until", UtcDateTime),
    Column("per_minute", Double),  # as the provider told, NULL while it did not
    PrimaryKeyConstraint("scope", "kind"),
)

answers = Table(
    "answers",
    metadata,
    Column("project", NAME, ForeignKey("projects.name"), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("pipeline_name", NAME, nullable=False),  # with phase and item: for whom it was bought
    Column("phase", NAME, nullable=False),
    Column("item_id", NAME, nullable=False),
    Column("model", NAME, nullable=False),
    Column("simulated", Boolean, nullable=False),
    *_tokens(nullable=False),
    Column("cost_usd", Usd, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("parts", JSON, nullable=False),
    Column("assessment", JSON(none_as_null=True)),  # of an output that was validated
    Column("output", ForeignText, nullable=False),
    PrimaryKeyConstraint("project", "digest", "simulated"),  # a simulated answer never stands for a real one
    Index(None, "project", "pipeline_name", "phase", "item_id"),
)

message_batches = Table(
    "message_batches",
    metadata,
    Column("id", ROW, primary_key=True),
    _job_id(index=True),
    Column("phase", NAME, nullable=False),
    Column("message_batch_id", NAME, unique=True),  # the provider's; NULL until it is known to have been submitted
    Column("status", WORD, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("submitted_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("item_rows", JSON, nullable=False),
)
