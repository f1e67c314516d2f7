"""Documents of projects: taken in, listed, forgotten. Taking one in again touches only what is different."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.document_tables import documents
from batch_pipelines.ledger.passage_writing import digest_of, write_passages
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import projects
from batch_pipelines.ledger.upsert import insert_unless_there
from batch_pipelines.ledger.words import words_of

_ENSURE_PROJECT = insert_unless_there(projects)


class Change(StrEnum):
    """What taking in a document meant."""

    ADDED = "added"
    """It was not known."""
    CHANGED = "changed"
    """Some of its passages, or its title, are different."""
    UNCHANGED = "unchanged"
    """It is as it was."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document as it was read and split."""

    source: str
    title: str
    kind: str
    passages: tuple[str, ...]
    """Their texts, in the order of the document."""

    @property
    def digest(self) -> str:
        """Of all that is kept of it."""
        return digest_of("\x00".join([self.title, self.kind, *self.passages]))


@dataclass(frozen=True, slots=True)
class Ingested:
    """What happened to a document and its passages."""

    source: str
    change: Change
    passages: int
    """That it has now."""
    added: int
    """Of these, how many are new; the others kept their rows and vectors."""
    removed: int
    """Passages that it had and has no more."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    """A document as it is listed."""

    project: str
    source: str
    title: str
    kind: str
    passages: int
    ingested_at: datetime


class Documents(Section):
    """The section about documents."""

    def ingest_document(self, project: str, document: NewDocument) -> Ingested:
        """Take in a document, or what is different of one that is known by its source."""
        with writing(self._engine) as connection:
            made = {"name": project, "created_at": self.clock()}
            connection.execute(_ENSURE_PROJECT[connection.dialect.name], made)
            _hold_project(connection, project)
            known = _known(connection, project, document.source)
            if known is not None and known["digest"] == document.digest:
                return Ingested(document.source, Change.UNCHANGED, len(document.passages), 0, 0)
            words = [words_of(text) for text in document.passages]
            key = _write_document(connection, project, document, sum(map(len, words)), self.clock(), known)
            added, removed = write_passages(connection, project, key, document.passages, words)
        change = Change.ADDED if known is None else Change.CHANGED
        return Ingested(document.source, change, len(document.passages), added, removed)

    def list_documents(self, project: str | None = None) -> list[KnownDocument]:
        """Every document of a project, or of all, by project and source."""
        column = documents.c
        statement = select(
            column.project, column.source, column.title, column.kind, column.passage_count, column.ingested_at
        ).order_by(column.project, column.source)
        if project is not None:
            statement = statement.where(column.project == project)
        with reading(self._engine) as connection:
            return [KnownDocument(*row) for row in connection.execute(statement)]

    def forget_document(self, project: str, source: str) -> bool:
        """Remove a document with all that was made from it; False where none has this source."""
        with writing(self._engine) as connection:
            _hold_project(connection, project)
            known = _known(connection, project, source)
            if known is None:
                return False
            write_passages(connection, project, known["id"], (), ())
            connection.execute(delete(documents).where(documents.c.id == known["id"]))
            return True


def _hold_project(connection: Connection, project: str) -> None:
    """Hold the project's row to the end of the transaction, so that one at a time writes its documents."""
    connection.execute(select(projects.c.name).where(projects.c.name == project).with_for_update(key_share=True))


def _known(connection: Connection, project: str, source: str) -> RowMapping | None:
    here = (documents.c.project == project, documents.c.source == source)
    return connection.execute(select(documents.c.id, documents.c.digest).where(*here)).mappings().first()


def _write_document(
    connection: Connection, project: str, document: NewDocument, words: int, now: datetime, known: RowMapping | None
) -> int:
    """The document's row as it is to be; returns its key."""
    values = {
        "title": document.title,
        "kind": document.kind,
        "digest": document.digest,
        "passage_count": len(document.passages),
        "word_count": words,
        "ingested_at": now,
    }
    if known is not None:
        connection.execute(update(documents).where(documents.c.id == known["id"]).values(values))
        return int(known["id"])
    row = {"project": project, "source": document.source, **values}
    return int(connection.execute(insert(documents).values(row).returning(documents.c.id)).scalar_one())
