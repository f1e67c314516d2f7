"""The gate between a plan and its first cent (requirement C6)."""

from __future__ import annotations

from dataclasses import dataclass

from batch_pipelines.control.estimating import estimate_items
from batch_pipelines.control.reuse import find_savings, unfinished_items
from batch_pipelines.control.surveying import SAMPLE_SIZE
from batch_pipelines.domain.errors import UnknownPrice
from batch_pipelines.domain.estimate import Estimate, Gate
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.estimation.gate import refused_for
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """Whether a batch job may spend; `estimate` is None where there is no price to estimate with."""

    job: BatchJob
    gate: Gate
    estimate: Estimate | None


def ask_gate(ledger: Ledger, settings: Settings, batch_job_id: str) -> GateAnswer:
    """Estimate the batch job, keep the estimate with it, and fail it when the gate refuses.

    A batch job that has spent already keeps the estimate it started with: its budget holds call by call.
    """
    job = ledger.job(batch_job_id)
    if job.estimate is not None and job.started_at is not None:
        return GateAnswer(job, job.estimate.gate, job.estimate)
    try:
        savings = find_savings(ledger, job, unfinished_items(ledger, job))
        estimate = estimate_items(
            job, ledger.item_groups(job.id), ledger.sample_items(job.id, SAMPLE_SIZE), settings, ledger.clock(), savings
        )
    except UnknownPrice as error:
        return _refuse(ledger, GateAnswer(job, refused_for(str(error)), None))
    ledger.save_estimate(job.id, estimate)
    answer = GateAnswer(job, estimate.gate, estimate)
    return answer if estimate.gate.passed else _refuse(ledger, answer)


def _refuse(ledger: Ledger, answer: GateAnswer) -> GateAnswer:
    reason = f"refused by its estimate: {' '.join(answer.gate.reasons)}"
    # One that was refused before is refused again, and has failed already.
    if answer.job.status is not JobStatus.FAILED:
        ledger.move_job(answer.job.id, JobTrigger.FAIL, reason=reason)
    return answer
