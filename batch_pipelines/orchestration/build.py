"""Puts the Dagster definitions of pipelines together."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster_async_executor import async_executor

from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.orchestration.assets import SERVICES, estimate_check, pipeline_assets
from batch_pipelines.orchestration.services import services
from batch_pipelines.pipelines.catalogue import shipped_pipelines
from batch_pipelines.settings import ExecutorName, load_settings

EXECUTORS: dict[ExecutorName, dg.ExecutorDefinition] = {
    ExecutorName.ASYNC: async_executor,
    ExecutorName.IN_PROCESS: dg.in_process_executor,
    ExecutorName.MULTIPROCESS: dg.multiprocess_executor,
}


def code_location() -> dg.Definitions:
    """The shipped pipelines under the executor that the settings ask for."""
    return build_definitions(shipped_pipelines(), load_settings().executor)


def build_definitions(pipelines: Sequence[Pipeline], executor: ExecutorName) -> dg.Definitions:
    """A job of the same name for each pipeline, with its assets and its check."""
    return dg.Definitions(
        assets=[asset for pipeline in pipelines for asset in pipeline_assets(pipeline)],
        asset_checks=[estimate_check(pipeline) for pipeline in pipelines],
        jobs=[_job(pipeline) for pipeline in pipelines],
        resources={SERVICES: services},
        executor=EXECUTORS[executor],
    )


def _job(pipeline: Pipeline) -> dg.UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        pipeline.name,
        selection=dg.AssetSelection.groups(pipeline.name),
        description=f"{pipeline.description} Estimates, asks the gate, runs and reports one batch job.",
    )
