"""Passages found by meaning: vectors kept, compared, and left alone where they do not belong."""

from __future__ import annotations

import math

import numpy as np
import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.ledger import vectors as module
from batch_pipelines.ledger.documents import NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.vectors import PassageVector

DIRECTIONS = {"east": [2, 0], "north": [0, 0.5], "northeast": [1, 1], "west": [-3, 0]}


@pytest.fixture
def compass(ledger: Ledger) -> Ledger:
    """A ledger whose project `p` has passages that lie in directions, each in a document of its own."""
    for name in DIRECTIONS:
        ledger.ingest_document("p", NewDocument(f"of/{name}", name, "text", (f"To the {name}.", "Nowhere.")))
    assert ledger.set_vectors("p", "m", [PassageVector(f"of/{name}", 0, to) for name, to in DIRECTIONS.items()]) == 4
    return ledger


def names(found: tuple[object, ...]) -> list[str]:
    """Where the passages lie."""
    return [passage.source.removeprefix("of/") for passage in found]  # type: ignore[attr-defined]


def test_the_nearest_come_first(compass: Ledger) -> None:
    """By the angle between vectors, whatever their lengths; the score is its cosine (B8)."""
    first, second = compass.search_vectors("p", "m", [[10, 0], [-1, 0.1]], 3)

    assert names(first) == ["east", "northeast", "north"]
    assert [passage.score for passage in first] == pytest.approx([1, math.sqrt(0.5), 0], abs=1e-6)
    assert names(second) == ["west", "north", "northeast"]
    assert first[0].text == "To the east."


def test_fewer_than_asked_for(compass: Ledger) -> None:
    """Passages without a vector are not found, and nothing stands in for them."""
    assert len(compass.search_vectors("p", "m", [[1, 0]], 20)[0]) == 4
    assert compass.search_vectors("p", "m", [], 20) == []


def test_vectors_of_other_models_are_not_compared(compass: Ledger) -> None:
    """Neither of another name nor of another length; a passage may have vectors of several models (B8)."""
    compass.set_vectors("p", "other", [PassageVector("of/west", 0, [1, 0])])

    assert names(compass.search_vectors("p", "m", [[1, 0]], 1)[0]) == ["east"]
    assert names(compass.search_vectors("p", "other", [[1, 0]], 5)[0]) == ["west"]
    assert compass.search_vectors("p", "unknown", [[1, 0]], 5) == [()]
    assert compass.search_vectors("p", "m", [[1, 0, 0]], 5) == [()]
    assert [compass.has_vectors("p", model) for model in ("m", "other", "unknown")] == [True, True, False]


def test_projects_and_sources_limit_the_search(compass: Ledger) -> None:
    """Only documents of the project are compared, and with patterns only those that fit."""
    assert names(compass.search_vectors("p", "m", [[1, 0]], 5, ("of/n*",))[0]) == ["northeast", "north"]
    assert compass.search_vectors("p", "m", [[1, 0]], 5, ("by/*",)) == [()]
    assert compass.search_vectors("q", "m", [[1, 0]], 5) == [()]
    assert not compass.has_vectors("q", "m")


def test_what_is_nearer_in_another_project_takes_no_place(compass: Ledger) -> None:
    """The nearest of the project are found, whatever others have (G1)."""
    compass.ingest_document("q", NewDocument("of/elsewhere", "E", "text", ("Nearer.",)))
    compass.set_vectors("q", "m", [PassageVector("of/elsewhere", 0, [1, 0.5])])

    assert names(compass.search_vectors("p", "m", [[1, 0.5]], 1)[0]) == ["northeast"]


def test_a_new_vector_replaces_the_old(compass: Ledger) -> None:
    """One for each passage and model."""
    compass.set_vectors("p", "m", [PassageVector("of/west", 0, [1, 0]), PassageVector("of/west", 0, [0, -1])])

    assert names(compass.search_vectors("p", "m", [[0, -1]], 1)[0]) == ["west"]


def test_a_passage_that_changed_gets_no_old_vector(compass: Ledger) -> None:
    """A vector that was bought for another text, or for a passage that is gone, is left out (B8)."""
    given = [
        PassageVector("of/west", 0, [1, 0], "To the far west."),
        PassageVector("of/west", 7, [1, 0]),
        PassageVector("of/nowhere", 0, [1, 0]),
        PassageVector("of/north", 0, [0, -1], "To the north."),
    ]

    assert compass.set_vectors("p", "m", given) == 1
    assert names(compass.search_vectors("p", "m", [[0, -1]], 1)[0]) == ["north"]


@pytest.mark.parametrize("vector", [[], [0.0, 0.0], [math.nan, 1], [math.inf, 1], [[1.0], [2.0]]])
def test_a_vector_needs_a_direction(compass: Ledger, vector: list[float]) -> None:
    """Neither kept nor looked for; the vectors given with it are not kept either."""
    with pytest.raises(InvalidInput, match="has no direction"):
        compass.set_vectors("p", "n", [PassageVector("of/west", 0, [1, 0]), PassageVector("of/east", 0, vector)])
    with pytest.raises(InvalidInput, match="has no direction"):
        compass.search_vectors("p", "m", [vector], 1)
    assert not compass.has_vectors("p", "n")


def test_vectors_asked_together_are_of_one_length(compass: Ledger) -> None:
    """They come from one model, or something is wrong."""
    with pytest.raises(InvalidInput, match="2 and 3 numbers"):
        compass.search_vectors("p", "m", [[1, 0], [1, 0, 0]], 1)


def test_many_vectors_are_compared_block_by_block(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nearest are the nearest of all, in whichever block they stand and whoever asks with them."""
    monkeypatch.setattr(module, "VECTORS_AT_ONCE", 64)
    monkeypatch.setattr(module, "ASKED_AT_ONCE", 8)
    count = 1_000
    texts = tuple(f"Passage {number}." for number in range(count))
    ledger.ingest_document("p", NewDocument("a.txt", "A", "text", texts))
    numbers = np.random.default_rng(7).normal(size=(count, 16)).astype(np.float32)
    ledger.set_vectors("p", "m", (PassageVector("a.txt", at, row.tolist()) for at, row in enumerate(numbers)))
    asked = np.random.default_rng(8).normal(size=(20, 16))

    found = ledger.search_vectors("p", "m", asked.tolist(), 5)

    unit = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    expected = np.argsort(-(asked @ unit.T), axis=1)[:, :5]
    assert [[passage.position for passage in each] for each in found] == expected.tolist()
