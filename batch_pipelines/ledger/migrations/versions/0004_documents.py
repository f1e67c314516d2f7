"""Documents, their passages, and what they are found by.

Revision ID: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables in the order of their foreign keys, then the index of this database."""
    create_documents()
    create_passages()
    create_passage_vectors()
    create_vocabulary()
    if op.get_bind().dialect.name == "sqlite":
        # Words are split before they come here; this tokenizer leaves every other character than ASCII as it is.
        op.execute("CREATE VIRTUAL TABLE passage_index USING fts5(words, tokenize = 'ascii')")
    else:
        create_passage_index()


def create_documents() -> None:
    """Table documents."""
    op.create_table(
        "documents",
        sa.Column("id", ROW, nullable=False),
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("passage_count", sa.Integer(), nullable=False),
        sa.Column("word_count", sa.BigInteger(), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_documents_project"),
        sa.PrimaryKeyConstraint("id", name="pk_documents"),
        sa.UniqueConstraint("project", "source", name="uq_documents_project_source"),
    )


def create_passages() -> None:
    """Table passages."""
    op.create_table(
        "passages",
        sa.Column("id", ROW, nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_passages_document_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_passages"),
    )
    op.create_index("ix_passages_document_id_position", "passages", ["document_id", "position"])


def create_passage_vectors() -> None:
    """Table passage_vectors."""
    op.create_table(
        "passage_vectors",
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name="fk_passage_vectors_passage_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("passage_id", "model", name="pk_passage_vectors"),
    )


def create_vocabulary() -> None:
    """Table vocabulary."""
    op.create_table(
        "vocabulary",
        sa.Column("project", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("passage_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project"], ["projects.name"], name="fk_vocabulary_project"),
        sa.PrimaryKeyConstraint("project", "word", name="pk_vocabulary"),
        sqlite_with_rowid=False,
    )


def create_passage_index() -> None:
    """Table passage_index, on PostgreSQL."""
    op.create_table(
        "passage_index",
        sa.Column("passage_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.dialects.postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["passage_id"], ["passages.id"], name="fk_passage_index_passage_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("passage_id", name="pk_passage_index"),
    )
    op.create_index("ix_passage_index_words", "passage_index", ["words"], postgresql_using="gin")
