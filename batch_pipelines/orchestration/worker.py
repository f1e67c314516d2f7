"""A process that runs one batch job through its Dagster job: `python -m batch_pipelines.orchestration.worker ID`.

Where the code location of workspace.yaml has a job with the same phases, the run names that as its origin, as a run
launched from the UI does, so the UI links and re-executes it like any other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.definitions.reconstruct import build_reconstructable_job
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from filelock import FileLock

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.build import build_definitions
from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.orchestration.names import job_name, plan_op
from batch_pipelines.orchestration.own_phases import has_own_phases
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.orchestration.tags import PARENT_TAG, tags_of
from batch_pipelines.pipelines.catalogue import all_pipelines
from batch_pipelines.settings import Settings, load_settings

LOCATION = "batch_pipelines"
"""The code location's name in workspace.yaml."""
REPOSITORY = "__repository__"
"""What Dagster calls the one repository of a code location made from definitions."""
DEFINITIONS_MODULE = "batch_pipelines.definitions"


def job_definition(batch_job_id: str) -> dg.JobDefinition:
    """The Dagster job of a batch job, made from its pipeline as the ledger has it.

    So an edit of the pipeline changes nothing under way, and phases of its own have ops like any others.
    """
    settings = load_settings()
    with Ledger.open(settings.ledger_url, utc_now) as ledger:
        pipeline = ledger.job(batch_job_id).pipeline
    return build_definitions([pipeline], settings.executor).resolve_job_def(job_name(pipeline.name))


def run_config(job: BatchJob) -> dict[str, object]:
    """Config of a run that drives an existing batch job."""
    return {"ops": {plan_op(job.pipeline.name): {"config": {"batch_job_id": job.id}}}}


def _origin(pipeline: Pipeline, settings: Settings) -> RemoteJobOrigin | None:
    """Where a webserver with our workspace.yaml finds the job; None where it has none with these phases."""
    try:
        known = all_pipelines(settings.pipelines_folder, settings.routes_file)
    except InvalidInput:
        # Somebody edits a pipeline just now; that is no reason not to run another.
        return None
    if has_own_phases(pipeline, known):
        return None
    target = LoadableTargetOrigin(executable_path=sys.executable, module_name=DEFINITIONS_MODULE)
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, REPOSITORY), job_name(pipeline.name))


@contextmanager
def _opened_instance(home: Path) -> Iterator[dg.DagsterInstance]:
    """The instance, one process after the other: several that set its storage up at once would damage it."""
    with ExitStack() as stack:
        with FileLock(home / "instance.lock"):
            instance = stack.enter_context(dg.DagsterInstance.get())
            instance.get_runs_count()
        yield instance


def execute(batch_job_id: str, parent_run_id: str | None = None) -> bool:
    """Run the batch job to its end under the deployment's executor; whether Dagster calls it a success.

    `parent_run_id` is the run that started this process, if one did.
    """
    settings = load_settings()
    home = prepare_home(settings)
    with Ledger.open(settings.ledger_url, utc_now) as ledger:
        job = ledger.job(batch_job_id)
    reconstructable = build_reconstructable_job(
        __spec__.name, job_definition.__name__, reconstructable_args=(batch_job_id,)
    )
    with _opened_instance(home) as instance:
        run = instance.create_run_for_job(
            reconstructable.get_definition(),
            run_config=run_config(job),
            tags=tags_of(job) | ({PARENT_TAG: parent_run_id} if parent_run_id else {}),
            remote_job_origin=_origin(job.pipeline, settings),
            job_code_origin=reconstructable.get_python_origin(),
        )
        return execute_run(reconstructable, run, instance).success


if __name__ == "__main__":
    sys.exit(0 if execute(*sys.argv[1:]) else 1)
