"""Vectors that a batch job made of passages, given to these when it completes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from batch_pipelines.control.running import close_run
from batch_pipelines.control.vectors import keep_vectors
from batch_pipelines.domain.job import PlannedItem
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.domain.task_types import PhaseKind, TaskType
from batch_pipelines.domain.transitions import ItemTrigger, JobStatus, JobTrigger
from batch_pipelines.ledger.documents import NewDocument
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import JOB, make_plan
from batch_pipelines_tests.reports import make_attempt, make_report, rows_of

MODEL = "embed-1"
EMBED = Phase(
    name="embed",
    task_type=TaskType.EMBEDDING_GENERATION,
    kind=PhaseKind.EMBEDDING,
    prompt="{{ item.text }}",
    model=MODEL,
)


@pytest.fixture
def shelf(sqlite_ledger: Ledger) -> Ledger:
    """A ledger with a document of three passages in project `default`."""
    sqlite_ledger.ingest_document("default", NewDocument("a.md", "A", "markdown", ("One.", "Two.", "Three.")))
    return sqlite_ledger


def run(ledger: Ledger, passages: Sequence[Passage], outputs: Sequence[str], *, simulated: bool = False) -> None:
    """A batch job over these passages that answered all of them and is still running."""
    pipeline = Pipeline(name="embedding_regeneration", phases=(EMBED,))
    items = tuple(
        PlannedItem(item_id=f"item_{at}", tier=None, parameters=passage.model_dump(exclude={"score"}))
        for at, passage in enumerate(passages)
    )
    ledger.create_job(
        JOB, make_plan().model_copy(update={"pipeline": pipeline, "items": items, "simulated": simulated})
    )
    ledger.move_job(JOB, JobTrigger.START)
    for at, (row, output) in enumerate(zip(rows_of(ledger, JOB), outputs, strict=True)):
        start = make_report(row, "embed", at, trigger=ItemTrigger.START)
        end = make_report(row, "embed", at, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output=output)
        ledger.record(JOB, [start, end])


def found(ledger: Ledger, model: str, vector: list[float]) -> list[str]:
    """The texts of the passages that are nearest to a vector."""
    return [passage.text for passage in ledger.search_vectors("default", model, [vector], 5)[0]]


def test_passages_get_their_vectors_when_the_job_completes(shelf: Ledger) -> None:
    """From then on they are found by meaning, by vectors of the same model (B8)."""
    run(shelf, list(shelf.iter_passages("default")), ["[1, 0]", "[0, 1]", "[1, 1]"])
    assert found(shelf, MODEL, [1, 0]) == []

    close_run(shelf, JOB)

    assert shelf.job(JOB).status is JobStatus.COMPLETED
    assert found(shelf, MODEL, [1, 0.1]) == ["One.", "Three.", "Two."]


def test_simulated_vectors_are_kept_apart(shelf: Ledger) -> None:
    """A rehearsal works, and spoils nothing."""
    run(shelf, list(shelf.iter_passages("default")), ["[1, 0]"] * 3, simulated=True)
    close_run(shelf, JOB)

    assert found(shelf, MODEL, [1, 0]) == []
    assert len(found(shelf, f"simulated:{MODEL}", [1, 0])) == 3


def test_what_changed_meanwhile_gets_none(shelf: Ledger) -> None:
    """A passage that was moved or rewritten while the batch job ran waits for the next one (B8)."""
    passages = list(shelf.iter_passages("default"))
    shelf.ingest_document("default", NewDocument("a.md", "A", "markdown", ("One.", "Second.", "Three.")))
    run(shelf, passages, ["[1, 0]", "[0, 1]", "[1, 1]"])

    assert keep_vectors(shelf, JOB) == 2
    assert keep_vectors(shelf, JOB) == 2
    assert found(shelf, MODEL, [0, 1]) == ["Three.", "One."]


def test_a_vector_without_direction_is_none(shelf: Ledger) -> None:
    """One bad answer keeps no batch job from completing."""
    run(shelf, list(shelf.iter_passages("default")), ["[0, 0]", "[0, 1]", "[]"])

    close_run(shelf, JOB)

    assert found(shelf, MODEL, [0, 1]) == ["Two."]


def test_other_jobs_are_left_alone(shelf: Ledger) -> None:
    """A batch job without vectors, or about other items than passages, gives nothing."""
    run(shelf, [], [])
    shelf.create_job("other", make_plan())

    assert keep_vectors(shelf, "other") == 0
    assert keep_vectors(shelf, JOB) == 0
