"""The grouped checkpoint: moves and events, all or nothing, and never twice."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import select

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import (
    ErrorCategory,
    IllegalMove,
    InvalidInput,
    JobNotFound,
    LedgerUnavailable,
    ProviderError,
    Severity,
)
from batch_pipelines.domain.events import ITEM_EVENTS, EventType
from batch_pipelines.domain.job import ItemError
from batch_pipelines.domain.transitions import ITEM_SOURCES, ITEM_TARGETS, ItemStatus, ItemTrigger
from batch_pipelines.ledger import checkpoints
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.folding import MOOT
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import batch_items
from batch_pipelines_tests.clock import START, after
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import COST, failed_attempt, make_attempt, make_report, rows_of
from batch_pipelines_tests.statements import counted

WAYS: dict[ItemStatus, list[ItemTrigger]] = {
    ItemStatus.PENDING: [],
    ItemStatus.RUNNING: [ItemTrigger.START],
    ItemStatus.RETRYING: [ItemTrigger.START, ItemTrigger.FAIL, ItemTrigger.RETRY],
    ItemStatus.COMPLETED: [ItemTrigger.START, ItemTrigger.COMPLETE],
    ItemStatus.FAILED: [ItemTrigger.START, ItemTrigger.FAIL],
    ItemStatus.SKIPPED: [ItemTrigger.SKIP],
    ItemStatus.CANCELLED: [ItemTrigger.CANCEL],
}
"""Triggers that bring a new item to a status."""


def move(row: int, trigger: ItemTrigger, at: datetime = START) -> Report:
    """A move without a call; one that fails says why."""
    error = ProviderError(ErrorCategory.TEMPLATE, "no topic") if trigger is ItemTrigger.FAIL else None
    return make_report(row, trigger=trigger, item_error=error, at=at)


def item_events(ledger: Ledger) -> list[EventType]:
    """Types of the events about items, in their order."""
    return [event.type for event in ledger.events_after(JOB, 0) if event.item_id]


@pytest.mark.parametrize(("status", "trigger"), list(product(ItemStatus, ItemTrigger)))
def test_an_item_moves_by_the_table_only(ledger: Ledger, status: ItemStatus, trigger: ItemTrigger) -> None:
    """Each legal move changes the status and writes its event; no other changes anything (A3).

    It names both states, except for one that a phase made beside this one may have made before (B3).
    """
    (row,) = start_job(ledger, 1)
    for step in WAYS[status]:
        ledger.record(JOB, [move(row, step)])
    before = ledger.item(JOB, "item_0"), item_events(ledger)
    assert before[0].status is status

    if status in ITEM_SOURCES[trigger]:
        ledger.record(JOB, [move(row, trigger, after(1))])
        assert ledger.item(JOB, "item_0").status is ITEM_TARGETS[trigger]
        assert item_events(ledger) == [*before[1], ITEM_EVENTS[trigger]]
    else:
        is_moot = status in MOOT.get(trigger, ())
        named = f"item_0.*{status.value}.*{ITEM_TARGETS[trigger].value}"
        with nullcontext() if is_moot else pytest.raises(IllegalMove, match=named):
            ledger.record(JOB, [move(row, trigger, after(1))])
        assert (ledger.item(JOB, "item_0"), item_events(ledger)) == before


def test_one_illegal_move_undoes_its_group(ledger: Ledger) -> None:
    """Nothing of a group with an illegal move is kept, the calls before it included."""
    rows = start_job(ledger)
    start_items(ledger, rows[:1])
    group = [
        make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o"),
        make_report(rows[1], item=1, trigger=ItemTrigger.COMPLETE),
    ]

    with pytest.raises(IllegalMove, match="item_1"):
        ledger.record(JOB, group)

    assert ledger.item(JOB, "item_0").status is ItemStatus.RUNNING
    assert ledger.progress(JOB).cost_usd == 0


def test_a_late_answer_ends_an_item_that_was_released(ledger: Ledger) -> None:
    """What a run that was overtaken paid for is kept: the item need not be paid for again (D5)."""
    rows = start_job(ledger)
    start_items(ledger, rows[:1])
    ledger.release_items(JOB)

    ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="late")])

    item = ledger.item(JOB, "item_0")
    assert (item.status, item.output, item.cost_usd) == (ItemStatus.COMPLETED, "late", COST)


def test_two_runs_that_answer_the_same_item_are_both_paid_for(ledger: Ledger) -> None:
    """The first answer stands; the second call has a number of its own and counts into the cost (A1)."""
    rows = start_job(ledger)
    start_items(ledger, rows[:1])
    first = make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="first")
    other = replace(make_attempt(), started_at=START + timedelta(seconds=5))
    ledger.record(JOB, [first])

    for _ in range(2):
        ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=other, output="second")])

    item = ledger.item(JOB, "item_0")
    assert (item.output, item.attempts, item.cost_usd) == ("first", 2, 2 * COST)
    assert ledger.progress(JOB).cost_usd == 2 * COST


def test_recovery_asks_once_for_a_group(ledger: Ledger) -> None:
    """Answers that another run gave as well are one question more and an insertion each, however many they are (D5)."""
    rows = start_job(ledger, 40)
    start_items(ledger, rows)
    few, many = rows[:2], rows[2:]
    again = replace(make_attempt(), started_at=START + timedelta(seconds=5))
    for group in (few, many):
        ledger.record(JOB, [make_report(row, item=row - rows[0], attempt=make_attempt()) for row in group])

    asked = []
    for group in (few, many):
        with counted(ledger) as sent:
            ledger.record(JOB, [make_report(row, item=row - rows[0], attempt=again) for row in group])
        asked.append(len([statement for statement in sent if "SELECT" in statement.split("(")[0]]))

    assert asked[0] == asked[1]
    assert {result.attempts for result in ledger.results(JOB)} == {2}


def test_a_group_and_its_events_are_one(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the events cannot be written, no item has moved and no call was counted."""
    rows = start_job(ledger)
    start_items(ledger, rows)
    before = ledger.results(JOB), ledger.events_after(JOB, 0)

    def fail(*_: object) -> None:
        raise LedgerUnavailable("url", "is full", "make room")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "write_events", fail)
        with pytest.raises(LedgerUnavailable):
            ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o")])

    assert (ledger.results(JOB), ledger.events_after(JOB, 0)) == before


def test_a_group_of_moves_is_told_once(ledger: Ledger) -> None:
    """Delivered again, as after a commit that was not confirmed, starts and failures without a call change nothing."""
    rows = start_job(ledger, 3)
    group = [
        move(rows[0], ItemTrigger.START),
        make_report(rows[1], item=1, trigger=ItemTrigger.START),
        make_report(rows[1], item=1, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o"),
        move(rows[0], ItemTrigger.FAIL),
    ]
    ledger.record(JOB, group)
    before = ledger.results(JOB), ledger.events_after(JOB, 0), ledger.progress(JOB)

    ledger.record(JOB, group)
    assert (ledger.results(JOB), ledger.events_after(JOB, 0), ledger.progress(JOB)) == before

    ledger.record(JOB, [*group, make_report(rows[2], item=2, trigger=ItemTrigger.START)])
    assert ledger.item(JOB, "item_2").status is ItemStatus.RUNNING


def test_a_failed_item_says_why(ledger: Ledger) -> None:
    """Category, severity and message of the last call are the item's error, and its event has them (D4)."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])

    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.FAIL, attempt=failed_attempt())])

    assert ledger.item(JOB, "item_0").error == ItemError(
        category=ErrorCategory.OVERLOADED, severity=Severity.LOW, message="busy"
    )
    failed = [event for event in ledger.events_after(JOB, 0) if event.type is EventType.ITEM_FAILED]
    assert failed[0].data == {"phase": "draft", "category": "overloaded", "message": "busy"}


def test_an_item_can_fail_without_a_call(ledger: Ledger) -> None:
    """A prompt that cannot be rendered fails its item, at no attempt and no cost."""
    (row,) = start_job(ledger, 1)
    ledger.record(JOB, [move(row, ItemTrigger.START), move(row, ItemTrigger.FAIL)])

    result = ledger.item(JOB, "item_0")
    assert result.error == ItemError(category=ErrorCategory.TEMPLATE, severity=Severity.HIGH, message="no topic")
    assert (result.attempts, result.retries, result.cost_usd, result.duration_ms) == (0, 0, Decimal(0), None)


def test_a_failure_without_a_reason_is_a_mistake(ledger: Ledger) -> None:
    """An item never fails silently."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])

    with pytest.raises(ValueError, match="item_0"):
        ledger.record(JOB, [make_report(row, trigger=ItemTrigger.FAIL, attempt=make_attempt())])


def test_a_retried_item_can_complete(ledger: Ledger) -> None:
    """A second life leaves no error behind and keeps the first start and all that was paid."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(
        JOB, [make_report(row, trigger=ItemTrigger.FAIL, attempt=make_attempt(error_category=ErrorCategory.REFUSAL))]
    )
    later = START + timedelta(hours=1)
    ledger.record(JOB, [move(row, ItemTrigger.RETRY), make_report(row, trigger=ItemTrigger.START, at=later)])
    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.COMPLETE, at=later, attempt=make_attempt(2), output="o")])

    result = ledger.item(JOB, "item_0")
    assert (result.status, result.error, result.cost_usd) == (ItemStatus.COMPLETED, None, 2 * COST)
    with reading(ledger._engine) as connection:
        times = connection.execute(select(batch_items.c.started_at, batch_items.c.completed_at)).one()
    assert tuple(times) == (START, later)


def test_a_group_tells_of_itself_once(ledger: Ledger) -> None:
    """After the items' events comes one with the group's counts, cost and phase (E5)."""
    rows = start_job(ledger)
    start_items(ledger, rows)
    seen = ledger.events_after(JOB, 0)[-1].id

    ledger.record(
        JOB,
        [
            make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o"),
            make_report(rows[1], item=1, trigger=ItemTrigger.FAIL, attempt=failed_attempt()),
            make_report(rows[2], item=2, attempt=make_attempt(), output="o"),
        ],
    )

    events = ledger.events_after(JOB, seen)
    assert [event.type for event in events] == [
        EventType.ITEM_COMPLETED,
        EventType.ITEM_FAILED,
        EventType.BATCH_PROGRESS,
    ]
    assert events[-1].data == {
        "phase": "draft",
        "calls": 3,
        "phases_completed": 2,
        "cost_usd": str(2 * COST),
        "completed": 1,
        "failed": 1,
    }


def test_starts_alone_are_no_progress(ledger: Ledger) -> None:
    """Only finished calls make a `batch:progress`."""
    start_items(ledger, start_job(ledger))

    assert EventType.BATCH_PROGRESS not in [event.type for event in ledger.events_after(JOB, 0)]


def test_a_simulated_answer_marks_its_job(ledger: Ledger) -> None:
    """Where one answer was simulated, the job says so."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    assert not ledger.job(JOB).simulated

    ledger.record(JOB, [make_report(row, attempt=make_attempt(simulated=True))])

    assert ledger.job(JOB).simulated


def test_an_item_of_another_job_is_refused(ledger: Ledger) -> None:
    """A report cannot reach into another job."""
    start_job(ledger)
    ledger.create_job("other", make_plan(1))

    with pytest.raises(InvalidInput, match="is no item of batch job"):
        ledger.record(JOB, [make_report(rows_of(ledger, "other")[0], trigger=ItemTrigger.START)])


def test_a_deleted_job_takes_no_reports(ledger: Ledger) -> None:
    """An engine whose job is gone learns it."""
    with pytest.raises(JobNotFound):
        ledger.record("nope", [make_report(1, trigger=ItemTrigger.START)])


def test_no_reports_are_no_transaction(ledger: Ledger) -> None:
    """An empty group is nothing, even of a job that is not there."""
    ledger.record("nope", [])

    assert ledger.list_jobs(JobFilter()) == []


def test_answers_of_any_text_are_kept(ledger: Ledger) -> None:
    """What one model says cannot keep the answers of others in its group from being written."""
    rows = start_job(ledger, 2)
    start_items(ledger, rows)

    ledger.record(
        JOB,
        [
            make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="nul \x00 half \ud800"),
            make_report(rows[1], item=1, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="fine"),
        ],
    )

    assert [result.output for result in ledger.results(JOB)] == ["nul \ufffd half \ufffd", "fine"]
