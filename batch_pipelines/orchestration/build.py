"""Puts the Dagster definitions of pipelines together."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster_async_executor import async_executor

from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.orchestration.assets import SERVICES, estimate_check, pipeline_assets
from batch_pipelines.orchestration.names import job_name
from batch_pipelines.orchestration.own_phases import own_phases
from batch_pipelines.orchestration.schedules import schedules_of
from batch_pipelines.orchestration.services import services
from batch_pipelines.orchestration.tags import job_tags
from batch_pipelines.pipelines.catalogue import pipelines_by_folder
from batch_pipelines.settings import ExecutorName, load_settings

EXECUTORS: dict[ExecutorName, dg.ExecutorDefinition] = {
    ExecutorName.ASYNC: async_executor,
    ExecutorName.IN_PROCESS: dg.in_process_executor,
    ExecutorName.MULTIPROCESS: dg.multiprocess_executor,
}


def code_location() -> dg.Definitions:
    """The shipped pipelines, and those of the deployment's folder, under the executor that the settings ask for.

    Raises InvalidInput for a pipeline that cannot be loaded.
    """
    settings = load_settings()
    pipelines = pipelines_by_folder(settings.pipelines_folder, settings.routes_file)
    schedules = [schedule for folder, pipeline in pipelines.items() for schedule in schedules_of(pipeline, folder)]
    return build_definitions(list(pipelines.values()), settings.executor, schedules)


def build_definitions(
    pipelines: Sequence[Pipeline], executor: ExecutorName, schedules: Sequence[dg.ScheduleDefinition] = ()
) -> dg.Definitions:
    """A job for each pipeline, with its assets and its check, and the one for phases that have none."""
    return dg.Definitions(
        assets=[asset for pipeline in pipelines for asset in pipeline_assets(pipeline)],
        asset_checks=[estimate_check(pipeline) for pipeline in pipelines],
        jobs=[*(_job(pipeline) for pipeline in pipelines), own_phases],
        schedules=schedules,
        resources={SERVICES: services},
        executor=EXECUTORS[executor],
    )


def _job(pipeline: Pipeline) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        job_name(pipeline.name),
        selection=dg.AssetSelection.groups(pipeline.name),
        description=f"{pipeline.description} Estimates, asks the gate, runs and reports one batch job.",
        tags=job_tags(pipeline),
    )
