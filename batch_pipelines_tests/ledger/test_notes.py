"""Tests of batch_pipelines.ledger.notes: what became of deliveries."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.delivery import DeliveryNote
from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.events import EventType
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.ledger.samples import JOB, start_job


def test_the_last_delivery_is_known(ledger: Ledger) -> None:
    """Each leaves an event, and the last one counts (D7, F7)."""
    start_job(ledger)
    assert ledger.last_delivery(JOB) is None

    ledger.note_delivery(JOB, "/a.csv", problem="cannot be written")
    failed = ledger.last_delivery(JOB)
    ledger.note_delivery(JOB, "s3://b/a.csv", rows=0)

    assert failed == DeliveryNote(to="/a.csv", rows=None, problem="cannot be written")
    assert ledger.last_delivery(JOB) == DeliveryNote(to="s3://b/a.csv", rows=0, problem=None)
    kinds = [event.type for event in ledger.events_after(JOB, 0)][-2:]
    assert kinds == [EventType.BATCH_UNDELIVERED, EventType.BATCH_DELIVERED]


def test_a_delivery_of_no_batch_job_is_refused(ledger: Ledger) -> None:
    """In both directions."""
    with pytest.raises(JobNotFound):
        ledger.note_delivery("other", "/a.csv", rows=1)
    with pytest.raises(JobNotFound):
        ledger.last_delivery("other")
