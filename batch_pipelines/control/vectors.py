"""Gives a project's passages the vectors that a batch job made of them (requirement B8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

from batch_pipelines.domain.job import BatchJob, ItemResult
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.vectors import PassageVector, has_direction
from batch_pipelines.retrieval.finding import name_of_vectors


def keep_vectors(ledger: Ledger, batch_job_id: str) -> int:
    """Give passages the vectors that a batch job over them made; returns how many got one.

    Its items are passages (`items: {passages: "*"}`), and its first phase that embeds gave the vectors. A passage that
    says something else by now, or is gone, gets none, and so does one whose vector has no direction. 0 for a batch job
    about other things. Doing it again changes nothing. Raises JobNotFound.
    """
    job = ledger.job(batch_job_id)
    phase = next((each for each in job.pipeline.in_order if each.kind is PhaseKind.EMBEDDING), None)
    model = None if phase is None else job.pipeline.model_of(phase, job.options.model)
    if phase is None or model is None:
        return 0
    vectors = _vectors(ledger, job, phase)
    return ledger.set_vectors(job.project, name_of_vectors(model, simulated=job.simulated), vectors)


def _vectors(ledger: Ledger, job: BatchJob, phase: Phase) -> Iterator[PassageVector]:
    """Vectors of the items that are passages; others are passed over."""
    for result in ledger.iter_results(job.id):
        output, place = result.phase_outputs.get(phase.name), _place(result)
        if output is None or place is None:
            continue
        source, position, text = place
        if has_direction(vector := json.loads(output)):
            yield PassageVector(source, position, vector, text)


def _place(result: ItemResult) -> tuple[str, int, str] | None:
    """Source, position and text of the passage that an item is; None for another item."""
    source, position, text = (result.input.get(name) for name in ("source", "position", "text"))
    if isinstance(source, str) and isinstance(position, int) and isinstance(text, str):
        return source, position, text
    return None
