"""What happened when (requirement E3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate

from batch_pipelines.analytics.values import TimelinePoint
from batch_pipelines.domain.events import BEGINNINGS, ENDS, Event, EventType
from batch_pipelines.estimation.money import ZERO, plain

POINTS = 60
SHORTEST_POINT = timedelta(milliseconds=100)
"""Calls are made durable in groups of this length, so nothing is known to happen within one."""


@dataclass(frozen=True, slots=True)
class Life:
    """From the first start of a batch job to its end, or to now; pauses included."""

    start: datetime
    end: datetime

    @property
    def points(self) -> int:
        """Into how many equal parts it is split."""
        return max(1, min(POINTS, (self.end - self.start) // SHORTEST_POINT))

    def point_of(self, at: datetime) -> int:
        """The number of the part that holds this moment; moments outside belong to the nearest part."""
        span = (self.end - self.start) or SHORTEST_POINT
        return min(max((at - self.start) * self.points // span, 0), self.points - 1)

    def end_of(self, point: int) -> datetime:
        """When a part ends."""
        return self.start + (self.end - self.start) * (point + 1) / self.points


def life_of(job_events: Sequence[Event], now: datetime) -> Life | None:
    """The life of a batch job by its own events, in order; None where it never started."""
    turns = [event for event in job_events if event.type in BEGINNINGS | ENDS]
    starts = [event.at for event in turns if event.type in BEGINNINGS]
    if not starts:
        return None
    return Life(starts[0], turns[-1].at if turns[-1].type in ENDS else now)


def timeline(life: Life, events: Iterable[Event]) -> tuple[TimelinePoint, ...]:
    """Items and money by parts of `life`; `events` are all events of the batch job in order.

    An item that failed, was retried and succeeded counts once, when it succeeded.
    """
    spent = [ZERO] * life.points
    ended: dict[str, Event] = {}
    for event in events:
        if event.type is EventType.BATCH_PROGRESS:
            spent[life.point_of(event.at)] += _cost(event)
        elif event.type in (EventType.ITEM_COMPLETED, EventType.ITEM_FAILED) and event.item_id:
            ended[event.item_id] = event
        elif event.type is EventType.ITEM_RETRYING and event.item_id:
            ended.pop(event.item_id, None)
    completed = _count(life, (event for event in ended.values() if event.type is EventType.ITEM_COMPLETED))
    failed = _count(life, (event for event in ended.values() if event.type is EventType.ITEM_FAILED))
    return tuple(
        TimelinePoint(
            at=life.end_of(point),
            completed=completed[point],
            failed=failed[point],
            cost_usd=plain(spent[point]),
            cumulative_completed=done,
        )
        for point, done in enumerate(accumulate(completed))
    )


def _count(life: Life, events: Iterable[Event]) -> list[int]:
    counts = [0] * life.points
    for event in events:
        counts[life.point_of(event.at)] += 1
    return counts


def _cost(event: Event) -> Decimal:
    """USD of the group of calls that a progress event tells of, as far as it is known."""
    cost = event.data.get("cost_usd")
    return ZERO if cost is None else Decimal(str(cost))
