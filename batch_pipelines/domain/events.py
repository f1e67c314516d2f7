"""What happened, in the order it happened. Every change of state writes one in its own transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, JsonValue

from batch_pipelines.domain.transitions import ItemTrigger, JobTrigger


class EventType(StrEnum):
    """Kinds of event; `batch:` are about a batch job, `item:` about one item."""

    BATCH_CREATED = "batch:created"
    BATCH_ESTIMATED = "batch:estimated"
    BATCH_STARTED = "batch:started"
    BATCH_PROGRESS = "batch:progress"
    """A group of finished calls became durable."""
    BATCH_BUDGET = "batch:budget"
    """What is charged to it came to the share of its budget from which to warn."""
    BATCH_RESOURCES = "batch:resources"
    """What the process of its run uses of the machine."""
    BATCH_PAUSED = "batch:paused"
    BATCH_RESUMED = "batch:resumed"
    BATCH_RETRYING = "batch:retrying"
    BATCH_COMPLETED = "batch:completed"
    BATCH_FAILED = "batch:failed"
    BATCH_CANCELLED = "batch:cancelled"
    BATCH_REQUESTED = "batch:requested"
    """Somebody asked for a pause or a cancellation."""
    BATCH_UPDATED = "batch:updated"
    """Somebody changed its concurrency or its items."""
    BATCH_DELIVERED = "batch:delivered"
    """A file with its results was written."""
    BATCH_UNDELIVERED = "batch:undelivered"
    """A file with its results could not be written."""
    ITEM_STARTED = "item:started"
    ITEM_COMPLETED = "item:completed"
    ITEM_FAILED = "item:failed"
    ITEM_SKIPPED = "item:skipped"
    ITEM_CANCELLED = "item:cancelled"
    ITEM_RETRYING = "item:retrying"
    ITEM_RELEASED = "item:released"


JOB_EVENTS: dict[JobTrigger, EventType] = {
    JobTrigger.START: EventType.BATCH_STARTED,
    JobTrigger.DRAIN: EventType.BATCH_PAUSED,
    JobTrigger.RESUME: EventType.BATCH_RESUMED,
    JobTrigger.COMPLETE: EventType.BATCH_COMPLETED,
    JobTrigger.FAIL: EventType.BATCH_FAILED,
    JobTrigger.CANCEL: EventType.BATCH_CANCELLED,
    JobTrigger.RETRY: EventType.BATCH_RETRYING,
}

ITEM_EVENTS: dict[ItemTrigger, EventType] = {
    ItemTrigger.START: EventType.ITEM_STARTED,
    ItemTrigger.COMPLETE: EventType.ITEM_COMPLETED,
    ItemTrigger.FAIL: EventType.ITEM_FAILED,
    ItemTrigger.SKIP: EventType.ITEM_SKIPPED,
    ItemTrigger.CANCEL: EventType.ITEM_CANCELLED,
    ItemTrigger.RETRY: EventType.ITEM_RETRYING,
    ItemTrigger.RELEASE: EventType.ITEM_RELEASED,
}

BEGINNINGS = frozenset({EventType.BATCH_STARTED, EventType.BATCH_RESUMED})
"""After these a run works on the batch job."""
ENDS = frozenset({EventType.BATCH_PAUSED, EventType.BATCH_COMPLETED, EventType.BATCH_FAILED, EventType.BATCH_CANCELLED})
"""After these no run does."""
SIGNS_OF_WORK = BEGINNINGS | {
    EventType.BATCH_PROGRESS,
    EventType.BATCH_RESOURCES,
    EventType.ITEM_STARTED,
    EventType.ITEM_COMPLETED,
    EventType.ITEM_FAILED,
    EventType.ITEM_SKIPPED,
}
"""Only a run that is at work on the batch job leaves these; all others somebody may leave while it lies dead."""
LAST_SEEN = "last_seen"
"""In the data of the event that resumes a batch job whose run died: when that run was last at work, in ISO 8601."""


class Event(BaseModel):
    """One thing that happened."""

    model_config = ConfigDict(frozen=True)

    id: int
    """Grows with time; a reader continues after the last id it saw."""
    batch_job_id: str
    item_id: str | None
    type: EventType
    at: datetime
    data: dict[str, JsonValue]


def working_seconds(events: Sequence[Event], now: datetime) -> float:
    """Seconds between each start or resumption and the end that follows it, or `now`.

    A run that died left no end; where the resumption after it says when it was last seen, that is its end.
    """
    total, since = 0.0, None
    for event in events:
        end = _end_told_by(event)
        if end is not None and since is not None:
            total += (end - since).total_seconds()
            since = None
        if event.type in BEGINNINGS:
            since = since or event.at
    return total + ((now - since).total_seconds() if since is not None else 0.0)


def _end_told_by(event: Event) -> datetime | None:
    """When the work before this event ended, as far as the event says so."""
    if event.type in ENDS:
        return event.at
    last_seen = event.data.get(LAST_SEEN)
    return datetime.fromisoformat(last_seen) if event.type in BEGINNINGS and isinstance(last_seen, str) else None
