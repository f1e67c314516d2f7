"""Outputs that take no call: kept answers, and records put together from what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batch_pipelines.domain.answers import KeptAnswer
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.trial import Assessment
from batch_pipelines.engine.checking import look_over
from batch_pipelines.engine.prompts import Subject, record_of
from batch_pipelines.quality.cascade import cut


@dataclass(frozen=True, slots=True)
class Given:
    """A phase's output for an item, or why there is none."""

    output: str = ""
    error: ProviderError | None = None
    """Why the item fails."""
    reused: bool = False
    """Whether it is a kept answer."""
    assessment: Assessment | None = None


def kept(answers: Mapping[int, KeptAnswer]) -> dict[int, Given]:
    """Kept answers as outputs, by item row."""
    return {row: Given(answer.output, reused=True, assessment=answer.assessment) for row, answer in answers.items()}


def records(phase: Phase, items: Sequence[WorkItem]) -> dict[int, Given]:
    """The outputs of a record phase by item row; a record that does not pass the phase's checks fails its item."""
    return {item.row: _record(phase, item) for item in items}


def _record(phase: Phase, item: WorkItem) -> Given:
    try:
        output = record_of(phase, Subject.of(item))
    except ProviderError as error:
        return Given(error=error)
    problems = look_over(phase, output, item.parameters)
    if isinstance(problems, ProviderError):
        return Given(error=problems)
    if problems:
        return Given(error=ProviderError(ErrorCategory.VALIDATION, " ".join(cut(problems))))
    return Given(output)
