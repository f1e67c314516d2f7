"""What counts against a budget, who is told when it runs out, and what a run says about itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.spending import Charges
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import phase_results, project_days
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import COST, WORST_CASE, failed_attempt, make_attempt, make_report


def test_a_call_of_unknown_cost_is_charged_at_its_worst(ledger: Ledger) -> None:
    """What nobody learnt the cost of may have been billed, and stays charged whoever runs the job next (D6)."""
    (row,) = start_job(ledger, 1)
    assert ledger.charges(JOB) == Charges(Decimal(0), Decimal(0))

    ledger.record(JOB, [make_report(row, attempt=failed_attempt(1)), make_report(row, attempt=make_attempt(2))])

    charges = ledger.charges(JOB)
    assert charges == Charges(COST, WORST_CASE)
    assert charges.total_usd == COST + WORST_CASE


def test_what_is_charged_cannot_be_granted_again(ledger: Ledger) -> None:
    """A new engine gets the budget less known costs and the worst cases of the unknown ones (D6)."""
    (row,) = start_job(ledger, 1, budget=Budget(max_cost_usd=Decimal(2)))
    ledger.record(JOB, [make_report(row, attempt=failed_attempt(1)), make_report(row, attempt=make_attempt(2))])

    grant = ledger.renew(JOB, "engine", "run-1", 4, 0, Decimal(0), ttl_seconds=10)

    assert grant.allotment_usd == 2 - COST - WORST_CASE


@pytest.mark.parametrize(("warn_at", "told_after"), [(0.1, 1), (0.5, 2), (0.51, 3), (1, 4)])
def test_the_warning_share_of_a_budget_is_told_once(ledger: Ledger, warn_at: float, told_after: int) -> None:
    """The group of calls that brings the charges to the share leaves the event; those after it none (D6)."""
    (row,) = start_job(ledger, 1, budget=Budget(max_cost_usd=Decimal(1), warn_at=warn_at))
    told = []
    for number in range(1, 6):
        ledger.record(JOB, [make_report(row, attempt=make_attempt(number, cost_usd=Decimal("0.25")))])
        events = [event for event in ledger.events_after(JOB, 0) if event.type is EventType.BATCH_BUDGET]
        told.append(len(events))

    assert told == [0] * (told_after - 1) + [1] * (6 - told_after)
    charged = Decimal(str(events[0].data["charged_usd"]))
    assert (charged, events[0].data["max_cost_usd"]) == (Decimal("0.25") * told_after, "1")


def test_a_job_without_a_budget_is_not_warned(ledger: Ledger) -> None:
    """Nothing can be nearly spent."""
    (row,) = start_job(ledger, 1)
    ledger.record(JOB, [make_report(row, attempt=make_attempt())])

    assert EventType.BATCH_BUDGET not in {event.type for event in ledger.events_after(JOB, 0)}


def test_what_a_project_spends_on_a_day_is_added_up(ledger: Ledger) -> None:
    """Over its batch jobs, known costs and worst cases apart; calls that are delivered twice count once (D6)."""
    (row,) = start_job(ledger, 1)
    first, second = make_report(row, attempt=make_attempt(1)), make_report(row, attempt=failed_attempt(2))
    ledger.record(JOB, [first])
    ledger.record(JOB, [first, second])

    with reading(ledger._engine) as connection:
        rows = connection.execute(select(project_days)).all()
    assert rows == [("default", START.date(), COST, WORST_CASE)]


def test_a_kept_answer_is_an_output_without_a_call(ledger: Ledger) -> None:
    """The item is completed by it, nothing was paid, and the result says where it came from."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(JOB, [make_report(row, "review", output="kept", reused=True, trigger=ItemTrigger.COMPLETE)])

    item = ledger.item(JOB, "item_0")
    assert (item.status, item.output, item.attempts, item.cost_usd) == (ItemStatus.COMPLETED, "kept", 0, Decimal(0))
    with reading(ledger._engine) as connection:
        assert connection.execute(select(phase_results.c.reused)).scalars().all() == [True]


def test_a_kept_answer_that_comes_late_changes_nothing(ledger: Ledger) -> None:
    """Another run ended the item meanwhile."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    late = make_report(row, "review", output="kept", reused=True, trigger=ItemTrigger.COMPLETE)
    ledger.record(JOB, [late])
    ledger.record(JOB, [late])

    completions = [event for event in ledger.events_after(JOB, 0) if event.type is EventType.ITEM_COMPLETED]
    assert len(completions) == 1


def test_a_run_tells_what_it_uses(ledger: Ledger) -> None:
    """Memory in MB, processor time in per cent of a core, and what follows from them, as an event (D7)."""
    start_job(ledger, 1)
    ledger.note_resources(JOB, rss_mb=123.456, cpu_percent=None, level="high", reason="too much")

    event = ledger.events_after(JOB, 0)[-1]
    assert (event.type, event.item_id, event.at) == (EventType.BATCH_RESOURCES, None, START)
    assert event.data == {"rss_mb": 123.5, "cpu_percent": None, "level": "high", "reason": "too much"}


def test_a_note_about_no_job_is_refused(ledger: Ledger) -> None:
    """An event belongs to a batch job."""
    ledger.create_job(JOB, make_plan(1))
    with pytest.raises(JobNotFound):
        ledger.note_resources("other", rss_mb=1, cpu_percent=1, level="normal", reason=None)
