"""Tests of batch_pipelines.domain.events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from batch_pipelines.domain.events import Event, EventType, working_seconds

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def event(seconds: float, kind: EventType) -> Event:
    """What happened to a batch job so many seconds after the start."""
    at = START + timedelta(seconds=seconds)
    return Event(id=1, batch_job_id="job_1", item_id=None, type=kind, at=at, data={})


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

    assert working_seconds(events, START + timedelta(seconds=100)) == seconds
