"""Batch jobs with phases of their own: each runs as a Dagster job made for it, in a process of its own (B2).

A webserver launches only jobs that its code location has. So it launches `own_phases`, whose one op starts the process
that carries the batch job out as a run with an op for each of its phases, and ends as that run does.
"""

# No postponed annotations here: Dagster reads the types of its functions when it makes ops of them.

from collections.abc import Iterable
from pathlib import Path
from time import sleep

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from batch_pipelines.control.opening import find_or_create
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.config import OwnPhasesConfig
from batch_pipelines.orchestration.failures import end_without_result, explained
from batch_pipelines.orchestration.interrupts import CHECK_SECONDS, drain
from batch_pipelines.orchestration.names import OWN_PHASES_JOB
from batch_pipelines.orchestration.services import Services, services
from batch_pipelines.orchestration.tags import JOB_TAG, overrides_of, tags_of
from batch_pipelines.orchestration.worker_process import WorkerProcess
from batch_pipelines.pipelines.catalogue import all_pipelines

OWN_PHASES_OP = "run_own_phases"


def has_own_phases(pipeline: Pipeline, known: Iterable[Pipeline]) -> bool:
    """Whether none of the jobs made from the known pipelines has the ops for a batch job of this one.

    What a phase does may differ, as every step reads that from the batch job; which phases there are, and which of
    them need which, may not.
    """
    return not any(one.name == pipeline.name and one.needs == pipeline.needs for one in known)


def own_phases_config(job: BatchJob) -> dict[str, object]:
    """Config of a run of `own_phases` that drives an existing batch job."""
    return {"ops": {OWN_PHASES_OP: {"config": {"batch_job_id": job.id}}}}


def check_phases(job: BatchJob, pipeline: Pipeline) -> None:
    """Raises InvalidInput where the Dagster job of a pipeline has not the ops that a batch job needs."""
    if has_own_phases(job.pipeline, (pipeline,)):
        problem = f"are the phases of batch job {job.id}, and this Dagster job has ops for {', '.join(pipeline.needs)}"
        remedy = f"launch the job `{OWN_PHASES_JOB}` with that batch_job_id, or `batch-pipelines resume {job.id}`"
        raise InvalidInput("phases", list(job.pipeline.needs), problem, remedy)


@dg.op(
    name=OWN_PHASES_OP,
    required_resource_keys={"services"},
    out=dg.Out(dg.Nothing),
    description="Makes a batch job with phases of its own, or takes one that exists, runs it in a run with an op for "
    "each of its phases, and ends as that run does. To terminate this run cancels the batch job.",
)
def run_own_phases(context: dg.OpExecutionContext, config: OwnPhasesConfig) -> dg.Output[None]:
    """Nothing but the batch job's id; a batch job that did not complete fails the step."""
    opened: Services = context.resources.services
    with explained():
        job = _batch_job(opened, context, config)
        process = WorkerProcess.start(opened.settings, job.id, context.run_id)
    with process:
        _wait(process, context, opened.ledger, job.id)
    return _mirrored(context, opened.ledger.job(job.id), process)


def _batch_job(opened: Services, context: dg.OpExecutionContext, config: OwnPhasesConfig) -> BatchJob:
    """The batch job that this run is for, found or made."""
    run = context.run
    job = find_or_create(
        opened.ledger,
        opened.settings,
        wanted_id=config.batch_job_id,
        tagged_id=run.tags.get(JOB_TAG),
        earlier_run_ids=tuple(filter(None, (run.parent_run_id, run.root_run_id))),
        overrides=overrides_of(run.tags),
        spec=lambda: config.to_spec(config.pipeline),
        pipelines=all_pipelines(opened.settings.pipelines_folder, opened.settings.routes_file),
        folder=Path.cwd(),
    )
    opened.ledger.attach_run(job.id, run.run_id)
    context.instance.add_run_tags(run.run_id, tags_of(job))
    return job


def _wait(process: WorkerProcess, context: dg.OpExecutionContext, ledger: Ledger, batch_job_id: str) -> None:
    """Until the run that carries the batch job out has ended; an interrupt of this process drains the batch job."""
    while process.is_alive:
        try:
            sleep(CHECK_SECONDS)
        except DagsterExecutionInterruptedError:
            drain(context, ledger, batch_job_id)


def _mirrored(context: dg.OpExecutionContext, job: BatchJob, process: WorkerProcess) -> dg.Output[None]:
    """The end of the batch job as the end of this run; raises dg.Failure for any but a success."""
    match job.status:
        case JobStatus.COMPLETED if process.has_succeeded:
            return dg.Output(None, metadata={"batch_job_id": job.id, "run_id": job.run_id or ""})
        case JobStatus.PAUSED | JobStatus.CANCELLED:
            raise end_without_result(context, f"batch job {job.id}: {job.error or job.status.value}")
        case JobStatus.FAILED:
            raise dg.Failure(description=job.error or f"batch job {job.id} failed", allow_retries=False)
        case _:
            reason = f"the run of batch job {job.id} broke off; what finished is kept. {process.last_words()}"
            raise dg.Failure(description=reason, allow_retries=False)


@dg.job(
    name=OWN_PHASES_JOB,
    resource_defs={"services": services},
    # It waits for another process, and an interrupt has to reach it there.
    executor_def=dg.in_process_executor,
    description="Runs one batch job whose phases are its own, or differ from those of its pipeline.",
)
def own_phases() -> None:
    """One step that waits."""
    run_own_phases()
