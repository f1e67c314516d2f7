"""How a new batch job comes to each of its statuses."""

from __future__ import annotations

from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.ledger.store import Ledger

WAYS: dict[JobStatus, tuple[JobTrigger, ...]] = {
    JobStatus.PENDING: (),
    JobStatus.RUNNING: (JobTrigger.START,),
    JobStatus.PAUSED: (JobTrigger.START, JobTrigger.DRAIN),
    JobStatus.FAILED: (JobTrigger.START, JobTrigger.FAIL),
    JobStatus.RETRYING: (JobTrigger.START, JobTrigger.FAIL, JobTrigger.RETRY),
    JobStatus.COMPLETED: (JobTrigger.START, JobTrigger.COMPLETE),
    JobStatus.CANCELLED: (JobTrigger.CANCEL,),
}


def bring(ledger: Ledger, batch_job_id: str, status: JobStatus) -> BatchJob:
    """Move a new batch job to this status."""
    for trigger in WAYS[status]:
        ledger.move_job(batch_job_id, trigger)
    return ledger.job(batch_job_id)
