"""How a run of a batch job starts and ends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.control.running import OPENING, can_open, check_can_open, close_run, open_run
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import IllegalMove, JobTakenOver
from batch_pipelines.domain.events import working_seconds
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import ItemTrigger, JobStatus
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.control.samples import plan
from batch_pipelines_tests.reports import failed_attempt, make_attempt, make_report, rows_of
from batch_pipelines_tests.ways import bring

SUCCEEDS: dict[str, Any] = {"trigger": ItemTrigger.COMPLETE, "attempt": make_attempt(), "output": "text"}
FAILS: dict[str, Any] = {"trigger": ItemTrigger.FAIL, "attempt": failed_attempt()}


def _job(ledger: Ledger, status: JobStatus = JobStatus.PENDING) -> BatchJob:
    return bring(ledger, submit(plan(), ledger).id, status)


def _started(ledger: Ledger) -> BatchJob:
    """A running job whose first item is being worked on."""
    job = open_run(ledger, _job(ledger).id, "run-1")
    ledger.record(job.id, [_news(ledger, rows_of(ledger, job.id)[0], 0, trigger=ItemTrigger.START)])
    return job


def _end_items(ledger: Ledger, job: BatchJob, failed: int = 0) -> None:
    for number, row in enumerate(rows_of(ledger, job.id)):
        start = _news(ledger, row, number, trigger=ItemTrigger.START)
        end = _news(ledger, row, number, **(FAILS if number < failed else SUCCEEDS))
        ledger.record(job.id, [start, end])


def _news(ledger: Ledger, row: int, number: int, **news: Any) -> Report:
    return make_report(row, "phase_1", item_id=f"i{number}", at=ledger.clock(), **news)


@pytest.mark.parametrize("status", JobStatus)
def test_a_run_opens_a_job_unless_it_is_over(sqlite_ledger: Ledger, status: JobStatus) -> None:
    """Pending, paused, failed and crashed jobs go on; completed and cancelled ones do not (A2, A4)."""
    job = _job(sqlite_ledger, status)

    if status in (JobStatus.COMPLETED, JobStatus.CANCELLED):
        assert not can_open(job)
        with pytest.raises(IllegalMove, match=f"is '{status}' and cannot become 'running'; submit its spec again"):
            check_can_open(job)
        with pytest.raises(IllegalMove):
            open_run(sqlite_ledger, job.id, "run-1")
        return
    assert can_open(job)
    opened = open_run(sqlite_ledger, job.id, "run-1")
    assert (opened.status, opened.run_id) == (JobStatus.RUNNING, "run-1")


def test_every_status_that_is_not_over_can_be_opened() -> None:
    """The table forgets none."""
    assert set(JobStatus) - OPENING.keys() == {JobStatus.COMPLETED, JobStatus.CANCELLED}


def test_opening_after_a_crash_gives_the_items_back(sqlite_ledger: Ledger) -> None:
    """What the dead run was working on waits again."""
    job = _started(sqlite_ledger)

    open_run(sqlite_ledger, job.id, "run-2")

    progress = sqlite_ledger.progress(job.id)
    assert (progress.running, progress.pending) == (0, 3)


def test_the_time_in_which_nobody_worked_is_no_work(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """A run that died worked until its last sign of it, whatever its owner asked for meanwhile (E1, C5)."""
    job = _started(sqlite_ledger)
    clock.advance(10)
    sqlite_ledger.record(job.id, [_news(sqlite_ledger, rows_of(sqlite_ledger, job.id)[0], 0, **SUCCEEDS)])
    clock.advance(1_000)
    sqlite_ledger.request(job.id, RequestKind.PAUSE, by="user")
    sqlite_ledger.set_concurrency(job.id, 2)
    clock.advance(1_000)

    open_run(sqlite_ledger, job.id, "run-2")
    clock.advance(5)
    close_run(sqlite_ledger, job.id)

    assert working_seconds(sqlite_ledger.job_events(job.id), clock()) == 15


def test_what_was_asked_of_a_run_that_died_is_moot(sqlite_ledger: Ledger) -> None:
    """Whoever goes on with a crashed job wants it to run (A4)."""
    job = _started(sqlite_ledger)
    sqlite_ledger.request(job.id, RequestKind.PAUSE, by="user")

    open_run(sqlite_ledger, job.id, "run-2")

    assert sqlite_ledger.open_requests(job.id) == []


def test_what_was_asked_before_a_run_holds_for_it(sqlite_ledger: Ledger) -> None:
    """A pause that arrives while a run starts pauses it before its first call (A4)."""
    job = _job(sqlite_ledger)
    sqlite_ledger.request(job.id, RequestKind.PAUSE, by="user", reason="too early?")

    open_run(sqlite_ledger, job.id, "run-1")
    close_run(sqlite_ledger, job.id)

    assert (sqlite_ledger.job(job.id).status, sqlite_ledger.open_requests(job.id)) == (JobStatus.PAUSED, [])


def test_a_job_that_another_run_works_on_is_not_opened(sqlite_ledger: Ledger) -> None:
    """Not at once, and not while that run keeps its lease; the wait is bounded (D5)."""
    job = _started(sqlite_ledger)
    sqlite_ledger.renew(job.id, "engine", "run-1", 1, 0, Decimal(0), ttl_seconds=10)
    waits: list[float] = []

    with pytest.raises(JobTakenOver, match="is being run by Dagster run 'run-1'"):
        open_run(sqlite_ledger, job.id, "run-2", patience_seconds=2, sleep=waits.append)

    assert sum(waits) == 2


def test_a_run_waits_for_the_lease_of_one_that_died(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """A killed run cannot give its lease back (D5)."""
    job = _started(sqlite_ledger)
    sqlite_ledger.renew(job.id, "engine", "run-1", 1, 0, Decimal(0), ttl_seconds=10)

    opened = open_run(sqlite_ledger, job.id, "run-2", patience_seconds=15, sleep=clock.advance)

    assert opened.run_id == "run-2"


@pytest.mark.parametrize(
    ("kind", "status", "pending", "cancelled", "error"),
    [
        (RequestKind.PAUSE, JobStatus.PAUSED, 3, 0, "because"),
        (RequestKind.STOP, JobStatus.FAILED, 3, 0, "because"),
        (RequestKind.CANCEL, JobStatus.CANCELLED, 0, 3, None),
        (None, JobStatus.FAILED, 3, 0, "3 of 3 items were not finished; run it again"),
    ],
)
def test_what_was_asked_for_decides_how_an_unfinished_run_ends(
    sqlite_ledger: Ledger, kind: RequestKind | None, status: JobStatus, pending: int, cancelled: int, error: str | None
) -> None:
    """A pause keeps the rest, a cancellation ends it, and a stop can be gone on with (A4, A5, A6)."""
    job = _started(sqlite_ledger)
    if kind:
        sqlite_ledger.request(job.id, kind, by="user", reason="because")

    close_run(sqlite_ledger, job.id)

    job, progress = sqlite_ledger.job(job.id), sqlite_ledger.progress(job.id)
    assert (job.status, job.error) == (status, error)
    assert (progress.pending, progress.cancelled, progress.running) == (pending, cancelled, 0)
    assert sqlite_ledger.open_requests(job.id) == []


@pytest.mark.parametrize(
    ("failed", "status", "error"),
    [
        (0, JobStatus.COMPLETED, None),
        (2, JobStatus.COMPLETED, None),
        (3, JobStatus.FAILED, "every item failed (3 of 3)"),
    ],
)
def test_a_finished_job_completes_unless_nothing_succeeded(
    sqlite_ledger: Ledger, failed: int, status: JobStatus, error: str | None
) -> None:
    """Some failed items are a partial success (A6)."""
    job = open_run(sqlite_ledger, _job(sqlite_ledger).id, "run-1")
    _end_items(sqlite_ledger, job, failed)

    close_run(sqlite_ledger, job.id)

    job = sqlite_ledger.job(job.id)
    assert (job.status, job.error) == (status, error)


def test_a_job_that_was_closed_stays_as_it_is(sqlite_ledger: Ledger) -> None:
    """A second look at the end moves nothing."""
    job = _started(sqlite_ledger)
    sqlite_ledger.request(job.id, RequestKind.PAUSE, by="user", reason="because")
    close_run(sqlite_ledger, job.id)
    before = sqlite_ledger.job_events(job.id)

    close_run(sqlite_ledger, job.id)

    assert sqlite_ledger.job_events(job.id) == before


def test_only_the_run_that_drives_a_job_closes_it(sqlite_ledger: Ledger) -> None:
    """A run that was overtaken leaves the job to the one that overtook it."""
    job = _job(sqlite_ledger)
    open_run(sqlite_ledger, job.id, "second")

    with pytest.raises(JobTakenOver, match="second"):
        close_run(sqlite_ledger, job.id, "first")

    assert sqlite_ledger.job(job.id).status is JobStatus.RUNNING
