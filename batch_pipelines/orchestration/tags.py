"""Run tags: what a run says about its batch job, and what set by hand changes it (requirement D1)."""

from __future__ import annotations

from collections.abc import Mapping

from dagster._utils.tags import is_valid_tag_key

from batch_pipelines.control.overriding import Overrides
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import Priority

PREFIX = "batch_pipelines/"
JOB_TAG = f"{PREFIX}batch_job_id"
PARENT_TAG = f"{PREFIX}launched_by"
"""The run that waits for this one."""
TIER_TAG = f"{PREFIX}tier"
CONCURRENCY_TAG = f"{PREFIX}concurrency"
QUEUE_TAG = "dagster/priority"
QUEUE_ORDER = {Priority.LOW: -1, Priority.NORMAL: 0, Priority.HIGH: 1, Priority.CRITICAL: 2}
"""Dagster's run queue takes higher numbers first (requirement A9)."""


def tags_of(job: BatchJob) -> dict[str, str]:
    """What a run of this batch job is tagged with."""
    tags = {
        JOB_TAG: job.id,
        CONCURRENCY_TAG: str(job.concurrency),
        f"{PREFIX}priority": job.priority.value,
        QUEUE_TAG: str(QUEUE_ORDER[job.priority]),
        f"{PREFIX}project": job.project,
    }
    return tags | ({TIER_TAG: job.tier} if job.tier else {})


def job_tags(pipeline: Pipeline) -> dict[str, str]:
    """Of a pipeline's tags, those that its Dagster job can have too.

    Dagster takes no spaces in a key, and its own keys and ours tell a run how to go on.
    """
    return {
        key: value
        for key, value in pipeline.tags.items()
        if is_valid_tag_key(key) and not key.startswith((PREFIX, "dagster/", ".dagster/"))
    }


def overrides_of(tags: Mapping[str, str]) -> Overrides:
    """What a run's tags ask for; raises InvalidInput for a concurrency that is no number."""
    return Overrides(tier=tags.get(TIER_TAG), concurrency=_concurrency(tags.get(CONCURRENCY_TAG)))


def _concurrency(value: str | None) -> int | None:
    if value is None:
        return None
    if not value.isdecimal():
        raise InvalidInput(f"run tag {CONCURRENCY_TAG}", value, "is not a whole number", "set it to 1 or more")
    return int(value)
