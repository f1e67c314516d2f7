"""Makes the passages of a document what they are to be, with the index and the vocabulary, in one transaction."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from batch_pipelines.ledger.document_tables import passages, vocabulary
from batch_pipelines.ledger.passage_index import index_of
from batch_pipelines.ledger.upsert import upsert
from batch_pipelines.ledger.words import words_of

KEYS_PER_STATEMENT = 500
"""SQLite limits the values of a statement to 32,766; longer lists are no faster."""

_COUNT = upsert(vocabulary, lambda new: {"passage_count": vocabulary.c.passage_count + new["passage_count"]})
_MOVE = update(passages).where(passages.c.id == bindparam("of")).values(position=bindparam("to"))
_NEW = insert(passages).returning(passages.c.id, sort_by_parameter_order=True)


def digest_of(text: str) -> str:
    """SHA-256 of a text in hex digits; lone surrogates, which no database keeps, are as good as any others."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def in_groups(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """The keys, so many at once as one statement takes."""
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        yield keys[start : start + KEYS_PER_STATEMENT]


def write_passages(
    connection: Connection, project: str, document: int, texts: Sequence[str], words: Sequence[Sequence[str]]
) -> tuple[int, int]:
    """Make the passages of a document these, of which each has its `words`; returns how many are new and are gone.

    A passage whose text was there keeps its row, and so its vectors, wherever it stands now. The caller holds the
    project's row, as all its documents count into one vocabulary.
    """
    had = _had(connection, document)
    moved: list[dict[str, int]] = []
    new: list[int] = []
    for position, text in enumerate(texts):
        if rows := had.get(digest_of(text)):
            row = rows.pop()
            moved += [{"of": row.id, "to": position}] if row.position != position else []
        else:
            new.append(position)
    gone = [row.id for rows in had.values() for row in rows]
    if moved:
        connection.execute(_MOVE, moved)
    counts = _remove(connection, gone)
    counts.update(_add(connection, project, document, {at: (texts[at], words[at]) for at in new}))
    _count(connection, project, counts)
    return len(new), len(gone)


def _had(connection: Connection, document: int) -> dict[str, list[Row[int, int, str]]]:
    """The rows of a document's passages by digest, the first in the document at the end of its list."""
    columns = (passages.c.id, passages.c.position, passages.c.digest)
    statement = select(*columns).where(passages.c.document_id == document).order_by(passages.c.position.desc())
    had: dict[str, list[Row[int, int, str]]] = defaultdict(list)
    for row in connection.execute(statement):
        had[row.digest].append(row)
    return had


def _remove(connection: Connection, keys: Sequence[int]) -> Counter[str]:
    """Remove passages; returns by word what its count changes by."""
    counts: Counter[str] = Counter()
    for some in in_groups(keys):
        these = passages.c.id.in_(some)
        for text in connection.execute(select(passages.c.text).where(these)).scalars():
            counts.subtract(set(words_of(text)))
        index_of(connection).remove(connection, some)
        connection.execute(delete(passages).where(these))
    return counts


def _add(
    connection: Connection, project: str, document: int, new: dict[int, tuple[str, Sequence[str]]]
) -> Counter[str]:
    """Add passages by position; returns by word what its count changes by."""
    counts: Counter[str] = Counter()
    for some in in_groups(list(new)):
        rows = [
            {"document_id": document, "position": at, "digest": digest_of(new[at][0]), "text": new[at][0]}
            for at in some
        ]
        keys = connection.execute(_NEW, rows).scalars().all()
        index_of(connection).add(connection, project, {key: new[at][1] for key, at in zip(keys, some, strict=True)})
        for at in some:
            counts.update(set(new[at][1]))
    return counts


def _count(connection: Connection, project: str, counts: Counter[str]) -> None:
    rows = [{"project": project, "word": word, "passage_count": by} for word, by in sorted(counts.items()) if by]
    if not rows:
        return
    connection.execute(_COUNT[connection.dialect.name], rows)
    if any(by < 0 for by in counts.values()):
        unused = (vocabulary.c.project == project, vocabulary.c.passage_count <= 0)
        connection.execute(delete(vocabulary).where(*unused))
