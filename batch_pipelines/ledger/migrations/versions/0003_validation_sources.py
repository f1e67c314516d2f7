"""What calls are for, where items stand in validated phases, what was found out about outputs, how complex items are.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WORD = sa.String(length=32)


def upgrade() -> None:
    """Add columns to what is there."""
    op.add_column("batch_items", sa.Column("complexity", WORD, server_default="moderate", nullable=False))
    op.add_column("attempts", sa.Column("purpose", WORD, server_default="answer", nullable=False))
    op.add_column("answers", sa.Column("assessment", sa.JSON()))
    for name in ("trial", "assessment", "sources"):
        op.add_column("phase_results", sa.Column(name, sa.JSON()))
