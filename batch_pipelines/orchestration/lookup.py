"""Which batch job a run is about. Asked of the ledger: what assets hand on is kept by asset, whichever run wrote it."""

from __future__ import annotations

import dagster as dg

from batch_pipelines.domain.job import BatchJob
from batch_pipelines.ledger.store import Ledger


def batch_job_of(ledger: Ledger, run: dg.DagsterRun) -> BatchJob:
    """The batch job that `plan` found or made for this run, or for the run that it re-executes without its `plan`."""
    for run_id in (run.run_id, run.parent_run_id, run.root_run_id):
        if run_id and (job := ledger.find_job_by_run(run_id)):
            return job
    reason = "this run has no batch job; launch the whole Dagster job, so that its `plan` makes one"
    raise dg.Failure(description=reason, allow_retries=False)
