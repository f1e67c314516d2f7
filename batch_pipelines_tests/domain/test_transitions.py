"""The tables of moves, move by move."""

from __future__ import annotations

from itertools import product

import pytest

from batch_pipelines.domain.errors import IllegalMove
from batch_pipelines.domain.events import ITEM_EVENTS, JOB_EVENTS
from batch_pipelines.domain.transitions import (
    ITEM_SOURCES,
    ITEM_TARGETS,
    JOB_SOURCES,
    JOB_TARGETS,
    ItemStatus,
    ItemTrigger,
    JobStatus,
    JobTrigger,
    move_item,
    move_job,
)

# Written out rather than read from the code: these are the requirement's own moves, and the ends that any state has.
JOB_MOVES = {
    ("pending", "start"): "running",
    ("retrying", "start"): "running",
    ("running", "drain"): "paused",
    ("paused", "resume"): "running",
    ("running", "complete"): "completed",
    ("pending", "fail"): "failed",
    ("running", "fail"): "failed",
    ("retrying", "fail"): "failed",
    ("pending", "cancel"): "cancelled",
    ("running", "cancel"): "cancelled",
    ("paused", "cancel"): "cancelled",
    ("retrying", "cancel"): "cancelled",
    ("failed", "retry"): "retrying",
}
ITEM_MOVES = {
    ("pending", "start"): "running",
    ("retrying", "start"): "running",
    ("running", "complete"): "completed",
    ("running", "fail"): "failed",
    ("pending", "skip"): "skipped",
    ("running", "skip"): "skipped",
    ("pending", "cancel"): "cancelled",
    ("running", "cancel"): "cancelled",
    ("retrying", "cancel"): "cancelled",
    ("failed", "retry"): "retrying",
    ("running", "release"): "pending",
}


@pytest.mark.parametrize(("status", "trigger"), list(product(JobStatus, JobTrigger)))
def test_a_job_moves_by_the_table_and_no_other_way(status: JobStatus, trigger: JobTrigger) -> None:
    """Every legal move leads where the table says; every other is refused with both states named (A2)."""
    expected = JOB_MOVES.get((status.value, trigger.value))

    if expected:
        assert move_job("bj_1", status, trigger) == expected
        return
    with pytest.raises(IllegalMove) as refused:
        move_job("bj_1", status, trigger)
    assert str(refused.value) == f"batch job bj_1 is '{status.value}' and cannot become '{JOB_TARGETS[trigger].value}'"


@pytest.mark.parametrize(("status", "trigger"), list(product(ItemStatus, ItemTrigger)))
def test_an_item_moves_by_the_table_and_no_other_way(status: ItemStatus, trigger: ItemTrigger) -> None:
    """Every legal move leads where the table says; every other is refused with both states named (A3)."""
    expected = ITEM_MOVES.get((status.value, trigger.value))

    if expected:
        assert move_item("i1", status, trigger) == expected
        return
    with pytest.raises(IllegalMove) as refused:
        move_item("i1", status, trigger)
    assert str(refused.value) == f"item i1 is '{status.value}' and cannot become '{ITEM_TARGETS[trigger].value}'"


def test_every_trigger_is_in_every_table() -> None:
    """No trigger lacks its target, its sources or its event."""
    assert set(JobTrigger) == JOB_TARGETS.keys() == JOB_SOURCES.keys() == JOB_EVENTS.keys()
    assert set(ItemTrigger) == ITEM_TARGETS.keys() == ITEM_SOURCES.keys() == ITEM_EVENTS.keys()


@pytest.mark.parametrize("status", JobStatus)
def test_a_final_job_moves_only_when_its_owner_asks(status: JobStatus) -> None:
    """From a final status there is at most the way back by a retry."""
    ways = {trigger for trigger, sources in JOB_SOURCES.items() if status in sources}

    assert status.is_final == (ways <= {JobTrigger.RETRY})
    assert status.is_over == (not ways)


@pytest.mark.parametrize("status", ItemStatus)
def test_a_final_item_moves_only_when_its_owner_asks(status: ItemStatus) -> None:
    """From a final status there is at most the way back by a retry."""
    ways = {trigger for trigger, sources in ITEM_SOURCES.items() if status in sources}

    assert status.is_final == (ways <= {ItemTrigger.RETRY})
