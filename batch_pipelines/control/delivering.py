"""Brings the results of a batch job to where they should go (requirements B5, F7)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from batch_pipelines.addresses import locate, replaced
from batch_pipelines.control.vectors import keep_vectors
from batch_pipelines.delivery.writing import write_results
from batch_pipelines.domain.delivery import Delivery, DeliveryFormat
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.ledger.store import Ledger

FIELD = "delivery"
PLACEHOLDERS = ("{job}", "{pipeline}")

_PLACEHOLDER = re.compile(r"\{\w*\}")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was delivered."""

    path: str
    """Or address in a cloud."""
    rows: int
    """Of the file; of a report, the items that it is about."""
    repeats: int
    """Rows that were left out, as an earlier one had the same output."""
    vectors: int | None
    """Passages that got a vector; None where none was to."""


def with_delivery(pipeline: Pipeline, wanted: Delivery | None, folder: Path) -> Pipeline:
    """The pipeline with its delivery as a batch job keeps it: `wanted` or its own, with a path from the root.

    A relative path starts at `folder`. Raises InvalidInput for one that cannot be carried out, as far as that can be
    seen before there are results.
    """
    delivery = wanted or pipeline.delivery
    if delivery is None:
        return pipeline
    check_delivery(delivery, pipeline)
    path = locate(delivery.to, folder, f"{FIELD}.to")
    if isinstance(path, Path):
        _check_place(path.absolute())
        delivery = delivery.model_copy(update={"to": str(path.absolute())})
    return pipeline.model_copy(update={"delivery": delivery})


def check_delivery(delivery: Delivery, pipeline: Pipeline) -> None:
    """Raises InvalidInput for fields that do not fit together, or the pipeline."""
    file_format = format_of(delivery)
    if delivery.group_by is not None and file_format is not DeliveryFormat.MARKDOWN:
        problem = f"is set, but only a report is grouped, and this is {file_format.value}"
        raise InvalidInput(f"{FIELD}.group_by", delivery.group_by, problem, "deliver to a .md file, or take it out")
    if delivery.to_index and all(phase.kind is not PhaseKind.EMBEDDING for phase in pipeline.phases):
        problem = f"is set, but no phase of {pipeline.name} makes vectors"
        raise InvalidInput(f"{FIELD}.to_index", True, problem, "take it out")
    for name in _PLACEHOLDER.findall(delivery.to):
        if name not in PLACEHOLDERS:
            remedy = f"use {' or '.join(PLACEHOLDERS)}"
            raise InvalidInput(f"{FIELD}.to", delivery.to, f"has {name}, which stands for nothing", remedy)


def _check_place(path: Path) -> None:
    """Raises InvalidInput for a whole path that nothing can be written to as things are."""
    if path.is_dir():
        raise InvalidInput(f"{FIELD}.to", str(path), "is a folder", "name a file")
    there = next(folder for folder in path.parents if folder.exists())
    if not there.is_dir():
        raise InvalidInput(f"{FIELD}.to", str(path), f"cannot be made: {there} is no folder", "name another path")
    if not os.access(there, os.W_OK | os.X_OK):
        problem = f"cannot be made: nobody lets you write in {there}"
        raise InvalidInput(f"{FIELD}.to", str(path), problem, "name another path, or ask for the right to")


def format_of(delivery: Delivery) -> DeliveryFormat:
    """The format that it says, or its ending tells; raises InvalidInput where neither does."""
    found = delivery.format or DeliveryFormat.of_ending(delivery.to)
    if found is None:
        known = ", ".join(DeliveryFormat)
        problem = "has an ending that tells no format"
        raise InvalidInput(
            f"{FIELD}.to", delivery.to, problem, f"end it with .jsonl, .csv, .parquet or .md, or say {known}"
        )
    return found


def deliver(ledger: Ledger, job: BatchJob, delivery: Delivery) -> Delivered:
    """Write what the batch job has come to so far, and note in the ledger where, or why not.

    Relative paths start at the working directory. A file that is there is replaced by a whole new one, or stays as it
    is. Raises InvalidInput.
    """
    to = delivery.to.replace("{job}", job.id).replace("{pipeline}", job.pipeline.name)
    try:
        file_format, path = format_of(delivery), locate(to, Path.cwd(), f"{FIELD}.to")
        with replaced(path, f"{FIELD}.to") as file:
            written = write_results(file, job, partial(ledger.iter_results, job.id), delivery, file_format)
    except InvalidInput as error:
        ledger.note_delivery(job.id, to, problem=str(error))
        raise
    ledger.note_delivery(job.id, str(path), rows=written.rows)
    vectors = keep_vectors(ledger, job.id) if delivery.to_index else None
    return Delivered(str(path), written.rows, written.repeats, vectors)
