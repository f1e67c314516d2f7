"""What becomes of a batch job when its run has nothing left to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batch_pipelines.domain.job import Progress
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.ledger.requests import JobRequest, RequestKind


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The move that ends a run of a batch job."""

    trigger: JobTrigger
    reason: str | None


PRECEDENCE = (
    (RequestKind.CANCEL, JobTrigger.CANCEL),
    (RequestKind.STOP, JobTrigger.FAIL),
    (RequestKind.PAUSE, JobTrigger.DRAIN),
)


def conclude(progress: Progress, requests: Sequence[JobRequest]) -> Conclusion:
    """A stop fails the job even when its last item caused it; a pause or a cancellation that came too late is moot."""
    ended = progress.ended == progress.total
    for kind, trigger in PRECEDENCE:
        reasons = [request.reason for request in requests if request.kind is kind]
        if reasons and (kind is RequestKind.STOP or not ended):
            return Conclusion(trigger, reasons[0])
    if ended and progress.cancelled:
        # A run that died in the middle of a cancellation; nothing else cancels items.
        return Conclusion(JobTrigger.CANCEL, "its cancellation was carried to its end")
    if not ended:
        left = progress.total - progress.ended
        return Conclusion(JobTrigger.FAIL, f"{left} of {progress.total} items were not finished; run it again")
    if progress.failed == progress.total:
        return Conclusion(JobTrigger.FAIL, f"every item failed ({progress.total} of {progress.total})")
    return Conclusion(JobTrigger.COMPLETE, None)
