"""Worst cases of unknown costs, spending by project and day, learned limits, kept answers.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
PICO_USD = sa.BigInteger()


def upgrade() -> None:
    """Add columns to what is there, then the new tables."""
    op.add_column("job_totals", sa.Column("unknown_usd", PICO_USD, server_default="0", nullable=False))
    op.add_column("attempts", sa.Column("worst_case_usd", PICO_USD))
    op.add_column("phase_results", sa.Column("reused", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("rate_limits", sa.Column("per_minute", sa.Double()))
    create_project_days()
    create_answers()


def create_project_days() -> None:
    """Table project_days."""
    op.create_table(
        "project_days",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cost_usd", PICO_USD, nullable=False),
        sa.Column("unknown_usd", PICO_USD, nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_project_days_project"),
        sa.PrimaryKeyConstraint("project", "day", name="pk_project_days"),
    )


def create_answers() -> None:
    """Table answers."""
    tokens = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"]
    op.create_table(
        "answers",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("pipeline_name", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in tokens),
        sa.Column("cost_usd", PICO_USD, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("output", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_answers_project"),
        sa.PrimaryKeyConstraint("project", "digest", "simulated", name="pk_answers"),
    )
    columns = ["project", "pipeline_name", "phase", "item_id"]
    op.create_index("ix_answers_project_pipeline_name_phase_item_id", "answers", columns)
