"""Writes events, always in the transaction of what they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import JsonValue
from sqlalchemy import Connection, String, bindparam, insert, literal, select, type_coerce

from batch_pipelines.domain.events import ITEM_EVENTS, EventType
from batch_pipelines.domain.transitions import ITEM_SOURCES, ItemTrigger
from batch_pipelines.ledger.tables import batch_items, events

_INSERT = insert(events)


class NewEvent(NamedTuple):
    """An event that has no id yet; `item_id` is None where it is about the batch job."""

    type: EventType
    at: datetime
    item_id: str | None
    data: dict[str, JsonValue]


def write_events(connection: Connection, batch_job_id: str, new: Sequence[NewEvent]) -> None:
    """Append in this order."""
    rows: list[dict[str, Any]] = [
        {
            "batch_job_id": batch_job_id,
            "item_id": event.item_id,
            "type": event.type.value,
            "at": event.at,
            "data": event.data,
        }
        for event in new
    ]
    if rows:
        connection.execute(_INSERT, rows)


def write_item_events(connection: Connection, batch_job_id: str, trigger: ItemTrigger, at: datetime) -> None:
    """Append one event for each item of the job that `trigger` can move, before it is moved."""
    movable = (
        select(
            batch_items.c.batch_job_id,
            batch_items.c.item_id,
            literal(ITEM_EVENTS[trigger].value, String),
            bindparam("at", at, type_=events.c.at.type),
            type_coerce({}, events.c.data.type),
        )
        .where(batch_items.c.batch_job_id == batch_job_id)
        .where(batch_items.c.status.in_([status.value for status in ITEM_SOURCES[trigger]]))
        .order_by(batch_items.c.position)
    )
    connection.execute(insert(events).from_select(["batch_job_id", "item_id", "type", "at", "data"], movable))
