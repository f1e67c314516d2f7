"""Commands that run: `run`, `resume`, `submit`, `watch`."""

from __future__ import annotations

import sys
from pathlib import Path

from batch_pipelines.cli.asking import estimate_with_savings, print_estimate
from batch_pipelines.cli.ending import print_ending
from batch_pipelines.cli.following import follow
from batch_pipelines.cli.opening import now, opened_ledger, planned
from batch_pipelines.cli.output import print_json, stderr, stdout
from batch_pipelines.control.connection import check_provider_for
from batch_pipelines.control.estimating import estimate_plan
from batch_pipelines.control.running import check_can_open
from batch_pipelines.control.status import JobStatusView, view_status
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.worker_process import WorkerProcess
from batch_pipelines.pipelines.catalogue import all_pipelines
from batch_pipelines.settings import Settings, load_settings

INTERRUPTED = 130
REFUSED = 3
EXIT_CODES: dict[JobStatus, int] = {
    JobStatus.COMPLETED: 0,
    JobStatus.FAILED: 1,
    JobStatus.PAUSED: 4,
    JobStatus.CANCELLED: 5,
}


def run_spec(spec_file: Path, as_json: bool) -> None:
    """Submit and run to the end here; exits with the code of how it ended."""
    settings = load_settings()
    plan = _checked_plan(spec_file, settings)
    if not as_json:
        print_estimate(plan, estimate_with_savings(plan, settings))
    with opened_ledger(settings) as ledger:
        job = submit(plan, ledger)
        _run_here(ledger, settings, job.id, as_json)


def resume_job(batch_job_id: str, as_json: bool) -> None:
    """Go on here with what is missing; exits with the code of how it ended."""
    settings = load_settings()
    with opened_ledger(settings) as ledger:
        job = ledger.job(batch_job_id)
        check_can_open(job)
        check_provider_for(job.pipeline, settings)
        if job.status is not JobStatus.RUNNING:
            # An interrupt that came while a run started may have outlived it. Where a run works, a request is its own.
            ledger.settle_requests(batch_job_id)
        _run_here(ledger, settings, batch_job_id, as_json)


def _checked_plan(spec_file: Path, settings: Settings) -> Plan:
    """A plan that can be carried out with a provider that answers, before anything is made."""
    plan = planned(spec_file, settings)
    estimate_plan(plan, settings, now())
    check_provider_for(plan.pipeline, settings)
    return plan


def _run_here(ledger: Ledger, settings: Settings, batch_job_id: str, as_json: bool) -> None:
    with WorkerProcess.start(settings, batch_job_id) as worker:
        interrupted = follow(ledger, batch_job_id, worker)
    view = view_status(ledger, batch_job_id)
    if view.status not in EXIT_CODES and not interrupted:
        console = stderr()
        console.print("[red]The run ended without finishing the batch job.[/] What finished is kept.")
        console.print(worker.last_words(), markup=False, soft_wrap=True)
    _end(ledger, settings, view, as_json, interrupted)


def submit_spec(spec_file: Path, as_json: bool) -> None:
    """Hand a spec to the running Dagster; prints the batch job's id."""
    settings = load_settings()
    plan = _checked_plan(spec_file, settings)
    # Dagster's client takes a second to import, and only this command needs it.
    from batch_pipelines.orchestration.launch import RunningDagster

    dagster = RunningDagster(settings.dagster_url, all_pipelines(settings.pipelines_folder, settings.routes_file))
    dagster.check(plan.pipeline)
    with opened_ledger(settings) as ledger:
        job = submit(plan, ledger)
    run_id = dagster.launch(job)
    if as_json:
        print_json({"id": job.id, "run_id": run_id})
    else:
        stdout().print(job.id)
        console = stderr()
        console.print(f"Dagster run  {settings.dagster_url}/runs/{run_id}", soft_wrap=True)
        console.print(f"Follow it    batch-pipelines watch {job.id}", soft_wrap=True)


def watch_job(batch_job_id: str, as_json: bool) -> None:
    """Follow a batch job that runs elsewhere; exits with the code of how it ended."""
    settings = load_settings()
    with opened_ledger(settings) as ledger:
        interrupted = follow(ledger, batch_job_id, None)
        _end(ledger, settings, view_status(ledger, batch_job_id), as_json, interrupted)


def _end(ledger: Ledger, settings: Settings, view: JobStatusView, as_json: bool, interrupted: bool) -> None:
    """Say how it went and exit."""
    if as_json:
        print_json(view)
    else:
        print_ending(stdout(), ledger, settings, view)
    if interrupted:
        sys.exit(INTERRUPTED)
    sys.exit(_exit_code(view))


def _exit_code(view: JobStatusView) -> int:
    """How it ended; a batch job whose results did not get to where they should go is no success."""
    if view.was_refused:
        return REFUSED
    is_undelivered = view.delivery is not None and view.delivery.problem is not None
    return 1 if is_undelivered and view.status is JobStatus.COMPLETED else EXIT_CODES.get(view.status, 1)
