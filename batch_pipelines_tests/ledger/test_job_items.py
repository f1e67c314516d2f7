"""Items of a new batch job, written as they come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select

from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.job import Plan, PlannedItem
from batch_pipelines.domain.routing import Complexity
from batch_pipelines.ledger import jobs
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import batch_items
from batch_pipelines_tests.ledger.samples import JOB, make_plan


@dataclass(frozen=True)
class Streamed:
    """Items that are made when they are asked for, and that break off before the one of this number."""

    count: int
    breaks_at: int | None = None

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[PlannedItem]:
        for number in range(self.count):
            if number == self.breaks_at:
                raise RuntimeError("the source broke off")
            complexity = tuple(Complexity)[number % 3]
            yield PlannedItem(item_id=f"i{number}", tier=None, complexity=complexity, parameters={})


def streamed_plan(count: int, breaks_at: int | None = None) -> Plan:
    """A plan with such items."""
    return make_plan().model_copy(update={"items": Streamed(count, breaks_at)})


def test_items_are_written_as_they_come(ledger: Ledger) -> None:
    """With their complexity, and however many they are, never all at once in memory (A13)."""
    count = jobs.ITEMS_AT_ONCE + 3

    job = ledger.create_job(JOB, streamed_plan(count))

    found = ledger.partition_work(JOB, "draft", 0, count)
    assert job.total_items == len(found) == count
    assert [item.complexity for item in found[:4]] == ["simple", "moderate", "complex", "simple"]


def test_items_that_break_off_leave_nothing(ledger: Ledger) -> None:
    """All of them are one transaction, though they are written in groups (A13)."""
    with pytest.raises(RuntimeError, match="broke off"):
        ledger.create_job(JOB, streamed_plan(jobs.ITEMS_AT_ONCE + 3, breaks_at=jobs.ITEMS_AT_ONCE + 1))

    with reading(ledger._engine) as connection:
        assert connection.execute(select(func.count()).select_from(batch_items)).scalar() == 0
    with pytest.raises(JobNotFound):
        ledger.job(JOB)
