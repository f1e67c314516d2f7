"""Writes a file of results in the format that is asked for, in memory that does not grow with their number."""

from __future__ import annotations

from itertools import chain
from typing import BinaryIO, NamedTuple

from batch_pipelines.delivery.columns import Kind, columns_of
from batch_pipelines.delivery.jsonl import write_jsonl
from batch_pipelines.delivery.report import render_results
from batch_pipelines.delivery.rows import ID, Results, Row, Rows
from batch_pipelines.delivery.table import write_csv
from batch_pipelines.domain.delivery import Content, Delivery, DeliveryFormat
from batch_pipelines.domain.job import BatchJob


class Written(NamedTuple):
    """What a file holds."""

    rows: int
    """Of a report, the items that it is about."""
    repeats: int
    """Rows that were left out, as an earlier one had the same output."""


def write_results(
    file: BinaryIO, job: BatchJob, results: Results, delivery: Delivery, file_format: DeliveryFormat
) -> Written:
    """Write the results of a batch job, which are gone through once, or twice for a table.

    Raises InvalidInput where they do not fit the format.
    """
    rows = Rows(results, delivery.content, simulated=job.simulated, distinct=delivery.distinct)
    match file_format:
        case DeliveryFormat.JSONL:
            count = write_jsonl(file, rows)
        case DeliveryFormat.CSV:
            count = write_csv(file, rows, _columns(rows, delivery.content))
        case DeliveryFormat.PARQUET:
            # Its library takes a fifth of a second to import, and only this format needs it.
            from batch_pipelines.delivery.parquet import write_parquet

            facts = {"batch_job_id": job.id, "pipeline": job.pipeline.name, "simulated": str(job.simulated).lower()}
            count = write_parquet(file, rows, _columns(rows, delivery.content), facts)
        case DeliveryFormat.MARKDOWN:
            text, count = render_results(job, rows.wanted(), delivery.group_by)
            file.write(text.encode())
    return Written(count, rows.repeats)


def _columns(rows: Rows, content: Content) -> dict[str, Kind]:
    """The columns of a table, which has its first one also where no item has an output."""
    always: list[Row] = [{ID: ""}] if content is Content.OUTPUTS else []
    return columns_of(chain(always, rows))
