"""Items from the passages of ingested documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.ledger.documents import NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.inputs.samples import read


@pytest.fixture
def library(sqlite_ledger: Ledger) -> Ledger:
    """A ledger with two documents of the project `books`, and one of another."""
    for project, source, passages in (
        ("books", "b/two.md", ("Third.",)),
        ("books", "a/one.md", ("First.", "Second.")),
        ("other", "a/one.md", ("Elsewhere.",)),
    ):
        sqlite_ledger.ingest_document(project, NewDocument(source, "Title", "markdown", passages))
    return sqlite_ledger


def test_each_passage_is_an_item(library: Ledger, tmp_path: Path) -> None:
    """Of the spec's project only, by source and position, with an id that says where it stands (F6)."""
    assert read(tmp_path, passages="*", ledger=library, project="books") == [
        {"id": "a/one.md#0", "source": "a/one.md", "position": 0, "text": "First."},
        {"id": "a/one.md#1", "source": "a/one.md", "position": 1, "text": "Second."},
        {"id": "b/two.md#0", "source": "b/two.md", "position": 0, "text": "Third."},
    ]


def test_a_pattern_chooses_sources(library: Ledger, tmp_path: Path) -> None:
    """And conditions choose among their passages (F6)."""
    found = read(tmp_path, passages="a/*", ledger=library, project="books", where={"position": {"from": 1}})

    assert [item["id"] for item in found] == ["a/one.md#1"]


def test_a_pattern_that_fits_nothing_gives_nothing(library: Ledger, tmp_path: Path) -> None:
    """Which the plan then says (F6)."""
    assert read(tmp_path, passages="c/*", ledger=library, project="books") == []
