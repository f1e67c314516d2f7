"""A pipeline as a Dagster component: `type: batch_pipelines.BatchPipeline` in a `defs.yaml` (requirement B1)."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import dagster as dg
from pydantic import BaseModel

from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.orchestration.build import build_definitions
from batch_pipelines.orchestration.scaffolder import BatchPipelineScaffolder
from batch_pipelines.orchestration.schedules import schedules_of
from batch_pipelines.pipelines.authoring import PipelineFile
from batch_pipelines.pipelines.catalogue import read_pipeline
from batch_pipelines.pipelines.defaults import read_defaults
from batch_pipelines.settings import load_settings


@dg.scaffold_with(BatchPipelineScaffolder)
class BatchPipeline(dg.Component):
    """Runs language models over many items: a job of assets, with an op for each phase."""

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        self.pipeline = pipeline
        self.folder = folder

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        """What `dg` and editors know of the fields, and check before anything is loaded."""
        return PipelineFile

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        """How `dg list components` describes it."""
        return dg.ComponentTypeSpec(
            description="Language models over many items: phases with prompts, estimated before, durable during, "
            "accounted after.",
            tags=["ai", "llm", "batch"],
            produces=["asset", "asset_check", "job", "schedule"],
        )

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> Self:  # noqa: ARG003 - Dagster's call
        """From the file as it was written: Dagster would fill in the templates of prompts, which are for items.

        Raises InvalidInput naming file, line and field.
        """
        defaults = read_defaults(load_settings().routes_file)
        return cls(read_pipeline(context.path, defaults), context.path)

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The job of the pipeline, with its assets and its check, and the job for phases that have none."""
        schedules = schedules_of(self.pipeline, self.folder)
        return build_definitions([self.pipeline], load_settings().executor, schedules)
