"""Passages for the items of a phase, by words and by meaning, against a real ledger."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.retrieval import Retrieval
from batch_pipelines.ledger.documents import NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.vectors import PassageVector
from batch_pipelines.retrieval.finding import Asked, check_documents, find_passages, name_of_vectors

MODEL = "embed-1"


@pytest.fixture
def shelf(sqlite_ledger: Ledger) -> Ledger:
    """A ledger with three documents of project `p`, of which two have vectors."""
    for source, text in (("cats/dinah.md", "Dinah catches mice."), ("tea.md", "The Hatter drinks tea."), ("c.md", "x")):
        sqlite_ledger.ingest_document("p", NewDocument(source, source, "markdown", (text,)))
    vectors = [PassageVector("cats/dinah.md", 0, [1, 0]), PassageVector("tea.md", 0, [0, 1])]
    assert sqlite_ledger.set_vectors("p", MODEL, vectors) == 2
    return sqlite_ledger


def sources(found: list[tuple[object, ...]]) -> list[list[str]]:
    """The sources of what was found for each."""
    return [[passage.source for passage in each] for each in found]  # type: ignore[attr-defined]


def test_items_are_answered_in_their_order(shelf: Ledger) -> None:
    """Those that look by words and those that look by meaning may come mixed; each gets its own (B8)."""
    asked = [
        Asked(query=None, parameters={"text": "Who drinks tea?"}),
        Asked(query=None, parameters={}, vector=[2, 0.1], vectors_of=MODEL),
        Asked(query="mice", parameters={"text": "tea"}),
        Asked(query=None, parameters={"n": 1}),
        Asked(query=None, parameters={}, vector=[0, 1], vectors_of="another"),
    ]

    found = find_passages(shelf, "p", Retrieval(passages=1), asked)

    assert sources(found) == [["tea.md"], ["cats/dinah.md"], ["cats/dinah.md"], [], []]


def test_sources_limit_both_ways_of_looking(shelf: Ledger) -> None:
    """`sources` leaves other documents out, whatever fits best."""
    asked = [
        Asked(query="tea mice", parameters={}),
        Asked(query=None, parameters={}, vector=[0, 1], vectors_of=MODEL),
    ]

    found = find_passages(shelf, "p", Retrieval(sources=("cats/*",)), asked)

    assert sources(found) == [["cats/dinah.md"], ["cats/dinah.md"]]


def test_nobody_asked_nobody_answered(shelf: Ledger) -> None:
    """A partition without items costs nothing."""
    assert find_passages(shelf, "p", Retrieval(), []) == []


def test_a_vector_is_some_models() -> None:
    """A vector without its model would be looked for by words, and nobody would see it."""
    with pytest.raises(AssertionError):
        Asked(query=None, parameters={}, vector=[1.0])


def test_simulated_vectors_have_a_name_of_their_own() -> None:
    """A simulation answers in a model's name, and its vectors are not that model's."""
    assert name_of_vectors(MODEL, simulated=False) == MODEL
    assert name_of_vectors(MODEL, simulated=True) != MODEL


@pytest.mark.parametrize(
    ("project", "retrieval", "vectors_of", "words"),
    [
        ("empty", Retrieval(), None, ["finds no documents in project empty", "ingest PATH --project empty"]),
        ("p", Retrieval(sources=("dogs/*",)), None, ["no documents that fit dogs/* in project p"]),
        ("p", Retrieval(), "another", ["finds no vectors of another in project p", "embedding_regeneration"]),
    ],
)
def test_what_can_find_nothing_is_refused(
    shelf: Ledger, project: str, retrieval: Retrieval, vectors_of: str | None, words: list[str]
) -> None:
    """Before money is spent, a phase without anything to look through is named with its remedy."""
    with pytest.raises(InvalidInput) as caught:
        check_documents(shelf, project, retrieval, vectors_of)

    for word in words:
        assert word in str(caught.value)


def test_what_can_find_something_passes(shelf: Ledger) -> None:
    """A look at the ledger, and nothing else."""
    check_documents(shelf, "p", Retrieval(sources=("cats/*",)), MODEL)
