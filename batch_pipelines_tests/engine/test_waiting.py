"""Calls that wait for a slot, or for their next attempt."""

from __future__ import annotations

import asyncio

import pytest

from batch_pipelines.engine.waiting import Waiting
from batch_pipelines.engine.work import PartitionRun
from batch_pipelines_tests.engine.samples import phase
from batch_pipelines_tests.engine.test_work import calls_of


def test_first_come_first_served() -> None:
    """Calls that are added later wait behind those that are there."""
    run = PartitionRun(phase("write"), is_last=True)
    calls = calls_of(run, 3)
    waiting = Waiting()
    assert not waiting

    waiting.add(calls[:2])
    waiting.add(calls[2:])

    assert (len(waiting), waiting.first) == (3, calls[0])
    assert [waiting.take_first() for _ in calls] == calls
    with pytest.raises(IndexError):
        _ = waiting.first


async def test_a_call_that_sleeps_comes_back_behind_the_others() -> None:
    """It is none of those that could start now until its time is over; then somebody is told (D4)."""
    first, second = calls_of(PartitionRun(phase("write"), is_last=True), 2)
    waiting, told = Waiting(), asyncio.Event()

    waiting.sleep(first, 0.01, told.set)
    waiting.add([second])
    assert len(waiting) == 1
    await asyncio.wait_for(told.wait(), 5)

    assert [waiting.take_first(), waiting.take_first()] == [second, first]


async def test_all_are_left_to_a_later_run() -> None:
    """Those that could start and those that sleep, once each; nobody wakes up afterwards (A4)."""
    run = PartitionRun(phase("write"), is_last=True)
    ready, sleeping = calls_of(run, 2)
    waiting, told = Waiting(), asyncio.Event()
    waiting.add([ready])
    waiting.sleep(sleeping, 0.01, told.set)

    waiting.leave_all()
    waiting.leave_all()
    await asyncio.sleep(0.03)

    assert (run.outcome.left, run.finished.is_set()) == (2, True)
    assert (len(waiting), told.is_set()) == (0, False)
