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
    BATCH_PAUSED = "batch:paused"
    BATCH_RESUMED = "batch:resumed"
    BATCH_RETRYING = "batch:retrying"
    BATCH_COMPLETED = "batch:completed"
    BATCH_FAILED = "batch:failed"
    BATCH_CANCELLED = "batch:cancelled"
    BATCH_REQUESTED = "batch:requested"
    """Somebody asked for a pause or a cancellation."""
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
    """Seconds between each start or resumption and the end that follows it, or `now`."""
    total, since = 0.0, None
    for event in events:
        if event.type in BEGINNINGS:
            since = since or event.at
        elif event.type in ENDS and since is not None:
            total += (event.at - since).total_seconds()
            since = None
    return total + ((now - since).total_seconds() if since is not None else 0.0)
