"""The status from what the ledger holds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from batch_pipelines.control.status import JobStatusView, compose, view_status
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.events import Event, EventType
from batch_pipelines.domain.job import BatchJob, Progress
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.control.samples import items, plan

KEYS = {
    "id",
    "name",
    "pipeline",
    "status",
    "progress",
    "current_phase",
    "elapsed_seconds",
    "remaining_seconds",
    "items_per_minute",
    "cost_usd",
    "input_tokens",
    "output_tokens",
    "in_progress",
    "estimate",
    "run_id",
    "simulated",
    "error",
}
"""The contract's keys of a status."""


def _progress(completed: int, failed: int, running: int, cancelled: int = 0, total: int = 10) -> Progress:
    return Progress(
        total=total,
        pending=total - completed - failed - running - cancelled,
        running=running,
        completed=completed,
        failed=failed,
        skipped=0,
        cancelled=cancelled,
        cost_usd=Decimal("0.50"),
        usage=Usage(input_tokens=10, cache_read_input_tokens=5, output_tokens=7),
        in_progress=("i9",),
        current_phase="phase_1",
    )


def _view(ledger: Ledger, status: JobStatus, progress: Progress, seconds: float = 30) -> JobStatusView:
    """The status of a job that has worked for so many seconds."""
    job: BatchJob = submit(plan(raw=items(10)), ledger).model_copy(update={"status": status})
    at = ledger.clock()
    started = Event(id=1, batch_job_id=job.id, item_id=None, type=EventType.BATCH_STARTED, at=at, data={})
    return compose(job, progress, [started] if seconds else [], at + timedelta(seconds=seconds))


def test_a_running_job_shows_how_far_and_how_fast_it_is(sqlite_ledger: Ledger) -> None:
    """Items that ended, failed ones too, make percentage, pace and the time that is left (E1)."""
    view = _view(sqlite_ledger, JobStatus.RUNNING, _progress(completed=4, failed=1, running=2))

    assert (view.progress.percent, view.progress.completed, view.progress.failed) == (50.0, 4, 1)
    assert (view.elapsed_seconds, view.items_per_minute, view.remaining_seconds) == (30.0, 10.0, 30.0)
    assert (view.current_phase, view.in_progress) == ("phase_1", ("i9",))
    assert (view.input_tokens, view.output_tokens, view.cost_usd) == (15, 7, Decimal("0.50"))


@pytest.mark.parametrize(
    ("status", "completed", "remaining"),
    [
        (JobStatus.RUNNING, 0, None),
        (JobStatus.PAUSED, 5, 30.0),
        (JobStatus.COMPLETED, 10, 0.0),
        (JobStatus.FAILED, 5, 0.0),
    ],
)
def test_the_time_left_is_unknown_until_an_item_ended_and_zero_at_the_end(
    sqlite_ledger: Ledger, status: JobStatus, completed: int, remaining: float | None
) -> None:
    """Unknown is not zero (E1)."""
    assert _view(sqlite_ledger, status, _progress(completed, 0, 0)).remaining_seconds == remaining


def test_cancelled_items_make_a_job_no_faster(sqlite_ledger: Ledger) -> None:
    """They ended, but no run worked on them; a job of nothing else has no pace at all (E1)."""
    view = _view(sqlite_ledger, JobStatus.CANCELLED, _progress(completed=4, failed=1, running=0, cancelled=5))

    assert (view.progress.percent, view.items_per_minute, view.remaining_seconds) == (100.0, 10.0, 0.0)
    nothing_done = _view(sqlite_ledger, JobStatus.CANCELLED, _progress(0, 0, 0, cancelled=10))
    assert nothing_done.items_per_minute is None


def test_nothing_is_in_progress_in_a_job_that_does_not_run(sqlite_ledger: Ledger) -> None:
    """What the ledger last heard of is not shown as if it went on (E1)."""
    view = _view(sqlite_ledger, JobStatus.PAUSED, _progress(5, 0, 1))

    assert (view.current_phase, view.in_progress) == (None, ())


def test_a_new_job_has_a_status(sqlite_ledger: Ledger) -> None:
    """Everything that is not known yet is null; the keys are the contract's (E1)."""
    job = submit(plan(), sqlite_ledger)

    view = view_status(sqlite_ledger, job.id).model_dump(mode="json")

    assert view.keys() >= KEYS
    assert (view["status"], view["progress"]["percent"], view["cost_usd"]) == ("pending", 0.0, "0")
    assert [view[key] for key in ("items_per_minute", "remaining_seconds", "estimate", "run_id", "error")] == [None] * 5


def test_a_job_that_is_not_there_has_no_status(sqlite_ledger: Ledger) -> None:
    """And the error says where to look."""
    with pytest.raises(JobNotFound, match="no batch job 'bj_0'; list them with `batch-pipelines list`"):
        view_status(sqlite_ledger, "bj_0")
