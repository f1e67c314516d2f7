"""Adds to items the passages that a phase's prompt is to have."""

from __future__ import annotations

import json
from collections.abc import Sequence

from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.job import Decided, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.engine.prompts import Subject, render
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.retrieval.finding import Asked, find_passages, name_of_vectors


def with_passages(ledger: Ledger, job: Decided, phase: Phase, items: Sequence[WorkItem]) -> list[WorkItem]:
    """The items with what retrieval finds for them, in one look at the ledger for all of them.

    An item whose query cannot be rendered has no passages: its prompt names what is missing when its turn comes.
    """
    asked = [_asked(job, phase, item) for item in items]
    found = iter(find_passages(ledger, job.project, phase.retrieval, [each for each in asked if each is not None]))
    return [
        item if each is None else item.model_copy(update={"passages": next(found)})
        for item, each in zip(items, asked, strict=True)
    ]


def _asked(job: Decided, phase: Phase, item: WorkItem) -> Asked | None:
    retrieval = phase.retrieval
    try:
        query = None if retrieval.query is None else render(phase, retrieval.query, Subject.of(item))
    except ProviderError:
        return None
    if retrieval.vectors_from is None:
        return Asked(query=query, parameters=item.parameters)
    vector = json.loads(item.phase_outputs[retrieval.vectors_from])
    return Asked(query=query, parameters=item.parameters, vector=vector, vectors_of=_vectors_of(job, phase, item))


def _vectors_of(job: Decided, phase: Phase, item: WorkItem) -> str | None:
    """The name of the vectors that the item's vector can be compared with."""
    assert phase.retrieval.vectors_from is not None, "the caller looked"
    source = job.pipeline.phase(phase.retrieval.vectors_from)
    model = job.pipeline.model_of(source, job.options.model, item.complexity, item.tier)
    return None if model is None else name_of_vectors(model, simulated=job.simulated)
