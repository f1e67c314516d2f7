"""Finds the batch job that a run is for, or makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from batch_pipelines.control.connection import check_provider_for
from batch_pipelines.control.overriding import Overrides, override_job, override_spec
from batch_pipelines.control.running import can_open, check_can_open
from batch_pipelines.control.submission import plan_spec, submit
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings


def find_or_create(
    ledger: Ledger,
    settings: Settings,
    *,
    wanted_id: str | None,
    tagged_id: str | None,
    earlier_run_ids: tuple[str, ...],
    overrides: Overrides,
    spec: Callable[[], Spec],
    pipelines: tuple[Pipeline, ...],
    folder: Path,
) -> BatchJob:
    """The batch job named by `wanted_id`, else the one that this run or an earlier one of its chain of re-executions
    drove, if it can go on, else a new one; in each case under `overrides`.

    Raises JobNotFound, IllegalMove for a wanted batch job that is over, InvalidInput for a spec or overrides that
    cannot be carried out or a provider that cannot be used.
    """
    if wanted_id:
        job = ledger.job(wanted_id)
        check_can_open(job)
        check_provider_for(job.pipeline, settings)
        return override_job(ledger, job, overrides, settings.max_concurrency)
    for known in _of_chain(ledger, tagged_id, earlier_run_ids):
        # A job that its estimate kept from starting is made anew: its budget may be what was changed.
        if can_open(known) and not (known.status is JobStatus.FAILED and known.started_at is None):
            check_provider_for(known.pipeline, settings)
            return override_job(ledger, known, overrides, settings.max_concurrency)
    plan = plan_spec(override_spec(spec(), overrides), pipelines, settings, folder, ledger)
    check_provider_for(plan.pipeline, settings)
    return submit(plan, ledger)


def _of_chain(ledger: Ledger, tagged_id: str | None, run_ids: tuple[str, ...]) -> Iterator[BatchJob]:
    if tagged_id:
        yield ledger.job(tagged_id)
    for run_id in run_ids:
        if job := ledger.find_job_by_run(run_id):
            yield job
