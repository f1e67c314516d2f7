"""Batch jobs: created whole, moved by the table, listed, and driven by one run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import delete, func, select

from batch_pipelines.domain.errors import (
    IllegalMove,
    InvalidInput,
    JobNotFound,
    JobTakenOver,
    LedgerUnavailable,
    LimitExceeded,
)
from batch_pipelines.domain.estimate import GateSeverity
from batch_pipelines.domain.events import JOB_EVENTS, EventType
from batch_pipelines.domain.spec import Budget, Options, Priority
from batch_pipelines.domain.transitions import JOB_SOURCES, JOB_TARGETS, ItemTrigger, JobStatus, JobTrigger
from batch_pipelines.ledger import jobs
from batch_pipelines.ledger.database import reading, writing
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import batch_jobs, metadata, project_days, projects
from batch_pipelines_tests.clock import START, ManualClock, after
from batch_pipelines_tests.ledger.samples import JOB, make_estimate, make_plan, start_job
from batch_pipelines_tests.reports import make_attempt, make_report, rows_of
from batch_pipelines_tests.ways import bring


def events_of(ledger: Ledger) -> list[EventType]:
    """Types of all events of JOB, in their order."""
    return [event.type for event in ledger.events_after(JOB, 0)]


def test_a_new_job_has_everything_of_its_plan(ledger: Ledger) -> None:
    """A job reads back as it was planned, pending and with its items in order (A1)."""
    plan = make_plan(
        budget=Budget(max_cost_usd=Decimal("5.10")), options=Options(concurrency=4, priority=Priority.CRITICAL)
    )
    created = ledger.create_job(JOB, plan)

    assert created == ledger.job(JOB)
    assert created.model_dump(include={"name", "pipeline", "options", "budget", "tags", "creator", "tier"}) == (
        plan.model_dump(include={"name", "pipeline", "options", "budget", "tags", "creator", "tier"})
    )
    assert (created.status, created.created_at, created.priority) == (JobStatus.PENDING, START, Priority.CRITICAL)
    assert [result.item_id for result in ledger.results(JOB)] == ["item_0", "item_1", "item_2"]
    assert events_of(ledger) == [EventType.BATCH_CREATED]


def test_many_items_are_written(ledger: Ledger) -> None:
    """A job of more items than one statement takes has all of them, each at its position."""
    ledger.create_job(JOB, make_plan(2 * jobs.ITEMS_AT_ONCE + 1))

    positions = [result.position for result in ledger.iter_results(JOB)]

    assert positions == list(range(2 * jobs.ITEMS_AT_ONCE + 1))


def test_an_id_is_given_once(ledger: Ledger) -> None:
    """A second job of the same id is refused and changes nothing."""
    ledger.create_job(JOB, make_plan(3))

    with pytest.raises(InvalidInput, match="exists already"):
        ledger.create_job(JOB, make_plan(5))
    assert ledger.job(JOB).total_items == 3
    assert events_of(ledger) == [EventType.BATCH_CREATED]


def test_nothing_is_half_made(ledger: Ledger) -> None:
    """An item that cannot be written leaves neither its job nor the project behind."""
    plan = make_plan()
    twice = plan.model_copy(update={"items": plan.items * 2})

    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        ledger.create_job(JOB, twice)

    with reading(ledger._engine) as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0


def test_an_unknown_job_is_named(ledger: Ledger) -> None:
    """Reading and moving a job that is not there say so."""
    with pytest.raises(JobNotFound, match="nope"):
        ledger.job("nope")
    with pytest.raises(JobNotFound, match="nope"):
        ledger.move_job("nope", JobTrigger.START)


@pytest.mark.parametrize(("status", "trigger"), list(product(JobStatus, JobTrigger)))
def test_a_job_moves_by_the_table_only(ledger: Ledger, status: JobStatus, trigger: JobTrigger) -> None:
    """Each legal move changes the status and writes its event; each other names both states, changing nothing (A2)."""
    ledger.create_job(JOB, make_plan())
    before = bring(ledger, JOB, status), events_of(ledger)
    assert before[0].status is status

    if status in JOB_SOURCES[trigger]:
        assert ledger.move_job(JOB, trigger).status is JOB_TARGETS[trigger]
        assert ledger.job(JOB).status is JOB_TARGETS[trigger]
        assert events_of(ledger) == [*before[1], JOB_EVENTS[trigger]]
    else:
        with pytest.raises(IllegalMove, match=f"{status.value}.*{JOB_TARGETS[trigger].value}"):
            ledger.move_job(JOB, trigger)
        assert (ledger.job(JOB), events_of(ledger)) == before


def test_a_move_and_its_event_are_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the event cannot be written, the job has not moved."""
    ledger.create_job(JOB, make_plan())

    def fail(*_: object) -> None:
        raise LedgerUnavailable("url", "is full", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "write_events", fail)
        with pytest.raises(LedgerUnavailable):
            ledger.move_job(JOB, JobTrigger.START)

    assert ledger.job(JOB).status is JobStatus.PENDING
    assert events_of(ledger) == [EventType.BATCH_CREATED]


def test_times_are_kept(ledger: Ledger, clock: ManualClock) -> None:
    """The first start stays, and the end is that of the last move to a final status."""
    ledger.create_job(JOB, make_plan())
    for trigger in (JobTrigger.START, JobTrigger.DRAIN, JobTrigger.RESUME, JobTrigger.FAIL):
        clock.advance(10)
        job = ledger.move_job(JOB, trigger, reason=f"because of {trigger}")

    assert job.started_at == START + timedelta(seconds=10)
    assert job.completed_at == START + timedelta(seconds=40)
    assert job.error == "because of fail"

    retried = ledger.move_job(JOB, JobTrigger.RETRY)
    assert (retried.completed_at, retried.error) == (None, None)


def test_an_event_says_what_moved(ledger: Ledger) -> None:
    """The event has both states, the reason and what the caller adds."""
    start_job(ledger)
    ledger.move_job(JOB, JobTrigger.DRAIN, reason="memory", data={"free_mb": 10})

    assert ledger.events_after(JOB, 0)[-1].data == {
        "from": "running",
        "to": "paused",
        "reason": "memory",
        "free_mb": 10,
    }


def test_jobs_are_listed_newest_first(ledger: Ledger, clock: ManualClock) -> None:
    """A page of jobs begins with the newest; the next page goes on (A7)."""
    for number in range(5):
        ledger.create_job(f"job-{number}", make_plan(1))
        clock.advance(1)

    assert [job.id for job in ledger.list_jobs(JobFilter(limit=2))] == ["job-4", "job-3"]
    assert [job.id for job in ledger.list_jobs(JobFilter(limit=2, offset=2))] == ["job-2", "job-1"]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (JobFilter(), ["c", "b", "a"]),
        (JobFilter(project="other"), ["c"]),
        (JobFilter(status=JobStatus.RUNNING), ["b"]),
        (JobFilter(pipeline="conversations"), ["c", "b", "a"]),
        (JobFilter(pipeline="none"), []),
        (JobFilter(created_after=START), ["c", "b"]),
        (JobFilter(created_before=START + timedelta(seconds=2)), ["b", "a"]),
        (JobFilter(project="default", status=JobStatus.PENDING), ["a"]),
    ],
)
def test_a_listing_is_filtered(ledger: Ledger, clock: ManualClock, wanted: JobFilter, ids: list[str]) -> None:
    """Each filter leaves out what does not fit, and filters add up (A7)."""
    for name, project in (("a", "default"), ("b", "default"), ("c", "other")):
        ledger.create_job(name, make_plan(1, project=project))
        clock.advance(1)
    ledger.move_job("b", JobTrigger.START)

    assert [job.id for job in ledger.list_jobs(wanted)] == ids


@pytest.mark.parametrize("limit", [0, 101])
def test_a_page_has_limits(limit: int) -> None:
    """A page is of 1 to 100 jobs (A7)."""
    with pytest.raises(LimitExceeded, match="limit"):
        JobFilter(limit=limit)


def test_a_page_starts_at_zero_or_later() -> None:
    """A negative offset is a mistake on both databases."""
    with pytest.raises(InvalidInput, match="offset"):
        JobFilter(offset=-1)


def test_every_run_that_drove_a_job_is_found(ledger: Ledger) -> None:
    """A job is found by the run that drives it and by those before."""
    ledger.create_job(JOB, make_plan())
    ledger.claim_run(JOB, "run-1")
    claimed = ledger.claim_run(JOB, "run-2")

    assert claimed.run_id == "run-2"
    assert ledger.find_job_by_run("run-1") == ledger.find_job_by_run("run-2") == claimed
    assert ledger.find_job_by_run("run-3") is None


def test_a_live_run_keeps_its_job(ledger: Ledger, clock: ManualClock) -> None:
    """Another run is turned away while an engine of the first holds a lease, and let in when it has ended."""
    start_job(ledger)
    ledger.claim_run(JOB, "run-1")
    ledger.renew(JOB, "engine", "run-1", 1, 0, Decimal(0), ttl_seconds=10)

    with pytest.raises(JobTakenOver, match="run-1"):
        ledger.claim_run(JOB, "run-2")
    assert ledger.job(JOB).run_id == "run-1"
    assert ledger.claim_run(JOB, "run-1").run_id == "run-1"

    clock.advance(10)
    assert ledger.claim_run(JOB, "run-2").run_id == "run-2"


def test_a_takeover_needs_no_leave(ledger: Ledger) -> None:
    """Who insists takes the job from a live run, which learns of it at its next renewal."""
    start_job(ledger)
    ledger.claim_run(JOB, "run-1")
    ledger.renew(JOB, "engine", "run-1", 4, 0, Decimal(0), ttl_seconds=10)

    assert ledger.claim_run(JOB, "run-2", takeover=True).run_id == "run-2"

    grant = ledger.renew(JOB, "engine", "run-1", 4, 2, Decimal(0), ttl_seconds=10)
    assert grant.taken_over
    assert grant.slots == 0


def test_an_estimate_is_kept(ledger: Ledger) -> None:
    """An estimate reads back exactly, and its event has the gate and the total."""
    ledger.create_job(JOB, make_plan())
    estimate = make_estimate()

    ledger.save_estimate(JOB, estimate)

    assert ledger.job(JOB).estimate == estimate
    event = ledger.events_after(JOB, 0)[-1]
    assert event.type is EventType.BATCH_ESTIMATED
    assert event.data == {"gate": {"passed": True, "severity": "ok", "reasons": []}, "total_cost_usd": "25.50"}


def test_warnings_of_the_gate_are_the_jobs(ledger: Ledger) -> None:
    """What the gate warns of is shown with the job (A1)."""
    ledger.create_job(JOB, make_plan())

    ledger.save_estimate(JOB, make_estimate(GateSeverity.WARN, ("over 80 % of the budget",)))

    assert ledger.job(JOB).warnings == ("over 80 % of the budget",)


def test_a_pending_job_can_be_planned_anew(ledger: Ledger) -> None:
    """Another tier and concurrency replace options and items; the old estimate no longer holds (D1)."""
    ledger.create_job(JOB, make_plan(3))
    ledger.save_estimate(JOB, make_estimate())

    job = ledger.replan(JOB, make_plan(2, tier="scenario", options=Options(concurrency=9), project="other"))

    assert (job.tier, job.concurrency, job.total_items, job.estimate) == ("scenario", 9, 2, None)
    assert job.project == "other"
    assert len(ledger.results(JOB)) == 2
    event = ledger.events_after(JOB, 0)[-1]
    assert (event.type, event.data) == (
        EventType.BATCH_UPDATED,
        {
            "concurrency": {"from": 4, "to": 9},
            "tier": {"from": "template", "to": "scenario"},
            "total_items": {"from": 3, "to": 2},
        },
    )


def test_a_started_job_cannot_be_planned_anew(ledger: Ledger) -> None:
    """Once money may have been spent the plan stays."""
    start_job(ledger)

    with pytest.raises(InvalidInput, match="'running'"):
        ledger.replan(JOB, make_plan(1))
    assert ledger.job(JOB).total_items == 3


@pytest.mark.parametrize("status", JobStatus)
def test_the_concurrency_changes_until_a_job_is_over(ledger: Ledger, status: JobStatus) -> None:
    """It changes alone, with its event, whether a run is at work or not; a job that is over keeps its own (A7)."""
    ledger.create_job(JOB, make_plan(options=Options(concurrency=4, retry_attempts=7)))
    before = bring(ledger, JOB, status), events_of(ledger)

    if status in (JobStatus.COMPLETED, JobStatus.CANCELLED):
        with pytest.raises(InvalidInput, match=f"is '{status.value}', and so its concurrency stays"):
            ledger.set_concurrency(JOB, 9)
        assert (ledger.job(JOB), events_of(ledger)) == before
        return
    changed = ledger.set_concurrency(JOB, 9)

    assert changed == ledger.job(JOB)
    assert changed == before[0].model_copy(update={"options": Options(concurrency=9, retry_attempts=7)})
    event = ledger.events_after(JOB, 0)[-1]
    assert (event.type, event.data) == (EventType.BATCH_UPDATED, {"concurrency": {"from": 4, "to": 9}})


def test_a_recovery_tells_when_the_dead_run_was_last_at_work(ledger: Ledger, clock: ManualClock) -> None:
    """Not when somebody last asked something of it; the status stays, as the run that died never changed it (E1)."""
    rows = start_job(ledger)
    clock.advance(60)
    ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.START, at=clock())])
    clock.advance(600)
    ledger.request(JOB, RequestKind.PAUSE, "ann")
    ledger.set_concurrency(JOB, 2)
    clock.advance(60)

    ledger.mark_recovered(JOB)

    event = ledger.job_events(JOB)[-1]
    assert (event.type, event.at) == (EventType.BATCH_RESUMED, after(720))
    assert event.data == {"after_crash": True, "last_seen": after(60).isoformat()}
    assert ledger.job(JOB).status is JobStatus.RUNNING


def test_only_a_running_job_is_recovered(ledger: Ledger) -> None:
    """Any other was brought to its status by somebody who wrote when that was."""
    ledger.create_job(JOB, make_plan())

    with pytest.raises(IllegalMove, match="is 'pending' and cannot become 'running'"):
        ledger.mark_recovered(JOB)
    assert events_of(ledger) == [EventType.BATCH_CREATED]


def test_a_job_goes_with_everything_it_owns(ledger: Ledger) -> None:
    """Deleting a job leaves no row about it; what its project spent on that day stays known (A7)."""
    rows = start_job(ledger)
    ledger.claim_run(JOB, "run-1")
    ledger.renew(JOB, "engine", "run-1", 1, 0, Decimal(0), ttl_seconds=10)
    ledger.request(JOB, RequestKind.PAUSE, "ann")
    ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.START, attempt=make_attempt(), output="o")])

    with writing(ledger._engine) as connection:
        connection.execute(delete(batch_jobs))

    with reading(ledger._engine) as connection:
        for table in metadata.sorted_tables:
            left = connection.execute(select(func.count()).select_from(table)).scalar()
            assert left == (1 if table in (projects, project_days) else 0), table.name


def test_ids_of_items_are_of_their_job(ledger: Ledger) -> None:
    """Two jobs may have items of the same id, and each sees its own."""
    ledger.create_job(JOB, make_plan(2))
    ledger.create_job("other", make_plan(2))

    assert not set(rows_of(ledger, JOB)) & set(rows_of(ledger, "other"))
