"""Items from the results of an earlier batch job."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.inputs.source import FIELD, Record
from batch_pipelines.ledger.store import Ledger


def read_job(ledger: Ledger, batch_job_id: str, project: str) -> Iterator[Record]:
    """One item for each that the batch job completed, in its order.

    Its fields are those it had, with `id`, its `tier` if it has one, `output` and `phase_outputs`, which are texts as
    the results show them: an output that is JSON stays one, and a template reads it with `from_json`. Raises
    JobNotFound, and InvalidInput for a batch job that is not over or belongs to another project.
    """
    job = ledger.job(batch_job_id)
    field = f"{FIELD}.job"
    if job.project != project:
        problem = f"belongs to the project {job.project!r}, and the spec to {project!r}"
        raise InvalidInput(field, batch_job_id, problem, f"set `project: {job.project}` in the spec")
    if not job.status.is_final:
        problem = f"is {job.status.value!r}, so its results are not complete"
        raise InvalidInput(field, batch_job_id, problem, "wait until it has ended, or cancel it")
    for item in ledger.iter_results(batch_job_id):
        if item.status is ItemStatus.COMPLETED:
            yield Record(f"item {item.item_id!r}", _fields(item))


def _fields(item: ItemResult) -> dict[str, JsonValue]:
    fields: dict[str, JsonValue] = {**item.input, "id": item.item_id}
    if item.tier is not None:
        fields["tier"] = item.tier.value
    return {**fields, "output": item.output, "phase_outputs": dict(item.phase_outputs)}
