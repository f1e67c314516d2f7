"""The full-text index of passages: FTS5 on SQLite, `tsvector` and GIN on PostgreSQL; what differs stays here.

Both get words that are split already and only bring likely passages; `ranking` puts these in order, on both alike.
Every word carries a mark of its project, so that a search reads nothing of others. Two projects of one mark would cost
each other time and nothing else: whoever asks reads the passages of its own project only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, text

MOST_CANDIDATES = 50
"""Passages of a query that are put in order."""

_MARK_DIGITS = 6
_LAST_POSITION = 16_383
"""The last that a `tsvector` tells from others."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for in the index."""

    project: str
    weights: Mapping[str, float]
    """The words, with what each of them counts."""
    needed: Sequence[str]
    """Those words of which a passage must have one."""
    documents: Sequence[int] | None
    """Keys of the documents to look through; None: all of the project."""


class PassageIndex(Protocol):
    """How passages are found by words, in the transaction of a connection."""

    def add(self, connection: Connection, project: str, words: Mapping[int, Sequence[str]]) -> None:
        """Add passages: their words in order, by the passage's key."""

    def remove(self, connection: Connection, passages: Sequence[int]) -> None:
        """Remove passages by their keys."""

    def candidates(self, connection: Connection, asked: Question) -> list[int]:
        """Keys of the passages that fit best, roughly, at most MOST_CANDIDATES."""


class SqliteIndex:
    """A virtual table of FTS5."""

    _ADD = text("INSERT INTO passage_index (rowid, words) VALUES (:passage, :words)")
    _REMOVE = text("DELETE FROM passage_index WHERE rowid = :passage")
    _FIND = "SELECT rowid FROM passage_index WHERE passage_index MATCH :query {where} ORDER BY rank LIMIT :most"
    _ALL = text(_FIND.format(where=""))
    _SOME = text(
        _FIND.format(
            # The plus keeps SQLite from asking the index once for each of these rows.
            where="AND +rowid IN (SELECT id FROM passages "
            "WHERE document_id IN (SELECT value FROM json_each(:documents)))"
        )
    )

    def add(self, connection: Connection, project: str, words: Mapping[int, Sequence[str]]) -> None:
        mark = _mark(project)
        rows = [{"passage": key, "words": " ".join(mark + word for word in said)} for key, said in words.items()]
        connection.execute(self._ADD, rows)

    def remove(self, connection: Connection, passages: Sequence[int]) -> None:
        connection.execute(self._REMOVE, [{"passage": key} for key in passages])

    def candidates(self, connection: Connection, asked: Question) -> list[int]:
        mark = _mark(asked.project)
        query = f"({_any_of(mark, asked.needed)}) AND ({_any_of(mark, asked.weights)})"
        if asked.documents is None:
            return list(connection.execute(self._ALL, {"query": query, "most": MOST_CANDIDATES}).scalars())
        values = {"query": query, "most": MOST_CANDIDATES, "documents": json.dumps(list(asked.documents))}
        return list(connection.execute(self._SOME, values).scalars())


class PostgresIndex:
    """A table with a `tsvector`."""

    _ADD = text("INSERT INTO passage_index (passage_id, words) VALUES (:passage, CAST(:words AS tsvector))")
    _REMOVE = text("DELETE FROM passage_index WHERE passage_id = ANY(:passages)")
    # `ts_rank` of one word grows with how often it stands there and is bounded, as BM25; 1 divides by the logarithm of
    # the passage's length. Alone it would count a common word as much as a rare one.
    _FIND = """
        SELECT found.passage_id
        FROM passage_index AS found, LATERAL (
            SELECT sum(asked.weight * ts_rank(found.words, asked.word, 1)) AS value
            FROM unnest(CAST(:words AS tsquery[]), CAST(:weights AS float8[])) AS asked (word, weight)
        ) AS rank
        WHERE found.words @@ CAST(:needed AS tsquery) {where}
        ORDER BY rank.value DESC, found.passage_id
        LIMIT :most
    """
    _ALL = text(_FIND.format(where=""))
    _SOME = text(
        _FIND.format(
            where="AND found.passage_id IN (SELECT id FROM passages "
            "WHERE document_id = ANY(CAST(:documents AS bigint[])))"
        )
    )

    def add(self, connection: Connection, project: str, words: Mapping[int, Sequence[str]]) -> None:
        mark = _mark(project)
        rows = [{"passage": key, "words": _vector(mark, said)} for key, said in words.items()]
        connection.execute(self._ADD, rows)

    def remove(self, connection: Connection, passages: Sequence[int]) -> None:
        connection.execute(self._REMOVE, {"passages": list(passages)})

    def candidates(self, connection: Connection, asked: Question) -> list[int]:
        mark = _mark(asked.project)
        values = {
            "words": [f"'{mark}{word}'" for word in asked.weights],
            "weights": list(asked.weights.values()),
            "needed": " | ".join(f"'{mark}{word}'" for word in asked.needed),
            "most": MOST_CANDIDATES,
        }
        if asked.documents is None:
            return list(connection.execute(self._ALL, values).scalars())
        return list(connection.execute(self._SOME, {**values, "documents": list(asked.documents)}).scalars())


def index_of(connection: Connection) -> PassageIndex:
    """The index of the database that this connection leads to."""
    return SqliteIndex() if connection.dialect.name == "sqlite" else PostgresIndex()


def _mark(project: str) -> str:
    return hashlib.sha256(project.encode()).hexdigest()[:_MARK_DIGITS]


def _any_of(mark: str, words: Iterable[str]) -> str:
    """In quotes, a word is a word to FTS5, even AND."""
    return " OR ".join(f'"{mark}{word}"' for word in words)


def _vector(mark: str, words: Iterable[str]) -> str:
    """Words with their places as PostgreSQL spells them: `'ab':1,3 'cd':2`."""
    places: dict[str, list[str]] = {}
    for place, word in enumerate(words, start=1):
        places.setdefault(mark + word, []).append(str(min(place, _LAST_POSITION)))
    return " ".join(f"'{word}':{','.join(at)}" for word, at in places.items())
