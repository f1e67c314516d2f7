"""Requests to pause or cancel: intents, recorded before anything stops."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.requests import JobRequest, RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.ledger.samples import JOB, start_job


def test_a_request_is_no_state(ledger: Ledger) -> None:
    """A pause request is open and told of while the job goes on running (A4)."""
    start_job(ledger)

    ledger.request(JOB, RequestKind.PAUSE, "ann", "lunch")

    assert ledger.open_requests(JOB) == [JobRequest(RequestKind.PAUSE, "ann", "lunch", START)]
    assert ledger.job(JOB).status is JobStatus.RUNNING
    event = ledger.events_after(JOB, 0)[-1]
    assert event.type is EventType.BATCH_REQUESTED
    assert event.data == {"kind": "pause", "by": "ann", "reason": "lunch"}


def test_settled_requests_are_not_open(ledger: Ledger) -> None:
    """What was acted on is not acted on again; what is asked later is open."""
    start_job(ledger)
    ledger.request(JOB, RequestKind.PAUSE, "ann")
    ledger.settle_requests(JOB)
    ledger.request(JOB, RequestKind.CANCEL, "bob")

    assert [request.kind for request in ledger.open_requests(JOB)] == [RequestKind.CANCEL]


def test_requests_are_of_one_job(ledger: Ledger) -> None:
    """Nobody can ask anything of a job that is not there."""
    with pytest.raises(JobNotFound):
        ledger.request("nope", RequestKind.PAUSE, "ann")
    with pytest.raises(JobNotFound):
        ledger.open_requests("nope")
    with pytest.raises(JobNotFound):
        ledger.settle_requests("nope")
