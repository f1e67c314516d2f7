"""Vectors of passages, and passages found by meaning: those whose vectors point where the asked one points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, bindparam, func, select, tuple_

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.document_tables import documents, passage_vectors, passages
from batch_pipelines.ledger.passage_search import documents_of, read_passages
from batch_pipelines.ledger.passage_writing import digest_of, in_groups
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.upsert import upsert

VECTORS_AT_ONCE = 4_096
"""Rows that are compared at once: 6 MB at 384 numbers each."""
ASKED_AT_ONCE = 1_024
"""Vectors that are asked for in one pass over those of the passages: 17 MB of scores a block."""
VECTORS_PER_STATEMENT = 500

Floats = NDArray[np.float32]
_STORED = np.dtype("<f4")
_WRITE = upsert(passage_vectors, lambda new: {"vector": new["vector"]})
_PLACES = (
    select(documents.c.source, passages.c.position, passages.c.id, passages.c.digest)
    .join(documents, documents.c.id == passages.c.document_id)
    .where(
        documents.c.project == bindparam("of_project"),
        tuple_(documents.c.source, passages.c.position).in_(bindparam("places", expanding=True)),
    )
)
_VECTORS = (
    select(passage_vectors.c.passage_id, passage_vectors.c.vector)
    .join(passages, passages.c.id == passage_vectors.c.passage_id)
    .join(documents, documents.c.id == passages.c.document_id)
    .where(
        documents.c.project == bindparam("of_project"),
        passage_vectors.c.model == bindparam("by_model"),
        func.length(passage_vectors.c.vector) == bindparam("bytes"),
    )
    .order_by(passage_vectors.c.passage_id)
)
_HAS_ANY = (
    select(passage_vectors.c.passage_id)
    .join(passages, passages.c.id == passage_vectors.c.passage_id)
    .join(documents, documents.c.id == passages.c.document_id)
    .where(documents.c.project == bindparam("of_project"), passage_vectors.c.model == bindparam("by_model"))
    .limit(1)
)


class PassageVector(NamedTuple):
    """A vector and whose it is."""

    source: str
    position: int
    vector: Sequence[float]
    text: str | None = None
    """What was turned into it; a passage that says something else by now does not get it. None: not checked."""


class Vectors(Section):
    """The section that finds passages of a project by meaning."""

    def set_vectors(self, project: str, model: str, vectors: Iterable[PassageVector]) -> int:
        """Keep vectors of passages, one of each model; returns how many, as passages may be gone or say other things.

        Any number may come, from a generator too. Raises InvalidInput for a vector that has no direction.
        """
        rest, written = iter(vectors), 0
        while some := list(islice(rest, VECTORS_PER_STATEMENT)):
            directions = {(one.source, one.position): (_direction(one.vector), one.text) for one in some}
            with writing(self._engine) as connection:
                found = connection.execute(_PLACES, {"of_project": project, "places": list(directions)}).all()
                rows = []
                for source, position, key, digest in found:
                    direction, text = directions[source, position]
                    if text is None or digest_of(text) == digest:
                        rows.append({"passage_id": key, "model": model, "vector": direction.tobytes()})
                if rows:
                    connection.execute(_WRITE[connection.dialect.name], rows)
            written += len(rows)
        return written

    def has_vectors(self, project: str, model: str) -> bool:
        """Whether any passage of the project has a vector of this model."""
        with reading(self._engine) as connection:
            asked = {"of_project": project, "by_model": model}
            return connection.execute(_HAS_ANY, asked).first() is not None

    def search_vectors(
        self, project: str, model: str, vectors: Sequence[Sequence[float]], limit: int, sources: Sequence[str] = ()
    ) -> list[tuple[Passage, ...]]:
        """For each vector the passages whose vectors of this model are nearest, at most `limit`, the best first.

        The score is the cosine of the angle between them. All vectors of the project are compared, so that the time
        grows with their number. Raises InvalidInput for a vector that has no direction or another length than others.
        """
        if not vectors:
            return []
        directions = _together([_direction(vector) for vector in vectors])
        answers: list[tuple[Passage, ...]] = []
        for start in range(0, len(directions), ASKED_AT_ONCE):
            asked = directions[start : start + ASKED_AT_ONCE]
            with reading(self._engine) as connection:
                keys, scores = _nearest(connection, project, model, asked, limit, sources)
                found = read_passages(connection, project, {int(key) for key in keys.flat if key >= 0})
            answers += [_in_order(row, near, found) for row, near in zip(keys, scores, strict=True)]
        return answers


def has_direction(vector: Sequence[float]) -> bool:
    """Whether passages can be compared with this vector: numbers that are finite and not all zero."""
    values = np.asarray(vector, dtype=np.float64)
    return values.ndim == 1 and bool(np.isfinite(values).all() and values.any())


def _direction(vector: Sequence[float]) -> Floats:
    """The vector at length 1; raises InvalidInput for one that has no direction."""
    if not has_direction(vector):
        raise InvalidInput("vector", None, "has no direction", "give numbers that are finite and not all zero")
    values = np.asarray(vector, dtype=np.float64)
    # Divided by the largest first, as the squares of large numbers are no numbers any more.
    values /= np.abs(values).max()
    return (values / np.linalg.norm(values)).astype(_STORED)


def _together(vectors: Sequence[Floats]) -> Floats:
    lengths = sorted({len(vector) for vector in vectors})
    if len(lengths) > 1:
        some = " and ".join(map(str, lengths))
        raise InvalidInput("vector", None, f"comes with others of {some} numbers", "compare vectors of one model")
    return np.stack(vectors)


def _nearest(
    connection: Connection, project: str, model: str, asked: Floats, limit: int, sources: Sequence[str]
) -> tuple[NDArray[np.int64], Floats]:
    """For each asked vector the keys of the nearest passages and their cosines, -1 where there are fewer."""
    keys = np.full((len(asked), limit), -1, dtype=np.int64)
    scores = np.full((len(asked), limit), -np.inf, dtype=np.float32)
    for some, vectors in _blocks(connection, project, model, asked.shape[1], sources):
        keys = np.concatenate([keys, np.broadcast_to(some, (len(asked), len(some)))], axis=1)
        scores = np.concatenate([scores, asked @ vectors.T], axis=1)
        best = np.argpartition(-scores, limit - 1, axis=1)[:, :limit]
        keys, scores = np.take_along_axis(keys, best, axis=1), np.take_along_axis(scores, best, axis=1)
    return keys, scores


def _blocks(
    connection: Connection, project: str, model: str, numbers: int, sources: Sequence[str]
) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """Keys and vectors of passages, so many at once that memory stays flat."""
    asked = {"of_project": project, "by_model": model, "bytes": numbers * _STORED.itemsize}
    streaming = connection.execution_options(yield_per=VECTORS_AT_ONCE)
    for statement in _statements(documents_of(connection, project, sources)):
        for block in streaming.execute(statement, asked).partitions():
            vectors = np.frombuffer(b"".join(row.vector for row in block), dtype=_STORED).reshape(-1, numbers)
            yield np.array([row.passage_id for row in block], dtype=np.int64), vectors


def _statements(documents: list[int] | None) -> Iterator[Select[int, bytes]]:
    """What reads the vectors of these documents; None: of all."""
    if documents is None:
        yield _VECTORS
    else:
        for some in in_groups(documents):
            yield _VECTORS.where(passages.c.document_id.in_(some))


def _in_order(keys: NDArray[np.int64], scores: Floats, found: dict[int, Passage]) -> tuple[Passage, ...]:
    near = [
        found[int(key)].model_copy(update={"score": float(score)})
        for key, score in zip(keys, scores, strict=True)
        if int(key) in found
    ]
    return tuple(sorted(near, key=lambda one: (-one.score, one.source, one.position)))
