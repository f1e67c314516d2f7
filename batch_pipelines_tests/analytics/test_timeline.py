"""Tests of batch_pipelines.analytics.timeline."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batch_pipelines.analytics.timeline import Life, life_of, timeline
from batch_pipelines.domain.events import EventType
from batch_pipelines_tests.analytics.samples import Story
from batch_pipelines_tests.clock import START, after


@pytest.mark.parametrize(
    ("story", "life"),
    [
        (Story().tell(0, EventType.BATCH_CREATED), None),
        (Story().tell(0, EventType.BATCH_FAILED), None),
        (Story().tell(2, EventType.BATCH_STARTED), Life(after(2), after(100))),
        (Story().tell(2, EventType.BATCH_STARTED).tell(9, EventType.BATCH_PAUSED), Life(after(2), after(9))),
        (
            Story()
            .tell(2, EventType.BATCH_STARTED)
            .tell(9, EventType.BATCH_FAILED)
            .tell(20, EventType.BATCH_RETRYING)
            .tell(21, EventType.BATCH_STARTED),
            Life(after(2), after(100)),
        ),
    ],
    ids=["pending", "refused", "running", "paused", "retried"],
)
def test_life(story: Story, life: Life | None) -> None:
    """A life goes from the first start to the last end, or to now while a run works."""
    assert life_of(tuple(story), after(100)) == life


@pytest.mark.parametrize(("seconds", "points"), [(0, 1), (0.05, 1), (1, 10), (6, 60), (86_400, 60)])
def test_number_of_points(seconds: float, points: int) -> None:
    """There are 60 points at most, and none shorter than the time in which calls become durable (E3)."""
    assert len(timeline(Life(START, after(seconds)), ())) == points


def test_points() -> None:
    """Each point has what happened in it, and adding up over the points gives all there is (E3)."""
    story = (
        Story()
        .tell(0, EventType.ITEM_STARTED, "a")
        .tell(10, EventType.ITEM_COMPLETED, "a")
        .tell(10, EventType.BATCH_PROGRESS, cost_usd="0.25")
        .tell(30.5, EventType.ITEM_FAILED, "b")
        .tell(30.5, EventType.BATCH_PROGRESS, cost_usd=None)
        .tell(60, EventType.ITEM_COMPLETED, "c")
        .tell(60, EventType.BATCH_PROGRESS, cost_usd="0.1")
    )

    points = timeline(Life(START, after(60)), story)

    told = {number: point for number, point in enumerate(points) if point.completed or point.failed}
    assert {number: (point.completed, point.failed, point.cost_usd) for number, point in told.items()} == {
        10: (1, 0, Decimal("0.25")),
        30: (0, 1, 0),
        59: (1, 0, Decimal("0.1")),
    }
    assert [points[n].cumulative_completed for n in (9, 10, 58, 59)] == [0, 1, 1, 2]
    assert (points[0].at, points[59].at) == (after(1), after(60))


def test_a_retried_item_counts_once() -> None:
    """An item that failed, was retried and succeeded is no failure any more; one that waits again is neither."""
    story = (
        Story()
        .tell(1, EventType.ITEM_FAILED, "a")
        .tell(1, EventType.ITEM_FAILED, "b")
        .tell(3, EventType.ITEM_RETRYING, "a")
        .tell(3, EventType.ITEM_RETRYING, "b")
        .tell(5, EventType.ITEM_COMPLETED, "a")
    )

    points = timeline(Life(START, after(6)), story)

    assert (sum(point.completed for point in points), sum(point.failed for point in points)) == (1, 0)


def test_late_news() -> None:
    """What is told outside the life, as by a clock that was set back, belongs to the nearest point."""
    story = Story().tell(-5, EventType.ITEM_COMPLETED, "a").tell(99, EventType.ITEM_COMPLETED, "b")

    points = timeline(Life(START, after(6)), story)

    assert (points[0].completed, points[-1].completed) == (1, 1)
