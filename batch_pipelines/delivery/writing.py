"""Writes a file of results in the format that is asked for, in memory that does not grow with their number."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from batch_pipelines.delivery.columns import columns_of
from batch_pipelines.delivery.jsonl import write_jsonl
from batch_pipelines.delivery.report import render_results
from batch_pipelines.delivery.rows import Results, Rows
from batch_pipelines.delivery.table import write_csv
from batch_pipelines.domain.delivery import Delivery, DeliveryFormat
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
            count = write_csv(file, rows, columns_of(rows))
        case DeliveryFormat.PARQUET:
            # Its library takes a fifth of a second to import, and only this format needs it.
            from batch_pipelines.delivery.parquet import write_parquet

            facts = {"batch_job_id": job.id, "pipeline": job.pipeline.name, "simulated": str(job.simulated).lower()}
            count = write_parquet(file, rows, columns_of(rows), facts)
        case DeliveryFormat.MARKDOWN:
            text, count = render_results(job, rows.wanted(), delivery.group_by)
            file.write(text.encode())
    return Written(count, rows.repeats)
