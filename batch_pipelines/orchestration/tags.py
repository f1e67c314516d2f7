"""Run tags: what a run says about its batch job, and what set by hand changes it (requirement D1)."""

from __future__ import annotations

from collections.abc import Mapping

from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.spec import Spec

PREFIX = "batch_pipelines/"
JOB_TAG = f"{PREFIX}batch_job_id"
TIER_TAG = f"{PREFIX}tier"
CONCURRENCY_TAG = f"{PREFIX}concurrency"


def tags_of(job: BatchJob) -> dict[str, str]:
    """What a run of this batch job is tagged with."""
    tags = {
        JOB_TAG: job.id,
        CONCURRENCY_TAG: str(job.concurrency),
        f"{PREFIX}priority": job.priority.value,
        f"{PREFIX}project": job.project,
    }
    return tags | ({TIER_TAG: job.tier} if job.tier else {})


def with_tags(spec: Spec, tags: Mapping[str, str]) -> Spec:
    """The spec with the tier and the concurrency that the run's tags ask for; raises InvalidInput naming the tag."""
    content = spec.model_dump(mode="json", exclude_unset=True)
    if TIER_TAG in tags:
        content["tier"] = tags[TIER_TAG]
    concurrency = concurrency_of(tags)
    if concurrency is not None:
        content["options"] = {**content.get("options", {}), "concurrency": concurrency}
    return parse_spec(content)


def concurrency_of(tags: Mapping[str, str]) -> int | None:
    """The concurrency that the run's tags ask for; raises InvalidInput when it is not a number."""
    value = tags.get(CONCURRENCY_TAG)
    if value is None:
        return None
    if not value.isdecimal():
        raise InvalidInput(f"run tag {CONCURRENCY_TAG}", value, "is not a whole number", "set it to 1 or more")
    return int(value)
