"""Adds to items the passages that a phase's prompt is to have."""

from __future__ import annotations

import json
from collections.abc import Sequence

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import Decided, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.engine.given import Given
from batch_pipelines.engine.prompts import Subject, render
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.vectors import has_direction
from batch_pipelines.retrieval.finding import Asked, find_passages, name_of_vectors


def with_passages(
    ledger: Ledger, job: Decided, phase: Phase, items: Sequence[WorkItem]
) -> tuple[list[WorkItem], dict[int, Given]]:
    """The items with what retrieval finds for them, in one look at the ledger for all of them.

    And by row why there is none for an item whose query cannot be rendered: an answer without its passages would look
    like any other.
    """
    asked: dict[int, Asked] = {}
    refused: dict[int, Given] = {}
    for item in items:
        try:
            asked[item.row] = _asked(job, phase, item)
        except ProviderError as error:
            refused[item.row] = Given(error=error)
    passages = find_passages(ledger, job.project, phase.retrieval, list(asked.values()))
    found = dict(zip(asked, passages, strict=True))
    return [item.model_copy(update={"passages": found.get(item.row, ())}) for item in items], refused


def _asked(job: Decided, phase: Phase, item: WorkItem) -> Asked:
    retrieval = phase.retrieval
    query = None if retrieval.query is None else render(phase, retrieval.query, Subject.of(item))
    if retrieval.vectors_from is None:
        return Asked(query=query, parameters=item.parameters)
    vector = json.loads(item.phase_outputs[retrieval.vectors_from])
    if not has_direction(vector):
        message = f"the vector of phase {retrieval.vectors_from} has no direction, so nothing is near it"
        raise ProviderError(ErrorCategory.INVALID_RESPONSE, message)
    name = vectors_name(job, phase, item.complexity, item.tier)
    return Asked(query=query, parameters=item.parameters, vector=vector, vectors_of=name)


def vectors_name(
    job: Decided, phase: Phase, complexity: Complexity = Complexity.MODERATE, tier: Tier | None = None
) -> str | None:
    """The name of the vectors with which a phase compares those of its items; None where it looks by words."""
    if phase.retrieval.vectors_from is None:
        return None
    source = job.pipeline.phase(phase.retrieval.vectors_from)
    model = job.pipeline.model_of(source, job.options.model, complexity, tier)
    return None if model is None else name_of_vectors(model, simulated=job.simulated)
