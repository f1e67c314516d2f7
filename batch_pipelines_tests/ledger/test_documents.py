"""Documents of projects: taking in, taking in again, listing, forgetting, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select, text

from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.document_tables import passage_vectors, passages, vocabulary
from batch_pipelines.ledger.documents import Change, Ingested, KnownDocument, NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import projects
from batch_pipelines.ledger.vectors import PassageVector
from batch_pipelines_tests.clock import ManualClock


def make_document(*texts: str, source: str = "a.md", title: str = "A") -> NewDocument:
    """A document of these passages."""
    return NewDocument(source, title, "markdown", texts)


def rows(ledger: Ledger) -> dict[str, int]:
    """The keys of all passages by their text."""
    with reading(ledger._engine) as connection:
        return {words: key for key, words in connection.execute(select(passages.c.id, passages.c.text))}


def counted(ledger: Ledger, project: str = "p") -> dict[str, int]:
    """In how many passages of a project each word stands, as the ledger keeps it."""
    statement = select(vocabulary.c.word, vocabulary.c.passage_count).where(vocabulary.c.project == project)
    with reading(ledger._engine) as connection:
        return {row.word: row.passage_count for row in connection.execute(statement)}


def test_a_document_is_taken_in(ledger: Ledger, clock: ManualClock) -> None:
    """It is listed with what is known about it, its passages in order (B8)."""
    done = ledger.ingest_document("p", make_document("One cat.", "Two cats."))

    assert done == Ingested("a.md", Change.ADDED, passages=2, added=2, removed=0)
    assert ledger.list_documents("p") == [KnownDocument("p", "a.md", "A", "markdown", 2, clock())]
    found = [(each.source, each.position, each.text) for each in ledger.iter_passages("p")]
    assert found == [("a.md", 0, "One cat."), ("a.md", 1, "Two cats.")]
    assert counted(ledger) == {"one": 1, "cat": 1, "two": 1, "cats": 1}


def test_the_same_again_touches_nothing(ledger: Ledger, clock: ManualClock) -> None:
    """Not even the time at which it was taken in (B8)."""
    ledger.ingest_document("p", make_document("One."))
    before, at = rows(ledger), clock()
    clock.advance(3600)

    done = ledger.ingest_document("p", make_document("One."))

    assert (done.change, done.added, done.removed) == (Change.UNCHANGED, 0, 0)
    assert rows(ledger) == before
    assert ledger.list_documents()[0].ingested_at == at


def test_only_what_changed_is_touched(ledger: Ledger) -> None:
    """Passages that say the same keep their rows and vectors, wherever they stand now (B8)."""
    ledger.ingest_document("p", make_document("One.", "Two.", "Same.", "Same."))
    ledger.set_vectors("p", "m", [PassageVector("a.md", position, [1.0, position]) for position in range(4)])
    before = rows(ledger)

    done = ledger.ingest_document("p", make_document("New.", "Two.", "Same.", "One.", "Same.", "Same.", title="B"))

    assert done == Ingested("a.md", Change.CHANGED, passages=6, added=2, removed=0)
    assert [each.text for each in ledger.iter_passages("p")] == ["New.", "Two.", "Same.", "One.", "Same.", "Same."]
    after = rows(ledger)
    assert (after["One."], after["Two."]) == (before["One."], before["Two."])
    with reading(ledger._engine) as connection:
        assert len(connection.execute(select(passage_vectors)).all()) == 4
    assert ledger.list_documents()[0].title == "B"
    assert counted(ledger) == {"new": 1, "one": 1, "two": 1, "same": 3}


def test_what_is_gone_is_found_no_more(ledger: Ledger) -> None:
    """Passages that a new version has not leave the index, the vocabulary and the vectors (B8)."""
    ledger.ingest_document("p", make_document("One cat.", "Two mice."))
    ledger.set_vectors("p", "m", [PassageVector("a.md", 1, [1.0])])

    done = ledger.ingest_document("p", make_document("One cat."))

    assert (done.change, done.added, done.removed) == (Change.CHANGED, 0, 1)
    assert ledger.search_passages("p", ["mice"], 5) == [()]
    assert counted(ledger) == {"one": 1, "cat": 1}
    assert not ledger.has_vectors("p", "m")
    assert index_size(ledger) == 1


def index_size(ledger: Ledger) -> int:
    """How many passages the full-text index knows."""
    with reading(ledger._engine) as connection:
        return int(connection.execute(text("SELECT count(*) FROM passage_index")).scalar_one())


def test_a_forgotten_document_leaves_nothing(ledger: Ledger) -> None:
    """Its passages, vectors and words go with it; other documents and projects keep theirs (B8)."""
    for project in ("p", "q"):
        ledger.ingest_document(project, make_document("One cat."))
    ledger.ingest_document("p", make_document("One dog.", source="b.md"))

    assert ledger.forget_document("p", "a.md")

    assert [(each.project, each.source) for each in ledger.list_documents()] == [("p", "b.md"), ("q", "a.md")]
    assert counted(ledger, "p") == {"one": 1, "dog": 1}
    assert counted(ledger, "q") == {"one": 1, "cat": 1}
    assert index_size(ledger) == 2
    assert not ledger.forget_document("p", "a.md")
    assert not ledger.forget_document("nobody", "a.md")
    with reading(ledger._engine) as connection:
        assert set(connection.execute(select(projects.c.name)).scalars()) == {"p", "q"}


def test_a_document_may_be_large(ledger: Ledger) -> None:
    """Its passages go to the database in groups, there and back."""
    texts = [f"Passage number{number}." for number in range(1_200)]

    ledger.ingest_document("p", make_document(*texts))
    done = ledger.ingest_document("p", make_document(*texts[600:]))

    assert (done.added, done.removed) == (0, 600)
    assert [each.text for each in ledger.iter_passages("p")] == texts[600:]
    assert counted(ledger)["passage"] == 600
    assert "number0" not in counted(ledger)


def test_whatever_a_text_holds_is_kept(ledger: Ledger) -> None:
    """What no database takes becomes a replacement; all else stays as it was."""
    odd = "Nul \x00 and half \ud800 a pair, 'quotes', \\ and 猫."

    ledger.ingest_document("p", make_document(odd, title="T\x00"))

    (passage,) = ledger.iter_passages("p")
    assert passage.text == odd.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert ledger.ingest_document("p", make_document(odd, title="T\x00")).change is Change.UNCHANGED


def test_passages_are_read_by_pattern(ledger: Ledger) -> None:
    """A pattern fits a source from its beginning, or from one of its folders on; a slash is a character like others."""
    for source in ("b/cats/x.md", "cats/old/y.md", "cats.md"):
        ledger.ingest_document("p", make_document("One.", source=source))

    def sources(pattern: str) -> list[str]:
        return [passage.source for passage in ledger.iter_passages("p", pattern)]

    assert sources("*") == ["b/cats/x.md", "cats.md", "cats/old/y.md"]
    assert sources("cats/*") == ["b/cats/x.md", "cats/old/y.md"]
    assert sources("cats.??") == ["cats.md"]
    assert sources("x.md") == ["b/cats/x.md"]
    assert sources("ats.md") == []


def test_several_may_take_in_documents_at_once(ledger: Ledger) -> None:
    """Writers of one project queue, and its words are counted right."""

    def take_in(number: int) -> None:
        for version in range(3):
            ledger.ingest_document("p", make_document(f"Cat {version}.", f"Dog {number}.", source=f"{number}.md"))

    with ThreadPoolExecutor(max_workers=4) as pool:
        list(pool.map(take_in, range(8)))

    assert counted(ledger) == {"cat": 8, "dog": 8, "2": 9} | {str(number): 1 for number in range(8) if number != 2}


def test_several_may_take_in_the_same_document_at_once(ledger: Ledger) -> None:
    """One after the other: whoever comes last decides what it says, and no passage stands there twice."""
    ledger.ingest_document("p", make_document("Another.", source="b.md"))
    versions = [
        make_document("Same.", *(f"Version {number}, part {part}." for part in range(30))) for number in range(8)
    ]

    with ThreadPoolExecutor(max_workers=8) as pool:
        done = list(pool.map(lambda version: ledger.ingest_document("p", version), versions))

    assert [each.change for each in done].count(Change.ADDED) == 1
    texts = tuple(passage.text for passage in ledger.iter_passages("p", "a.md"))
    assert texts in [version.passages for version in versions]
    assert counted(ledger)["same"] == 1
