"""Passages found by words and by meaning, and read one after the other."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection, bindparam, func, select

from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.document_tables import documents, passages, vocabulary
from batch_pipelines.ledger.passage_index import Question, index_of
from batch_pipelines.ledger.passage_writing import in_groups
from batch_pipelines.ledger.ranking import Corpus, fit, most_said, needed, telling
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.source_patterns import fits_any
from batch_pipelines.ledger.words import words_looked_for, words_of

QUERIES_AT_ONCE = 100
"""Queries that share what they read: a second or two of work, five thousand passages in memory at most."""

# Built once: building a statement takes longer than running it.
_OF_PROJECT = documents.c.project == bindparam("of_project")
_SOURCES = select(documents.c.id, documents.c.source).where(_OF_PROJECT).order_by(documents.c.source)
_SIZE = select(
    func.coalesce(func.sum(documents.c.passage_count), 0), func.coalesce(func.sum(documents.c.word_count), 0)
)
_CORPUS = _SIZE.where(_OF_PROJECT)
_COUNTS = select(vocabulary.c.word, vocabulary.c.passage_count).where(
    vocabulary.c.project == bindparam("of_project"), vocabulary.c.word.in_(bindparam("words", expanding=True))
)
_TEXTS = (
    select(passages.c.id, documents.c.source, passages.c.position, passages.c.text)
    .join(documents, documents.c.id == passages.c.document_id)
    .where(_OF_PROJECT, passages.c.id.in_(bindparam("keys", expanding=True)))
)
_OF_DOCUMENT = (
    select(passages.c.position, passages.c.text)
    .where(passages.c.document_id == bindparam("document"))
    .order_by(passages.c.position)
)


class PassageSearch(Section):
    """The section that finds passages of a project by words."""

    def search_passages(
        self, project: str, queries: Sequence[str], limit: int, sources: Sequence[str] = ()
    ) -> list[tuple[Passage, ...]]:
        """For each query the passages that fit best, at most `limit` of them, the best first; none for no known word.

        With `sources`, only of documents whose source fits one of these patterns. The words of a query that tell most
        are looked for (`ranking.TELLING_WORDS`), and a passage needs to have one of them.
        """
        found: list[tuple[Passage, ...]] = []
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            # Not all in one transaction: while it lasts, SQLite cannot bring its write-ahead log home.
            with reading(self._engine) as connection:
                search = _Search(connection, project, sources)
                found += [search.best(query, limit) for query in queries[start : start + QUERIES_AT_ONCE]]
        return found

    def has_documents(self, project: str, sources: Sequence[str] = ()) -> bool:
        """Whether the project has any document, or any whose source fits one of these patterns."""
        with reading(self._engine) as connection:
            return bool(documents_of(connection, project, sources or ("*",)))

    def iter_passages(self, project: str, pattern: str = "*") -> Iterator[Passage]:
        """Every passage of the documents whose source fits, by source and position, with the score 0.

        Streamed document by document: one that is taken in meanwhile is read as it was before or as it is after.
        """
        with reading(self._engine) as connection:
            found = connection.execute(_SOURCES, {"of_project": project}).all()
        for key, source in found:
            if not fits_any(source, (pattern,)):
                continue
            with reading(self._engine) as connection:
                rows = connection.execute(_OF_DOCUMENT, {"document": key}).all()
            for position, text in rows:
                yield Passage(source=source, position=position, text=text, score=0)


class _Search:
    """What the queries of one search share, read once."""

    def __init__(self, connection: Connection, project: str, sources: Sequence[str]) -> None:
        self._connection = connection
        self._project = project
        self._documents = documents_of(connection, project, sources)
        passage_count, words = connection.execute(_CORPUS, {"of_project": project}).one()
        self._corpus = Corpus(int(passage_count), int(words))
        self._counts: dict[str, int] = {}
        self._read: dict[int, tuple[Passage, Counter[str]]] = {}

    def best(self, query: str, limit: int) -> tuple[Passage, ...]:
        """The passages that fit the query best."""
        said = most_said(words_looked_for(query))
        self._count(said)
        weights = telling(said, self._counts, self._corpus.passages)
        if not weights or self._documents == []:
            return ()
        # Of some documents, even the commonest words bring few passages.
        musts = needed(weights, self._counts) if self._documents is None else list(weights)
        asked = Question(self._project, weights, musts, self._documents)
        keys = index_of(self._connection).candidates(self._connection, asked)
        scored = [
            passage.model_copy(update={"score": score})
            for passage, words in self._texts(keys)
            if (score := fit(weights, words, self._corpus.mean_words)) > 0
        ]
        return tuple(heapq.nsmallest(limit, scored, key=lambda one: (-one.score, one.source, one.position)))

    def _count(self, words: dict[str, int]) -> None:
        """Look up in how many passages the words stand that were not looked up before."""
        if new := [word for word in words if word not in self._counts]:
            self._counts.update(dict.fromkeys(new, 0))
            for word, count in self._connection.execute(_COUNTS, {"of_project": self._project, "words": new}):
                self._counts[word] = count

    def _texts(self, keys: Sequence[int]) -> list[tuple[Passage, Counter[str]]]:
        """Passages with their words, read once however many queries they fit."""
        new = [key for key in keys if key not in self._read]
        for key, passage in read_passages(self._connection, self._project, new).items():
            self._read[key] = (passage, Counter(words_of(passage.text)))
        return [self._read[key] for key in keys if key in self._read]


def read_passages(connection: Connection, project: str, keys: Collection[int]) -> dict[int, Passage]:
    """Those of these passages that are the project's, by key, with the score 0."""
    found: dict[int, Passage] = {}
    for some in in_groups(list(keys)):
        for key, source, position, text in connection.execute(_TEXTS, {"of_project": project, "keys": some}):
            found[key] = Passage(source=source, position=position, text=text, score=0)
    return found


def documents_of(connection: Connection, project: str, sources: Sequence[str]) -> list[int] | None:
    """Keys of the project's documents whose source fits one of these patterns; None, which means all, without any."""
    if not sources:
        return None
    found = connection.execute(_SOURCES, {"of_project": project})
    return [key for key, source in found if fits_any(source, sources)]
