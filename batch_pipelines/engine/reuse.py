"""Finds answers that were bought before, so that a phase need not buy them again."""

from __future__ import annotations

from collections.abc import Sequence

from batch_pipelines.domain.answers import KeptAnswer
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.engine.prompts import Subject, request_of
from batch_pipelines.ledger.store import Ledger


def kept_answers(ledger: Ledger, job: BatchJob, phase: Phase, items: Sequence[WorkItem]) -> dict[int, KeptAnswer]:
    """By item row, the kept answers to what a phase would ask."""
    digests = {item.row: digest for item in items if (digest := _digest(job, phase, item))}
    kept = ledger.kept_answers(job.project, set(digests.values()), simulated=job.simulated)
    return {row: kept[digest] for row, digest in digests.items() if digest in kept}


def _digest(job: BatchJob, phase: Phase, item: WorkItem) -> str | None:
    """None for an item whose request cannot be made: that is told when its turn comes."""
    try:
        return answer_key(phase, request_of(job, phase, Subject.of(item))).digest
    except ProviderError:
        return None
