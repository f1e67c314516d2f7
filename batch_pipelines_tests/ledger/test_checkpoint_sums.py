"""What finished calls add up to: kept whole, counted once, and the same at every level."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy import Table, func, select

from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.checkpoints import COUNTED
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts, batch_items, job_totals, phase_results
from batch_pipelines_tests.ledger.samples import JOB, start_items, start_job
from batch_pipelines_tests.reports import COST, USAGE, failed_attempt, make_attempt, make_report


def sums(ledger: Ledger, table: Table) -> dict[str, Decimal | int]:
    """Sums over all rows; of money and tokens, which are exact."""
    names = [name for name in COUNTED if name != "duration_ms"]
    with reading(ledger._engine) as connection:
        row = connection.execute(select(*(func.sum(table.c[name]).label(name) for name in names))).mappings().one()
    return dict(row)


def test_a_finished_call_is_kept_with_everything(ledger: Ledger) -> None:
    """Output, usage, cost, duration and model of a call are on its item (E2)."""
    (row,) = start_job(ledger, 1, phases=("draft",))
    start_items(ledger, [row])

    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="drafted")])

    result = ledger.item(JOB, "item_0")
    assert (result.status, result.output, result.phase_outputs) == (
        ItemStatus.COMPLETED,
        "drafted",
        {"draft": "drafted"},
    )
    assert (result.usage, result.cost_usd, result.duration_ms) == (USAGE, COST, 800.0)
    assert (result.model, result.attempts, result.retries, result.error) == ("claude-test", 1, 0, None)


def test_the_same_attempt_counts_once(ledger: Ledger) -> None:
    """A group that is delivered again changes nothing: no count, no move, no event."""
    rows = start_job(ledger)
    start_items(ledger, rows)
    group = [
        make_report(
            row, item=number, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(cost_usd=COST), output=f"o{number}"
        )
        for number, row in enumerate(rows)
    ]
    ledger.record(JOB, group)
    before = ledger.results(JOB), ledger.events_after(JOB, 0), ledger.progress(JOB)

    ledger.record(JOB, group)

    assert (ledger.results(JOB), ledger.events_after(JOB, 0), ledger.progress(JOB)) == before


def test_the_same_attempt_counts_once_within_a_group(ledger: Ledger) -> None:
    """The second of two equal reports in one group is passed over, and a new one beside it is not."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])

    ledger.record(
        JOB,
        [make_report(row, attempt=failed_attempt(1))] * 2 + [make_report(row, attempt=make_attempt(2), output="o")],
    )

    assert ledger.item(JOB, "item_0").attempts == 2


def test_sums_agree_at_every_level(ledger: Ledger) -> None:
    """Attempts, phases, items and the job add up to the same tokens and money, over groups, phases and retries."""
    rows = start_job(ledger, 7)
    start_items(ledger, rows)
    for phase, number in product(("draft", "review"), (1, 2, 3)):
        group = [
            make_report(
                row,
                phase,
                item=item,
                attempt=make_attempt(
                    number,
                    cost_usd=Decimal(f"0.00{item}00000{number}001"),
                    usage=Usage(input_tokens=item * 10 + number, output_tokens=number),
                )
                if (item + number) % 3
                else failed_attempt(number),
                output="o" if number == 3 else None,
            )
            for item, row in enumerate(rows)
        ]
        ledger.record(JOB, group[:4])
        ledger.record(JOB, group[4:])

    with reading(ledger._engine) as connection:
        known = select(func.count(), func.sum(attempts.c.cost_usd), func.sum(attempts.c.input_tokens))
        calls, cost, tokens = connection.execute(known).one()
    by_table = [sums(ledger, table) for table in (phase_results, batch_items, job_totals)]

    assert by_table[0] == by_table[1] == by_table[2]
    assert (by_table[0]["attempts"], by_table[0]["cost_usd"], by_table[0]["input_tokens"]) == (calls, cost, tokens)
    assert calls == 42
    items = ledger.results(JOB)
    assert sum((item.cost_usd or Decimal(0) for item in items), Decimal(0)) == ledger.progress(JOB).cost_usd == cost
    assert sum((item.usage for item in items), Usage()) == ledger.progress(JOB).usage


@pytest.mark.parametrize(
    ("calls", "cost"),
    [
        ([], Decimal(0)),
        ([None], None),
        ([None, None], None),
        ([COST, None], COST),
        ([None, COST], COST),
        ([Decimal(0)], Decimal(0)),
    ],
)
def test_an_unknown_cost_is_not_zero(ledger: Ledger, calls: list[Decimal | None], cost: Decimal | None) -> None:
    """An item's cost is unknown where that of all its calls is, and else the part that is known."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    for number, known in enumerate(calls, 1):
        ledger.record(JOB, [make_report(row, attempt=make_attempt(number, cost_usd=known))])

    assert ledger.item(JOB, "item_0").cost_usd == cost


def test_retries_are_counted_per_phase(ledger: Ledger) -> None:
    """The first call of each phase is no retry; all that follow are (A8)."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(
        JOB,
        [
            make_report(row, attempt=failed_attempt(1)),
            make_report(row, attempt=failed_attempt(2)),
            make_report(row, attempt=make_attempt(3), output="drafted"),
            make_report(row, "review", trigger=ItemTrigger.COMPLETE, attempt=make_attempt(1), output="reviewed"),
        ],
    )

    result = ledger.item(JOB, "item_0")
    assert (result.attempts, result.retries, result.output) == (4, 2, "reviewed")
    assert result.phase_outputs == {"draft": "drafted", "review": "reviewed"}
