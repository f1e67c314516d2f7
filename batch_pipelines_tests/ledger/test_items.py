"""Which items a phase still has to do, and moves of many items."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import failed_attempt, make_attempt, make_report


def test_all_items_of_a_partition_are_work_at_first(ledger: Ledger) -> None:
    """A fresh phase has the items from `start` up to `stop`, with what the prompts need."""
    rows = start_job(ledger, 5)

    work = ledger.partition_work(JOB, "draft", 1, 3)

    assert [item.row for item in work] == rows[1:3]
    assert (work[0].item_id, work[0].tier, work[0].status) == ("item_1", Tier.TEMPLATE, ItemStatus.PENDING)
    assert (work[0].parameters, work[0].phase_outputs, work[0].attempts) == ({"topic": "t1"}, {}, 0)


def test_a_finished_phase_is_not_work_again(ledger: Ledger) -> None:
    """An item that finished a phase is left out of it, and brings its output to the next (D5)."""
    rows = start_job(ledger)
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(), output="drafted")])

    assert [item.row for item in ledger.partition_work(JOB, "draft", 0, 3)] == rows[1:]
    review = ledger.partition_work(JOB, "review", 0, 3)
    assert [item.phase_outputs for item in review] == [{"draft": "drafted"}, {}, {}]
    assert [item.attempts for item in review] == [0, 0, 0]


def test_an_empty_output_is_an_output(ledger: Ledger) -> None:
    """A model that answers nothing has finished the phase all the same."""
    rows = start_job(ledger, 1)
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(), output="")])

    assert ledger.partition_work(JOB, "draft", 0, 1) == []
    assert ledger.partition_work(JOB, "review", 0, 1)[0].phase_outputs == {"draft": ""}


def test_failed_calls_are_counted_for_the_next_run(ledger: Ledger) -> None:
    """An item whose calls failed is still work, with its attempts, so that their numbers go on."""
    rows = start_job(ledger, 1)
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], attempt=failed_attempt(number)) for number in (1, 2)])

    (work,) = ledger.partition_work(JOB, "draft", 0, 1)

    assert (work.status, work.attempts) == (ItemStatus.RUNNING, 2)


@pytest.mark.parametrize("trigger", [ItemTrigger.COMPLETE, ItemTrigger.FAIL, ItemTrigger.SKIP, ItemTrigger.CANCEL])
def test_an_ended_item_is_no_work(ledger: Ledger, trigger: ItemTrigger) -> None:
    """Nothing more is done for an item that ended, whatever its end."""
    rows = start_job(ledger, 1)
    start_items(ledger, rows)
    ledger.record(JOB, [make_report(rows[0], trigger=trigger, attempt=failed_attempt())])

    assert ledger.partition_work(JOB, "review", 0, 1) == []
    assert ledger.unfinished_count(JOB) == 0


def test_released_items_wait_again(ledger: Ledger) -> None:
    """Items that a dead run left running become pending with their events, keeping what they finished."""
    rows = start_job(ledger)
    start_items(ledger, rows[:2])
    ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(), output="drafted")])

    assert ledger.release_items(JOB) == 2
    assert ledger.release_items(JOB) == 0

    assert [result.status for result in ledger.results(JOB)] == [ItemStatus.PENDING] * 3
    assert ledger.results(JOB)[0].phase_outputs == {"draft": "drafted"}
    released = [event for event in ledger.events_after(JOB, 0) if event.type is EventType.ITEM_RELEASED]
    assert [(event.item_id, event.data) for event in released] == [("item_0", {}), ("item_1", {})]


def test_cancelling_ends_what_has_not_ended(ledger: Ledger) -> None:
    """Finished items stay finished; all others become cancelled, each with its event (A5)."""
    rows = start_job(ledger)
    start_items(ledger, rows[:2])
    ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o")])
    assert ledger.unfinished_count(JOB) == 2

    assert ledger.cancel_items(JOB) == 2

    statuses = [result.status for result in ledger.results(JOB)]
    assert statuses == [ItemStatus.COMPLETED, ItemStatus.CANCELLED, ItemStatus.CANCELLED]
    cancelled = [event.item_id for event in ledger.events_after(JOB, 0) if event.type is EventType.ITEM_CANCELLED]
    assert cancelled == ["item_1", "item_2"]


def test_items_are_counted_by_tier(ledger: Ledger) -> None:
    """Each tier has its number, and items without one are counted apart (B6)."""
    ledger.create_job(JOB, make_plan(tiers=(Tier.SCENARIO, None, Tier.SCENARIO)))

    assert ledger.items_by_tier(JOB) == {Tier.SCENARIO: 2, None: 1}
    assert ledger.items_by_tier(JOB, [ItemStatus.PENDING]) == {Tier.SCENARIO: 2, None: 1}
    assert ledger.items_by_tier(JOB, [ItemStatus.FAILED]) == {}


def test_work_is_of_one_job(ledger: Ledger) -> None:
    """A job that is not there has no work, and says so."""
    with pytest.raises(JobNotFound):
        ledger.partition_work("nope", "draft", 0, 1)
    with pytest.raises(JobNotFound):
        ledger.unfinished_count("nope")
    with pytest.raises(JobNotFound):
        ledger.cancel_items("nope")
