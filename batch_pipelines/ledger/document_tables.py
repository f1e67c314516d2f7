"""The ledger's tables about documents. A change here wants a migration; a test compares the two.

    projects ──< documents ──< passages ──< passage_vectors     one row per passage and embedding model
        └──────< vocabulary        │                            in how many passages of the project a word stands
                                   └─── passage_index           full-text index, made by the migration

`passage_index` is not stated here, as it is a virtual table of FTS5 on SQLite and a table with a `tsvector` on
PostgreSQL; the module of its name is the only one that knows it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from batch_pipelines.ledger.tables import NAME, ROW, WORD, metadata
from batch_pipelines.ledger.types import ForeignText, UtcDateTime

documents = Table(
    "documents",
    metadata,
    Column("id", ROW, primary_key=True),
    Column("project", NAME, ForeignKey("projects.name"), nullable=False),
    Column("source", NAME, nullable=False),
    Column("title", ForeignText, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("passage_count", Integer, nullable=False),
    Column("word_count", BigInteger, nullable=False),  # of all its passages, as the ranking needs their mean
    Column("ingested_at", UtcDateTime, nullable=False),
    UniqueConstraint("project", "source"),
)

passages = Table(
    "passages",
    metadata,
    Column("id", ROW, primary_key=True),
    Column("document_id", BigInteger, ForeignKey("documents.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("text", ForeignText, nullable=False),
    Index(None, "document_id", "position"),  # not unique: positions of one document move in one statement
)

passage_vectors = Table(
    "passage_vectors",
    metadata,
    Column("passage_id", BigInteger, ForeignKey("passages.id", ondelete="CASCADE"), nullable=False),
    Column("model", NAME, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # of length 1, as 32-bit floats, the lowest byte first
    PrimaryKeyConstraint("passage_id", "model"),
)

vocabulary = Table(
    "vocabulary",
    metadata,
    Column("project", NAME, ForeignKey("projects.name"), nullable=False),
    Column("word", NAME, nullable=False),
    Column("passage_count", BigInteger, nullable=False),
    PrimaryKeyConstraint("project", "word"),
    sqlite_with_rowid=False,  # the rows are small and always found by this key
)
