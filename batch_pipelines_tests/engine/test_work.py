"""How a partition learns that its items are done."""

from __future__ import annotations

from batch_pipelines.domain.job import WorkItem
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine.work import Call, PartitionRun
from batch_pipelines_tests.engine.samples import phase


def calls_of(run: PartitionRun, count: int) -> list[Call]:
    """Open calls for so many items."""
    calls = [
        Call(
            WorkItem(
                row=row,
                item_id=f"item_{row}",
                tier=None,
                status=ItemStatus.PENDING,
                parameters={},
                phase_outputs={},
                attempts=0,
            ),
            run,
            started=False,
        )
        for row in range(count)
    ]
    run.open.update(calls)
    return calls


def test_a_partition_is_finished_with_its_last_item() -> None:
    """Not before, and whatever became of each."""
    run = PartitionRun(phase("write"), is_last=True)
    first, second, third = calls_of(run, 3)

    run.end(first)
    run.end(second)
    assert not run.finished.is_set()
    run.leave(third)

    assert run.finished.is_set()
    assert run.ended == {first.item.row, second.item.row}


def test_an_item_ends_once() -> None:
    """What is said of it after its end changes nothing, and does not finish the partition for others."""
    run = PartitionRun(phase("write"), is_last=True)
    first, _ = calls_of(run, 2)

    run.end(first)
    run.end(first)
    run.leave(first)

    assert not run.finished.is_set()
    assert run.ended == {first.item.row}
