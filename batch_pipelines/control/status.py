"""The status of a batch job as the contract has it (requirement E1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from batch_pipelines.domain.delivery import DeliveryNote
from batch_pipelines.domain.estimate import Estimate
from batch_pipelines.domain.events import Event, working_seconds
from batch_pipelines.domain.job import BatchJob, Progress
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger


class ProgressCounts(BaseModel):
    """Items by status; `percent` counts those that ended."""

    model_config = ConfigDict(frozen=True)

    percent: float
    total: int
    completed: int
    failed: int
    skipped: int
    cancelled: int
    running: int


class JobStatusView(BaseModel):
    """One batch job as `status --json` shows it."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    pipeline: str
    project: str
    status: JobStatus
    progress: ProgressCounts
    current_phase: str | None
    elapsed_seconds: float
    """Time in which a run worked on it, pauses left out."""
    remaining_seconds: float | None
    """None while nothing is known to go by, 0 when it is over."""
    items_per_minute: float | None
    cost_usd: Decimal
    input_tokens: int
    output_tokens: int
    in_progress: tuple[str, ...]
    estimate: Estimate | None
    run_id: str | None
    simulated: bool
    created_at: datetime
    error: str | None
    delivery: DeliveryNote | None = None
    """What became of the last file of its results; None where none was wanted yet."""

    @property
    def was_refused(self) -> bool:
        """Whether the estimate's gate kept the batch job from starting."""
        return self.status is JobStatus.FAILED and self.estimate is not None and not self.estimate.gate.passed

    @property
    def has_more_to_do(self) -> bool:
        """Whether going on could get anything done."""
        ended = self.progress.completed + self.progress.failed + self.progress.skipped + self.progress.cancelled
        return self.status is not JobStatus.CANCELLED and ended < self.progress.total and not self.was_refused


def view_status(ledger: Ledger, batch_job_id: str) -> JobStatusView:
    """The status now; raises JobNotFound."""
    job = ledger.job(batch_job_id)
    view = compose(job, ledger.progress(batch_job_id), ledger.job_events(batch_job_id), ledger.clock())
    return view.model_copy(update={"delivery": ledger.last_delivery(batch_job_id)})


def compose(job: BatchJob, progress: Progress, events: Sequence[Event], now: datetime) -> JobStatusView:
    """The status from what the ledger holds; `events` are those of the batch job itself."""
    elapsed = working_seconds(events, now)
    rate = progress.worked / elapsed if elapsed and progress.worked else None
    is_running = job.status is JobStatus.RUNNING
    return JobStatusView(
        id=job.id,
        name=job.name,
        pipeline=job.pipeline.name,
        project=job.project,
        status=job.status,
        progress=ProgressCounts(
            percent=round(100 * progress.ended / progress.total, 1),
            **progress.model_dump(include={"total", "completed", "failed", "skipped", "cancelled", "running"}),
        ),
        current_phase=progress.current_phase if is_running else None,
        elapsed_seconds=round(elapsed, 3),
        remaining_seconds=_remaining(job.status, progress, rate),
        items_per_minute=None if rate is None else round(rate * 60, 2),
        cost_usd=progress.cost_usd,
        input_tokens=progress.usage.total_input_tokens,
        output_tokens=progress.usage.output_tokens,
        in_progress=progress.in_progress if is_running else (),
        estimate=job.estimate,
        run_id=job.run_id,
        simulated=job.simulated,
        created_at=job.created_at,
        error=job.error,
    )


def _remaining(status: JobStatus, progress: Progress, rate: float | None) -> float | None:
    if status.is_final:
        return 0.0
    return None if rate is None else round((progress.total - progress.ended) / rate, 1)
