"""Calls that wait for a slot, or for their next attempt."""

from __future__ import annotations

import asyncio

import pytest

from batch_pipelines.engine.waiting import Waiting
from batch_pipelines.engine.work import Call, PartitionRun
from batch_pipelines_tests.engine.samples import phase
from batch_pipelines_tests.engine.test_work import calls_of


def _alike(_: Call) -> int:
    return 0


def test_first_come_first_served() -> None:
    """Calls that are added later wait behind those that are there."""
    run = PartitionRun(phase("write"), is_last=True)
    calls = calls_of(run, 3)
    waiting = Waiting(_alike)
    assert (bool(waiting), len(waiting)) == (False, 0)

    waiting.add(calls[:2])
    waiting.add(calls[2:])

    assert (bool(waiting), len(waiting), waiting.first) == (True, 3, calls[0])
    assert [waiting.take_first() for _ in calls] == calls
    with pytest.raises(LookupError):
        _ = waiting.first


def test_the_highest_rank_goes_first() -> None:
    """Whenever its calls came; none of a lower rank starts before."""
    calls = calls_of(PartitionRun(phase("write"), is_last=True), 5)
    waiting = Waiting(dict(zip(calls, (0, 2, 1, 2, 0), strict=True)).__getitem__)

    for call in calls:
        waiting.add([call])

    assert [calls.index(waiting.take_first()) for _ in calls] == [1, 3, 2, 0, 4]


async def test_a_call_that_sleeps_comes_back_before_the_others_of_its_rank() -> None:
    """It is none of those that could start now until its time is over; then somebody is told (D4)."""
    sleeping, higher, equal = calls_of(PartitionRun(phase("write"), is_last=True), 3)
    waiting, told = Waiting({sleeping: 1, higher: 2, equal: 1}.__getitem__), asyncio.Event()

    waiting.sleep(sleeping, 0.01, told.set)
    waiting.add([equal])
    waiting.add([higher])
    assert len(waiting) == 2
    await asyncio.wait_for(told.wait(), 5)

    assert [waiting.take_first() for _ in range(3)] == [higher, sleeping, equal]


async def test_all_are_left_to_a_later_run() -> None:
    """Those that could start, of all ranks, and those that sleep, once each; nobody wakes up afterwards (A4)."""
    run = PartitionRun(phase("write"), is_last=True)
    ready, higher, sleeping = calls_of(run, 3)
    waiting, told = Waiting({ready: 0, higher: 1, sleeping: 0}.__getitem__), asyncio.Event()
    waiting.add([ready])
    waiting.add([higher])
    waiting.sleep(sleeping, 0.01, told.set)

    errors: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    waiting.leave_all()
    waiting.leave_all()
    await asyncio.sleep(0.03)

    assert errors == []
    assert (len(run.open), run.ended, run.finished.is_set()) == (0, set(), True)
    assert (len(waiting), told.is_set()) == (0, False)
