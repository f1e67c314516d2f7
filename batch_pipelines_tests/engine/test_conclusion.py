"""What becomes of a batch job when its run has nothing left to do: a decision by table."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, combinations

import pytest

from batch_pipelines.domain.job import Progress
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.conclusion import conclude
from batch_pipelines.ledger.requests import JobRequest, RequestKind

PAUSE, CANCEL, STOP = RequestKind.PAUSE, RequestKind.CANCEL, RequestKind.STOP
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def progress(pending: int = 0, running: int = 0, completed: int = 0, failed: int = 0, cancelled: int = 0) -> Progress:
    """Counts of a job."""
    return Progress(
        total=pending + running + completed + failed + cancelled,
        pending=pending,
        running=running,
        completed=completed,
        failed=failed,
        skipped=0,
        cancelled=cancelled,
        cost_usd=Decimal(0),
        usage=Usage(),
    )


def asked(*kinds: RequestKind) -> list[JobRequest]:
    """Requests of these kinds, each with its kind and number as its reason."""
    return [JobRequest(kind, "somebody", f"{kind} {number}", NOON) for number, kind in enumerate(kinds)]


UNFINISHED = (progress(pending=1, completed=2), progress(running=1), progress(pending=1, failed=3))
ENDED = (progress(completed=3), progress(completed=1, failed=2))
ALL_FAILED = progress(failed=3)
ALL_SETS = list(chain.from_iterable(combinations((PAUSE, CANCEL, STOP), size) for size in range(4)))


@pytest.mark.parametrize("kinds", ALL_SETS, ids=str)
@pytest.mark.parametrize("counts", UNFINISHED, ids=str)
def test_a_request_ends_an_unfinished_job(counts: Progress, kinds: tuple[RequestKind, ...]) -> None:
    """A cancellation goes before a stop and a stop before a pause; without any of them, missing items are a failure."""
    trigger = JobTrigger.CANCEL if CANCEL in kinds else JobTrigger.DRAIN if kinds == (PAUSE,) else JobTrigger.FAIL

    assert conclude(counts, asked(*kinds)).trigger is trigger


@pytest.mark.parametrize("kinds", ALL_SETS, ids=str)
@pytest.mark.parametrize("counts", ENDED, ids=str)
def test_a_request_that_came_too_late_is_moot(counts: Progress, kinds: tuple[RequestKind, ...]) -> None:
    """When every item ended, partial success included, only a stop makes another end of it (A6)."""
    trigger = JobTrigger.FAIL if STOP in kinds else JobTrigger.COMPLETE

    assert conclude(counts, asked(*kinds)).trigger is trigger


@pytest.mark.parametrize("kinds", ALL_SETS, ids=str)
def test_a_job_without_any_success_failed(kinds: tuple[RequestKind, ...]) -> None:
    """Where every item failed, so did the job."""
    assert conclude(ALL_FAILED, asked(*kinds)).trigger is JobTrigger.FAIL


def test_a_cancellation_that_broke_off_is_carried_to_its_end() -> None:
    """Items are cancelled before the job is; a run that died in between must not complete the next time (A5)."""
    assert conclude(progress(completed=2, cancelled=1), []).trigger is JobTrigger.CANCEL


@pytest.mark.parametrize(
    ("counts", "kinds", "reason"),
    [
        (UNFINISHED[0], (PAUSE, PAUSE), "pause 0"),
        (UNFINISHED[0], (STOP, PAUSE, STOP), "stop 0"),
        (UNFINISHED[0], (), "1 of 3 items were not finished; run it again"),
        (ALL_FAILED, (), "every item failed (3 of 3)"),
        (ENDED[0], (PAUSE,), None),
    ],
)
def test_the_reason_is_told(counts: Progress, kinds: tuple[RequestKind, ...], reason: str | None) -> None:
    """The first request of the deciding kind gives the reason."""
    assert conclude(counts, asked(*kinds)).reason == reason
