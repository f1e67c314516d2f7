"""The start and the end of a run of a batch job, as the ledger sees them (requirements A2, A5, A6)."""

from __future__ import annotations

from collections.abc import Callable
from time import sleep

from batch_pipelines.control.vectors import keep_vectors
from batch_pipelines.domain.errors import IllegalMove, JobTakenOver
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.engine.conclusion import Conclusion, conclude
from batch_pipelines.ledger.store import Ledger

CLAIM_SECONDS = 0.5
"""Between two tries to become the driver of a batch job."""

OPENING: dict[JobStatus, tuple[JobTrigger, ...]] = {
    JobStatus.PENDING: (JobTrigger.START,),
    JobStatus.RETRYING: (JobTrigger.START,),
    JobStatus.PAUSED: (JobTrigger.RESUME,),
    JobStatus.FAILED: (JobTrigger.RETRY, JobTrigger.START),
    # Its last run died: there is nothing to move, only items to release.
    JobStatus.RUNNING: (),
}


def can_open(job: BatchJob) -> bool:
    """Whether a run may begin, or go on with, the batch job."""
    return job.status in OPENING


def check_can_open(job: BatchJob) -> None:
    """Raises IllegalMove for a batch job that is over."""
    if not can_open(job):
        raise IllegalMove(f"batch job {job.id}", job.status, JobStatus.RUNNING, "submit its spec again to run it anew")


def open_run(
    ledger: Ledger,
    batch_job_id: str,
    run_id: str,
    *,
    patience_seconds: float = 0,
    sleep: Callable[[float], None] = sleep,
) -> BatchJob:
    """Make `run_id` the driver of the batch job and set it running.

    A run that died holds its lease for some seconds more; `patience_seconds` waits that out. Raises JobTakenOver when
    another run still works on it then, and IllegalMove for a batch job that is over.
    """
    check_can_open(ledger.job(batch_job_id))
    job = _claim(ledger, batch_job_id, run_id, patience_seconds, sleep)
    if job.status is JobStatus.RUNNING:
        # What was asked of the run that died is moot, now that somebody goes on.
        ledger.settle_requests(batch_job_id)
        ledger.mark_recovered(batch_job_id)
        ledger.release_items(batch_job_id)
    for trigger in OPENING[job.status]:
        ledger.move_job(batch_job_id, trigger)
    return ledger.job(batch_job_id)


def _claim(
    ledger: Ledger, batch_job_id: str, run_id: str, patience_seconds: float, sleep: Callable[[float], None]
) -> BatchJob:
    for _ in range(int(patience_seconds / CLAIM_SECONDS)):
        try:
            return ledger.claim_run(batch_job_id, run_id)
        except JobTakenOver:
            sleep(CLAIM_SECONDS)
    return ledger.claim_run(batch_job_id, run_id)


def close_run(ledger: Ledger, batch_job_id: str, run_id: str | None = None) -> Conclusion:
    """Decide what became of a running batch job and write it down; a job that was closed before stays as it is.

    Raises JobTakenOver where another run than `run_id` drives it: that one will close it.
    """
    driver = ledger.job(batch_job_id).run_id
    if run_id is not None and driver != run_id:
        raise JobTakenOver(batch_job_id, driver)
    progress = ledger.progress(batch_job_id)
    conclusion = conclude(progress, ledger.open_requests(batch_job_id))
    if ledger.job(batch_job_id).status is not JobStatus.RUNNING:
        return conclusion
    if conclusion.trigger is JobTrigger.CANCEL:
        ledger.cancel_items(batch_job_id)
    elif conclusion.trigger is not JobTrigger.COMPLETE:
        ledger.release_items(batch_job_id)
    else:
        # Before the move: a run that dies in between leaves a job that is closed again.
        keep_vectors(ledger, batch_job_id)
    ledger.settle_requests(batch_job_id)
    ledger.move_job(batch_job_id, conclusion.trigger, reason=conclusion.reason)
    return conclusion
