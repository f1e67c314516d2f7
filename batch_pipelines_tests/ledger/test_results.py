"""Results, paged and streamed."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.ledger import results
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_items, start_job
from batch_pipelines_tests.reports import make_attempt, make_report


def test_pages_follow_each_other(ledger: Ledger) -> None:
    """A page begins after the position that was read last (E2)."""
    ledger.create_job(JOB, make_plan(5))

    first = ledger.results(JOB, limit=2)
    second = ledger.results(JOB, first[-1].position, limit=2)

    assert [item.item_id for item in first + second] == ["item_0", "item_1", "item_2", "item_3"]


def test_a_stream_has_every_item_once(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streaming goes over page bounds without a gap, and asks for no more than a page at a time (E2)."""
    ledger.create_job(JOB, make_plan(7))
    page = ledger.results
    asked: list[int] = []

    def small_page(batch_job_id: str, after: int = -1, limit: int = 3) -> list[ItemResult]:
        asked.append(after)
        return page(batch_job_id, after, limit)

    monkeypatch.setattr(ledger, "results", small_page)

    assert [item.position for item in ledger.iter_results(JOB)] == list(range(7))
    assert asked == [-1, 2, 5, 6]


def test_a_stream_holds_nothing_open(ledger: Ledger) -> None:
    """While somebody reads slowly, calls are made durable, and the reader sees their results."""
    rows = start_job(ledger, results.PAGE + 1)
    stream = ledger.iter_results(JOB)
    next(stream)

    start_items(ledger, rows)
    last = rows[-1]
    end = make_report(last, item=results.PAGE, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o")
    ledger.record(JOB, [end])

    assert list(stream)[-1].status is ItemStatus.COMPLETED


def test_an_item_that_is_not_there_is_named(ledger: Ledger) -> None:
    """A wrong item id is told apart from a wrong job id."""
    ledger.create_job(JOB, make_plan())

    with pytest.raises(InvalidInput, match="item: 'nope' is no item of batch job 'job-1'"):
        ledger.item(JOB, "nope")


def test_a_result_is_a_line_of_the_contract(ledger: Ledger) -> None:
    """What the ledger gives makes the JSON line that users rely on, money in its shortest form."""
    (row,) = start_job(ledger, 1)
    start_items(ledger, [row])
    ledger.record(JOB, [make_report(row, trigger=ItemTrigger.COMPLETE, attempt=make_attempt(), output="o")])

    line = ledger.item(JOB, "item_0").as_line()

    assert (line["cost_usd"], line["input"], line["status"]) == ("0.255000000001", {"topic": "t0"}, "completed")
    assert (line["input_tokens"], line["output_tokens"]) == (2110, 3000)
