"""Where the money of a job went."""

from __future__ import annotations

from decimal import Decimal

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.ledger.spending import Spending
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import COST, failed_attempt, make_attempt, make_report


def test_every_cent_is_in_one_place(ledger: Ledger) -> None:
    """Phases of completed, failed and half-done items are there, finished or not, and add up to the total (E3)."""
    rows = start_job(ledger, tiers=(Tier.TEMPLATE, Tier.TEMPLATE, Tier.SCENARIO, None, Tier.SCENARIO))
    start_items(ledger, rows)
    call, refused = make_attempt(), failed_attempt(cost_usd=Decimal("0.1"))
    ledger.record(
        JOB,
        [
            make_report(rows[0], attempt=call, output="o"),
            make_report(rows[0], "review", attempt=call, output="o", trigger=ItemTrigger.COMPLETE),
            make_report(rows[1], item=1, attempt=call, output="o"),
            make_report(rows[1], "review", item=1, attempt=refused, trigger=ItemTrigger.FAIL),
            make_report(rows[2], item=2, attempt=failed_attempt(1), trigger=None),
            make_report(rows[2], item=2, attempt=make_attempt(2), output="o"),
            make_report(rows[3], item=3, attempt=failed_attempt(1)),
            make_report(rows[4], item=4, attempt=call, output="o"),
        ],
    )

    spendings = ledger.spending(JOB)

    completed, failed, running = ItemStatus.COMPLETED, ItemStatus.FAILED, ItemStatus.RUNNING
    assert len(spendings) == 6
    assert set(spendings) == {
        Spending(Tier.TEMPLATE, completed, "draft", 1, COST),
        Spending(Tier.TEMPLATE, completed, "review", 1, COST),
        Spending(Tier.TEMPLATE, failed, "draft", 1, COST),
        Spending(Tier.TEMPLATE, failed, "review", 1, Decimal("0.1")),
        Spending(Tier.SCENARIO, running, "draft", 2, 2 * COST),
        Spending(None, running, "draft", 1, None),
    }
    assert sum(spending.cost_usd or 0 for spending in spendings) == ledger.progress(JOB).cost_usd


def test_a_job_without_calls_spent_nothing(ledger: Ledger) -> None:
    """A new job has no spending, and neither has another job's work."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(JOB, [make_report(row, attempt=make_attempt(), output="o")])
    ledger.create_job("other", make_plan(1))

    assert ledger.spending("other") == []
