"""Tests of batch_pipelines.domain.events."""

from __future__ import annotations

import pytest
from pydantic import JsonValue

from batch_pipelines.domain.events import Event, EventType, working_seconds
from batch_pipelines_tests.clock import after


def event(seconds: float, kind: EventType, **data: JsonValue) -> Event:
    """What happened to a batch job so many seconds after the start."""
    return Event(id=1, batch_job_id="job_1", item_id=None, type=kind, at=after(seconds), data=data)


def recovery(seconds: float, last_seen: float | None) -> Event:
    """A run goes on with a batch job whose run died; that was seen last so many seconds after the start."""
    told = None if last_seen is None else after(last_seen).isoformat()
    return event(seconds, EventType.BATCH_RESUMED, after_crash=True, last_seen=told)


@pytest.mark.parametrize(
    ("story", "seconds"),
    [
        ([], 0),
        ([(0, EventType.BATCH_CREATED), (5, EventType.BATCH_FAILED)], 0),
        ([(10, EventType.BATCH_STARTED)], 90),
        ([(0, EventType.BATCH_STARTED), (10, EventType.BATCH_RESUMED)], 100),
        ([(10, EventType.BATCH_STARTED), (30, EventType.BATCH_COMPLETED)], 20),
        ([(0, EventType.BATCH_STARTED), (10, EventType.BATCH_PAUSED)], 10),
        ([(0, EventType.BATCH_STARTED), (10, EventType.BATCH_PAUSED), (60, EventType.BATCH_RESUMED)], 50),
        ([(0, EventType.BATCH_STARTED), (10, EventType.BATCH_PAUSED), (60, EventType.BATCH_CANCELLED)], 10),
        (
            [
                (0, EventType.BATCH_STARTED),
                (10, EventType.BATCH_FAILED),
                (50, EventType.BATCH_RETRYING),
                (51, EventType.BATCH_STARTED),
                (56, EventType.BATCH_COMPLETED),
            ],
            15,
        ),
    ],
)
def test_working_seconds(story: list[tuple[float, EventType]], seconds: float) -> None:
    """Only time between a start or a resumption and the next end counts, up to now for the last (E1)."""
    events = [event(at, kind) for at, kind in story]

    assert working_seconds(events, after(100)) == seconds


STARTED = event(0, EventType.BATCH_STARTED)
COMPLETED = event(90, EventType.BATCH_COMPLETED)


@pytest.mark.parametrize(
    ("story", "seconds"),
    [
        ([STARTED, recovery(50, last_seen=10)], 10 + 50),
        ([STARTED, recovery(50, last_seen=10), COMPLETED], 10 + 40),
        ([STARTED, recovery(30, last_seen=10), recovery(80, last_seen=35), COMPLETED], 10 + 5 + 10),
        ([STARTED, recovery(50, last_seen=0), COMPLETED], 0 + 40),
        ([STARTED, recovery(50, last_seen=None), COMPLETED], 90),
        ([STARTED, event(20, EventType.BATCH_PAUSED), recovery(50, last_seen=10), COMPLETED], 20 + 40),
    ],
    ids=["goes_on", "ended", "died_twice", "died_at_once", "never_seen", "not_running"],
)
def test_the_time_after_a_crash_is_no_work(story: list[Event], seconds: float) -> None:
    """A run that died worked until it was last seen; the one that goes on works from when it does (E1)."""
    assert working_seconds(story, after(100)) == seconds
