"""The first schema.

Revision ID: 0001
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# A migration states plain types, so that it stays what it was when the package's own types change.
MOMENT = sa.DateTime(timezone=True)
PICO_USD = sa.BigInteger()
ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.String(length=32)


def upgrade() -> None:
    """Create every table, in the order of their foreign keys."""
    create_projects()
    create_rate_limits()
    create_batch_jobs()
    create_batch_items()
    create_batch_runs()
    create_engine_leases()
    create_events()
    create_job_requests()
    create_job_totals()
    create_message_batches()
    create_attempts()
    create_phase_results()


def sums() -> list[sa.Column[Any]]:
    """Columns that add up attempts."""
    counts = [
        "attempts",
        "unknown_costs",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ]
    return [
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in counts),
        sa.Column("cost_usd", PICO_USD, server_default="0", nullable=False),
        sa.Column("duration_ms", sa.Double(), server_default="0", nullable=False),
    ]


def create_projects() -> None:
    """Table projects."""
    op.create_table(
        "projects",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("daily_budget_usd", PICO_USD),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_projects")),
    )


def create_rate_limits() -> None:
    """Table rate_limits."""
    op.create_table(
        "rate_limits",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("capacity", sa.Double(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("blocked_until", MOMENT),
        sa.PrimaryKeyConstraint("scope", "kind", name=op.f("pk_rate_limits")),
    )


def create_batch_jobs() -> None:
    """Table batch_jobs."""
    op.create_table(
        "batch_jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("pipeline_name", sa.Text(), nullable=False),
        sa.Column("tier", WORD),
        sa.Column("priority", WORD, nullable=False),
        sa.Column("status", WORD, nullable=False),
        sa.Column("creator", sa.Text()),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("total_items", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("run_id", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("budget", sa.JSON(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("estimate", sa.JSON(none_as_null=True)),
        sa.Column("pipeline", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name=op.f("fk_batch_jobs_project")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_jobs")),
    )
    op.create_index(op.f("ix_batch_jobs_project_created_at"), "batch_jobs", ["project", "created_at"])
    op.create_index(op.f("ix_batch_jobs_status"), "batch_jobs", ["status"])


def create_batch_items() -> None:
    """Table batch_items."""
    op.create_table(
        "batch_items",
        sa.Column("id", ROW, nullable=False),
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("tier", WORD),
        sa.Column("status", WORD, nullable=False),
        *sums(),
        sa.Column("quality_score", sa.Double()),
        sa.Column("model", sa.Text()),
        sa.Column("started_at", MOMENT),
        sa.Column("completed_at", MOMENT),
        sa.Column("error_category", WORD),
        sa.Column("error_message", sa.Text()),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("output", sa.Text()),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_batch_items_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_items")),
        sa.UniqueConstraint("batch_job_id", "item_id", name=op.f("uq_batch_items_batch_job_id_item_id")),
        sa.UniqueConstraint("batch_job_id", "position", name=op.f("uq_batch_items_batch_job_id_position")),
    )
    op.create_index(op.f("ix_batch_items_batch_job_id_status"), "batch_items", ["batch_job_id", "status"])


def create_batch_runs() -> None:
    """Table batch_runs."""
    op.create_table(
        "batch_runs",
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_batch_runs_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_job_id", "run_id", name=op.f("pk_batch_runs")),
    )
    op.create_index(op.f("ix_batch_runs_run_id"), "batch_runs", ["run_id"])


def create_engine_leases() -> None:
    """Table engine_leases."""
    op.create_table(
        "engine_leases",
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("allotment_usd", PICO_USD),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_engine_leases_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_job_id", "holder", name=op.f("pk_engine_leases")),
    )


def create_events() -> None:
    """Table events."""
    op.create_table(
        "events",
        sa.Column("id", ROW, nullable=False),
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text()),
        sa.Column("type", WORD, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_events_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_events_batch_job_id_id"), "events", ["batch_job_id", "id"])
    moves = sa.text("item_id IS NULL AND type <> 'batch:progress'")
    op.create_index(
        "ix_events_moves_of_jobs", "events", ["batch_job_id", "id"], sqlite_where=moves, postgresql_where=moves
    )


def create_job_requests() -> None:
    """Table job_requests."""
    op.create_table(
        "job_requests",
        sa.Column("id", ROW, nullable=False),
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("kind", WORD, nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("handled_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_job_requests_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_requests")),
    )
    op.create_index(op.f("ix_job_requests_batch_job_id"), "job_requests", ["batch_job_id"])


def create_job_totals() -> None:
    """Table job_totals."""
    op.create_table(
        "job_totals",
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        *sums(),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_job_totals_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("batch_job_id", name=op.f("pk_job_totals")),
    )


def create_message_batches() -> None:
    """Table message_batches."""
    op.create_table(
        "message_batches",
        sa.Column("id", ROW, nullable=False),
        sa.Column("batch_job_id", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("message_batch_id", sa.Text()),
        sa.Column("status", WORD, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("submitted_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("item_rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_job_id"], ["batch_jobs.id"], name=op.f("fk_message_batches_batch_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_batches")),
        sa.UniqueConstraint("message_batch_id", name=op.f("uq_message_batches_message_batch_id")),
    )
    op.create_index(op.f("ix_message_batches_batch_job_id"), "message_batches", ["batch_job_id"])


def create_attempts() -> None:
    """Table attempts."""
    op.create_table(
        "attempts",
        sa.Column("item_row", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("duration_ms", sa.Double(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger()),
        sa.Column("output_tokens", sa.BigInteger()),
        sa.Column("cache_read_input_tokens", sa.BigInteger()),
        sa.Column("cache_creation_input_tokens", sa.BigInteger()),
        sa.Column("cost_usd", PICO_USD),
        sa.Column("request_id", sa.Text()),
        sa.Column("stop_reason", sa.Text()),
        sa.Column("error_category", WORD),
        sa.Column("error_message", sa.Text()),
        sa.ForeignKeyConstraint(
            ["item_row"], ["batch_items.id"], name=op.f("fk_attempts_item_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_row", "phase", "number", name=op.f("pk_attempts")),
        sqlite_with_rowid=False,
    )


def create_phase_results() -> None:
    """Table phase_results."""
    op.create_table(
        "phase_results",
        sa.Column("item_row", sa.BigInteger(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        *sums(),
        sa.Column("quality_score", sa.Double()),
        sa.Column("model", sa.Text()),
        sa.Column("completed_at", MOMENT),
        sa.Column("output", sa.Text()),
        sa.ForeignKeyConstraint(
            ["item_row"], ["batch_items.id"], name=op.f("fk_phase_results_item_row"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("item_row", "phase", name=op.f("pk_phase_results")),
    )
