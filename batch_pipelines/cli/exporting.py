"""`export`: the results of a batch job as a file."""

from __future__ import annotations

from dataclasses import asdict

from batch_pipelines.analytics.wording import count
from batch_pipelines.cli.opening import opened_ledger
from batch_pipelines.cli.output import plain, print_json, stderr, stdout
from batch_pipelines.control.delivering import check_delivery, deliver
from batch_pipelines.domain.delivery import Content, Delivery, DeliveryFormat
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus


def export_results(
    batch_job_id: str,
    to: str | None,
    file_format: DeliveryFormat | None,
    content: Content | None,
    group_by: str | None,
    as_json: bool,
) -> None:
    """Write what there is of the results, whatever the status; by its own delivery where nothing else is said."""
    with opened_ledger() as ledger:
        job = ledger.job(batch_job_id)
        delivery = wanted_delivery(job, to, file_format, content, group_by)
        check_delivery(delivery, job.pipeline)
        if job.status is not JobStatus.COMPLETED:
            stderr().print(f"Batch job {job.id} is {job.status}; this is what it has come to so far.")
        delivered = deliver(ledger, job, delivery)
    if as_json:
        print_json({"id": job.id, "status": job.status.value, **asdict(delivered)})
        return
    facts = [count(delivered.rows, "row")]
    if delivered.repeats:
        facts.append(f"{count(delivered.repeats, 'repeat')} left out")
    if delivered.vectors is not None:
        facts.append(f"{count(delivered.vectors, 'vector')} indexed")
    stdout().print(f"{plain(delivered.path)}: {', '.join(facts)}", soft_wrap=True)


def wanted_delivery(
    job: BatchJob,
    to: str | None,
    file_format: DeliveryFormat | None,
    content: Content | None,
    group_by: str | None,
) -> Delivery:
    """The batch job's own delivery with what was said in its place; raises InvalidInput where none says where to."""
    own = job.pipeline.delivery
    said = {
        name: value
        for name, value in {"format": file_format, "content": content, "group_by": group_by}.items()
        if value is not None
    }
    if to is not None:
        # Its format and its groups belonged to another file, and what it did to the index is done.
        kept = own.model_dump(include={"content", "distinct"}) if own else {}
        return Delivery.model_validate({**kept, **said, "to": to})
    if own is None:
        raise InvalidInput("--to", None, "is missing", "name a file; the batch job has no delivery of its own")
    return own.model_copy(update=said)
