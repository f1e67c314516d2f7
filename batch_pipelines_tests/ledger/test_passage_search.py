"""Passages found by words: what is found, in which order, and that both databases agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from batch_pipelines.ledger import passage_index, passage_search
from batch_pipelines.ledger.documents import NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import ManualClock

REAL = Path(__file__).parents[3] / "shared" / "data" / "alice_chapters.jsonl"
"""A public text that a checkout may have beside it."""

STORY = (
    "Alice was beginning to get very tired of sitting by her sister on the bank.",
    "The White Rabbit took a watch out of its waistcoat-pocket, and looked at it.",
    "Dinah is such a capital one for catching mice, you can't think!",
    "The Dormouse was sitting between the Hatter and the March Hare, fast asleep.",
    "It is always tea-time here, said the Hatter, and we have no time to wash the things.",
)


@pytest.fixture
def story(ledger: Ledger) -> Ledger:
    """A ledger with a story in project `p`, and another document."""
    ledger.ingest_document("p", NewDocument("story.txt", "Story", "text", STORY))
    others = ("ÉCOLE de Paris", "東京は日本の首都です", "AND or NOT near", "C++ and 3.14")
    ledger.ingest_document("p", NewDocument("others/notes.md", "Notes", "markdown", others))
    return ledger


def places(ledger: Ledger, query: str, limit: int = 5, sources: tuple[str, ...] = ()) -> list[tuple[str, int]]:
    """Where the passages stand that are found for a query."""
    (found,) = ledger.search_passages("p", [query], limit, sources)
    return [(passage.source, passage.position) for passage in found]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("Who catches MICE?", ("story.txt", 2)),
        ("the hatter's tea", ("story.txt", 4)),
        ("the dormouse asleep", ("story.txt", 3)),
        ("ecole", ("others/notes.md", 0)),
        ("École", ("others/notes.md", 0)),
        ("首都", ("others/notes.md", 1)),
        ("日", ("others/notes.md", 1)),
        ("3.14", ("others/notes.md", 3)),
    ],
)
def test_the_best_passage_comes_first(story: Ledger, query: str, first: tuple[str, int]) -> None:
    """Whatever the letters, the accents and the script (B8)."""
    assert places(story, query)[0] == first


@pytest.mark.parametrize("query", ["", "   ", "?!\"'", "zebra", "zebra crossing*", "\x00", "\ud800"])
def test_nothing_is_found_for_unknown_words(story: Ledger, query: str) -> None:
    """No word that is known, no passage; and no error whatever a query holds."""
    assert places(story, query) == []


@pytest.mark.parametrize(
    "query",
    [
        'mice" OR "tea', "mice AND tea", "NOT mice", "NEAR(mice tea, 5)", "words : mice", "mice*", "^mice", "-mice",
        "mice & !tea | (x", "mice:*", "mice <-> tea", "'mice'; DROP TABLE passages; --", "{mice} [tea]", "mice\\",
    ],
)  # fmt: skip
def test_a_query_has_no_operators(story: Ledger, query: str) -> None:
    """Queries come from documents and models: what means something to a database is a word like others (G3)."""
    assert ("story.txt", 2) in places(story, query)
    assert len(list(story.iter_passages("p"))) == 9


def test_queries_are_answered_in_their_order(story: Ledger) -> None:
    """As many at once as an item partition has, each for itself."""
    found = story.search_passages("p", ["mice", "zebra", "watch", "mice"], 1)

    assert [[passage.position for passage in each] for each in found] == [[2], [], [1], [2]]
    assert story.search_passages("p", [], 5) == []


def test_more_queries_than_one_transaction_takes(story: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are answered in groups, and nobody sees where one ends."""
    monkeypatch.setattr(passage_search, "QUERIES_AT_ONCE", 2)

    found = story.search_passages("p", ["mice", "watch", "asleep", "mice", "tired"], 1)

    assert [each[0].position for each in found] == [2, 1, 3, 2, 0]


def test_scores_are_comparable_within_a_search(story: Ledger) -> None:
    """The best comes first, none scores zero, and there are no more than asked for."""
    (found,) = story.search_passages("p", ["the Hatter has no time for tea"], 2)

    assert len(found) == 2
    assert found[0].score > found[1].score > 0
    assert found[0].text == STORY[4]


def test_sources_limit_a_search(story: Ledger) -> None:
    """Only documents whose source fits one of the patterns are looked through (B8)."""
    assert places(story, "and the", sources=("others/*",)) == [("others/notes.md", 2), ("others/notes.md", 3)]
    assert places(story, "and the", sources=("nothing/*",)) == []
    assert places(story, "mice", sources=("others/*", "story.txt")) == [("story.txt", 2)]


def test_projects_see_their_own_documents(story: Ledger) -> None:
    """What another project has neither shows nor counts (G1)."""
    (before,) = story.search_passages("p", ["Dinah mice"], 5)
    story.ingest_document("q", NewDocument("q.txt", "Q", "text", ("Mice, mice and mice.",) + ("Mice.",) * 50))

    assert story.search_passages("p", ["Dinah mice"], 5) == [before]
    assert [passage.source for passage in story.search_passages("q", ["Dinah mice"], 1)[0]] == ["q.txt"]
    assert story.search_passages("empty", ["mice"], 5) == [()]
    assert (story.has_documents("q"), story.has_documents("empty")) == (True, False)


def test_projects_of_one_mark_see_their_own_documents(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark in the index saves time; what a project sees does not rest on it (G1)."""
    monkeypatch.setattr(passage_index, "_mark", lambda project: "same")
    for project in ("p", "q"):
        ledger.ingest_document(project, NewDocument(f"{project}.txt", "T", "text", ("Mice.",)))

    assert [passage.source for passage in ledger.search_passages("p", ["mice"], 5)[0]] == ["p.txt"]


def test_a_whole_text_may_be_a_query(story: Ledger) -> None:
    """A long one is looked for by the words that tell most."""
    text = " ".join(f"filler{number} the of and" for number in range(3_000)) + " " + "dormouse " * 3

    assert places(story, text)[0] == ("story.txt", 3)


def test_common_words_alone_find_something(ledger: Ledger) -> None:
    """Words that every passage has are few reasons, but reasons."""
    texts = tuple(f"The cat of house {number}." for number in range(3_000))
    ledger.ingest_document("p", NewDocument("a.txt", "A", "text", texts))

    assert len(places(ledger, "the cat of the house")) == 5
    assert places(ledger, "the cat of house 2999", limit=1) == [("a.txt", 2999)]


@pytest.mark.skipif(not REAL.is_file(), reason="the public texts are not here")
def test_both_databases_find_the_same(sqlite_url: str, postgres_url: str, clock: ManualClock) -> None:
    """The same passages in the same order, with the same scores: only which are looked at is the database's (B8)."""
    # The module of splitting is in a layer above, and a test of both needs real passages.
    from batch_pipelines.retrieval.splitting import split

    chapters = [json.loads(line) for line in REAL.read_text().splitlines()]
    queries = [split(chapter["text"])[3][:500] for chapter in chapters] + ["the Queen", "Off with her head!", "tea"]
    found = []
    for url in (sqlite_url, postgres_url):
        with Ledger.open(url, clock) as ledger:
            for chapter in chapters:
                document = NewDocument(f"{chapter['id']}.txt", chapter["title"], "text", split(chapter["text"]))
                ledger.ingest_document("p", document)
            found.append(ledger.search_passages("p", queries, 5))

    same = sum(one == other for one, other in zip(*found, strict=True))
    assert all(len(each) == 5 for each in found[0])
    assert same >= len(queries) - 1
