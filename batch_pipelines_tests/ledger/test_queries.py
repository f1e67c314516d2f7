"""Reads about a whole job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from batch_pipelines.domain.errors import ErrorCategory, JobNotFound
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.job import Progress
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger, JobTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.queries import ErrorCount
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import MOVES_OF_JOBS, events
from batch_pipelines_tests.clock import START, ManualClock
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import COST, USAGE, failed_attempt, make_attempt, make_report


def test_a_new_job_has_made_no_progress(ledger: Ledger) -> None:
    """Everything is pending and nothing was spent."""
    ledger.create_job(JOB, make_plan(3))

    assert ledger.progress(JOB) == Progress(
        total=3,
        pending=3,
        running=0,
        completed=0,
        failed=0,
        skipped=0,
        cancelled=0,
        cost_usd=Decimal(0),
        usage=Usage(),
    )


def test_progress_counts_every_status(ledger: Ledger) -> None:
    """Counts, cost, tokens, running items and the current phase are those of the last commit (E1)."""
    rows = start_job(ledger, 7)
    start_items(ledger, rows[:5])
    ledger.record(
        JOB,
        [
            make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o"),
            make_report(rows[1], item=1, trigger=ItemTrigger.FAIL, attempt=failed_attempt()),
            make_report(rows[2], item=2, trigger=ItemTrigger.SKIP),
            make_report(rows[3], item=3, trigger=ItemTrigger.CANCEL),
            make_report(rows[4], "review", item=4, attempt=make_attempt()),
        ],
    )

    progress = ledger.progress(JOB)

    assert progress == Progress(
        total=7,
        pending=2,
        running=1,
        completed=1,
        failed=1,
        skipped=1,
        cancelled=1,
        cost_usd=2 * COST,
        usage=USAGE + USAGE,
        in_progress=("item_4",),
        current_phase="review",
    )
    assert progress.ended == 4


def test_an_item_to_be_retried_waits(ledger: Ledger) -> None:
    """All items are in one of the counts, so that they add up to the total."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.FAIL, attempt=failed_attempt())])
    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.RETRY)])

    assert ledger.progress(JOB).pending == 1


def test_a_crowd_is_not_listed_whole(ledger: Ledger) -> None:
    """Of the items being processed as many are named as may be in flight."""
    start_items(ledger, start_job(ledger, 55))

    progress = ledger.progress(JOB)

    assert (progress.running, len(progress.in_progress), progress.in_progress[0]) == (55, 50, "item_0")
    assert progress.current_phase == "draft"


def test_events_continue_where_a_reader_stopped(ledger: Ledger) -> None:
    """Pages of events have no gap and no repetition, and belong to one job (E5)."""
    ledger.create_job("other", make_plan(1))
    start_items(ledger, start_job(ledger, 10))
    whole = ledger.events_after(JOB, 0)

    read, last = [], 0
    while page := ledger.events_after(JOB, last, limit=5):
        read += page
        last = page[-1].id

    assert read == whole
    assert [event.type for event in whole[:3]] == [
        EventType.BATCH_CREATED,
        EventType.BATCH_STARTED,
        EventType.ITEM_STARTED,
    ]
    assert (whole[2].item_id, whole[2].at, whole[2].data) == ("item_0", START, {"phase": "draft"})
    assert {event.batch_job_id for event in whole} == {JOB}


def test_no_event_appears_behind_a_reader(ledger: Ledger) -> None:
    """While several write, a reader that goes on from the last id it saw misses nothing (E5)."""
    start_job(ledger)
    last, read = 0, []

    def write(number: int) -> None:
        ledger.request(JOB, RequestKind.PAUSE, f"writer {number}")

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write, number) for number in range(200)]
        while not all(each.done() for each in writing):
            page = ledger.events_after(JOB, last)
            read += page
            last = page[-1].id if page else last
    read += ledger.events_after(JOB, last)

    assert all(each.exception() is None for each in writing)
    assert [event.id for event in read] == [event.id for event in ledger.events_after(JOB, 0, limit=1000)]


def test_moves_of_a_job_are_told_apart(ledger: Ledger) -> None:
    """Of a job's many events those that moved its status can be read alone, in their order (E1)."""
    rows = start_job(ledger)
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(), output="o")])
    ledger.request(JOB, RequestKind.PAUSE, "ann")
    ledger.move_job(JOB, JobTrigger.DRAIN)

    assert [event.type for event in ledger.job_events(JOB)] == [EventType.BATCH_STARTED, EventType.BATCH_PAUSED]


def test_moves_of_a_job_are_found_without_looking_at_the_rest(sqlite_url: str, clock: ManualClock) -> None:
    """A status stays quick to read however many items, and so events, a job has."""
    with Ledger.open(sqlite_url, clock) as ledger, reading(ledger._engine) as connection:
        wanted = select(events.c.id).where(events.c.batch_job_id == JOB, MOVES_OF_JOBS).order_by(events.c.id)
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {wanted.compile(compile_kwargs={'literal_binds': True})}"
        ).all()

    assert "ix_events_moves_of_jobs" in str(plan)


def test_finished_calls_are_points_for_analytics(ledger: Ledger) -> None:
    """Each phase that was done for an item is there with its sums, in the order of the ends (E3)."""
    rows = start_job(ledger, 2)
    start_items(ledger, rows)
    ledger.record(
        JOB,
        [
            make_report(rows[0], attempt=failed_attempt(1)),
            make_report(rows[0], attempt=make_attempt(2), output="o", at=START + timedelta(seconds=2)),
            make_report(rows[1], item=1, attempt=make_attempt(1), output="o", at=START + timedelta(seconds=1)),
            make_report(rows[1], "review", item=1, attempt=failed_attempt(1)),
        ],
    )

    calls = ledger.finished_calls(JOB)

    assert [(call.item_id, call.phase, call.attempts) for call in calls] == [
        ("item_1", "draft", 1),
        ("item_0", "draft", 2),
    ]
    assert (calls[1].duration_ms, calls[1].cost_usd, calls[1].usage) == (1600.0, COST, USAGE)
    assert (calls[1].item_status, calls[1].quality_score) == (ItemStatus.RUNNING, None)
    assert calls[1].completed_at == START + timedelta(seconds=2)


def test_errors_are_counted(ledger: Ledger) -> None:
    """Equal errors of failed items are counted together, the most frequent first (E3)."""
    rows = start_job(ledger, 4)
    start_items(ledger, rows)
    refused = make_attempt(error_category=ErrorCategory.REFUSAL, error_message="no")
    ends = [refused, failed_attempt(), refused, make_attempt()]
    ledger.record(
        JOB,
        [
            make_report(
                row,
                item=item,
                trigger=ItemTrigger.FAIL if end.error_category else ItemTrigger.COMPLETE,
                attempt=end,
            )
            for item, (row, end) in enumerate(zip(rows, ends, strict=True))
        ],
    )

    assert ledger.errors(JOB) == [
        ErrorCount(ErrorCategory.REFUSAL, "no", 2),
        ErrorCount(ErrorCategory.OVERLOADED, "busy", 1),
    ]


@pytest.mark.parametrize(
    "method", ["progress", "finished_calls", "errors", "results", "job_events", "items_by_tier", "spending"]
)
def test_a_job_that_is_not_there_is_named(ledger: Ledger, method: str) -> None:
    """No read mistakes a wrong id for an empty job."""
    with pytest.raises(JobNotFound, match="nope"):
        getattr(ledger, method)("nope")
    with pytest.raises(JobNotFound, match="nope"):
        ledger.events_after("nope", 0)
    with pytest.raises(JobNotFound, match="nope"):
        ledger.item("nope", "item_0")
