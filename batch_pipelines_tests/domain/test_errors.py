"""What errors say, and that they travel."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from batch_pipelines.domain.errors import (
    NATURES,
    BatchPipelinesError,
    DagsterUnavailable,
    ErrorCategory,
    IllegalMove,
    InvalidInput,
    JobNotFound,
    JobTakenOver,
    JournalUnavailable,
    LedgerUnavailable,
    LimitExceeded,
    ProviderError,
    Severity,
    UnknownName,
    UnknownPrice,
)
from batch_pipelines.domain.transitions import JobStatus

SAMPLES: list[tuple[BatchPipelinesError, str]] = [
    (
        InvalidInput("items.3.id", "a", "is taken", "choose another"),
        "items.3.id: 'a' is taken; choose another",
    ),
    (InvalidInput("ANTHROPIC_API_KEY", None, "is missing", "set it"), "ANTHROPIC_API_KEY is missing; set it"),
    (
        LimitExceeded("options.concurrency", 51, 1, 10),
        "options.concurrency: 51 is outside 1 to 10; choose a value from 1 to 10",
    ),
    (
        LimitExceeded("items", 10_001, 1, 10_000, "split the job"),
        "items: 10001 is outside 1 to 10000; split the job",
    ),
    (UnknownName("tier", "odd", ("template", "all")), "tier: 'odd' is not known; use one of: template, all"),
    (UnknownName("pipeline", "x", ()), "pipeline: 'x' is not known; use one of: (none)"),
    (
        UnknownPrice("gpt-0"),
        "model: 'gpt-0' has no known price; correct the name, or state its price in the file that "
        "BATCH_PIPELINES_PRICES_FILE names",
    ),
    (JobNotFound("bj_1"), "no batch job 'bj_1'; list them with `batch-pipelines list`"),
    (
        IllegalMove("batch job bj_1", JobStatus.COMPLETED, JobStatus.RUNNING),
        "batch job bj_1 is 'completed' and cannot become 'running'",
    ),
    (
        IllegalMove("batch job bj_1", "completed", "running", "submit it again"),
        "batch job bj_1 is 'completed' and cannot become 'running'; submit it again",
    ),
    (
        JobTakenOver("bj_1", "run-2"),
        "batch job 'bj_1' is being run by Dagster run 'run-2'; wait for that run to end, or terminate it, then run "
        "again",
    ),
    (
        JournalUnavailable("home/journals", "cannot be written to", "make room"),
        "DAGSTER_HOME: home/journals cannot be written to; make room",
    ),
    (
        LedgerUnavailable("sqlite:///x", "is locked", "wait"),
        "BATCH_PIPELINES_DATABASE_URL: sqlite:///x is locked; wait",
    ),
    (
        DagsterUnavailable("http://h", "does not answer"),
        "BATCH_PIPELINES_DAGSTER_URL: http://h does not answer; start it with `make ui`, or run here with "
        "`batch-pipelines run`",
    ),
    (ProviderError(ErrorCategory.RATE_LIMIT, "slow down", 1.5, "req_1", 429), "rate_limit: slow down"),
]


@pytest.mark.parametrize(("error", "text"), SAMPLES, ids=lambda value: type(value).__name__)
def test_an_error_says_what_is_wrong_and_what_to_do(error: BatchPipelinesError, text: str) -> None:
    """An error's text names the thing, what is wrong with it and the remedy."""
    assert str(error) == text


@pytest.mark.parametrize("error", [error for error, _ in SAMPLES], ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: BatchPipelinesError) -> None:
    """Dagster carries errors between processes: text, fields and exit code arrive as they were."""
    arrived = pickle.loads(pickle.dumps(error))

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert vars(arrived) == vars(error)
    assert arrived.exit_code == error.exit_code


def test_every_kind_of_error_is_tried() -> None:
    """A new class of error has a sample above."""
    assert {type(error) for error, _ in SAMPLES} == set(_below(BatchPipelinesError))


def _below(kind: type[BatchPipelinesError]) -> Iterator[type[BatchPipelinesError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


def test_a_long_value_is_cut() -> None:
    """A message stays readable whatever was given, and keeps the end: paths end with what matters."""
    text = str(InvalidInput("items", f"/{'folder/' * 500}items.jsonl, line 7", "is not JSON", "mend it"))

    assert len(text) < 250
    assert "items.jsonl, line 7' is not JSON" in text


@pytest.mark.parametrize("category", ErrorCategory)
def test_every_category_has_a_nature(category: ErrorCategory) -> None:
    """Nothing that can go wrong is without severity, and what waiting cures never stops the job (D4)."""
    nature = category.nature

    assert isinstance(nature.severity, Severity)
    assert not (nature.transient and nature.stops_job)
    assert nature.stops_job == (nature.severity is Severity.CRITICAL)


def test_no_nature_is_left_over() -> None:
    """The table holds the categories and nothing else."""
    assert set(ErrorCategory) == NATURES.keys()
