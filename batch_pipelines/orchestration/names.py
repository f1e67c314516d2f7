"""What Dagster calls the jobs of pipelines: some words that name a pipeline are no names of Dagster."""

from __future__ import annotations

from dagster._core.definitions.utils import is_valid_name

from batch_pipelines.pipelines.catalogue import OWN_PHASES

OWN_PHASES_JOB = OWN_PHASES
"""The job that runs batch jobs whose phases no other job has."""


def job_name(pipeline_name: str) -> str:
    """The Dagster job of a pipeline: its name, or `import_` where that is a word like `import`.

    Names that end so already get one more, so that two pipelines never share a job.
    """
    word = pipeline_name.rstrip("_")
    is_taken = not is_valid_name(word) or word == OWN_PHASES_JOB
    return f"{pipeline_name}_" if is_taken else pipeline_name


def plan_op(pipeline_name: str) -> str:
    """The op behind the asset `plan` of a pipeline, which takes the config of a run."""
    return f"{pipeline_name}__plan"
