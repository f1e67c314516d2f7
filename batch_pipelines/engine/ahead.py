"""Takes items on to their next phases before Dagster asks for those, so that no item waits for its partition."""

from __future__ import annotations

from collections.abc import Iterator

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.engine.work import Call, PartitionRun

Span = tuple[int, int]
"""Positions [start, stop) of an item partition."""


class Ahead:
    """Runs of phases that nobody asked for yet, in one batch job; lives on the engine's event loop.

    An item whose phase ended in this session has never been in a later one, so nothing that an earlier run knew of it
    there can be missed. Phases that look something up for each item wait until they are asked for: the ledger is asked
    for many items at once. Nothing is done ahead where another process may be asked for it (`is_alone` False).
    """

    def __init__(self, job: BatchJob, *, is_alone: bool) -> None:
        self._pipeline = job.pipeline
        self._runs: dict[tuple[Span, str], PartitionRun] = {}
        self._outputs: dict[int, dict[str, str]] = {}
        """By item row, outputs that a phase needs together with others that are not there yet."""
        self._is_over = not is_alone or job.options.answer_cache is not AnswerCache.OFF

    def take(self, span: Span, phase: Phase) -> PartitionRun:
        """The run of a phase that is asked for now, with what was done ahead of it."""
        return self._runs.pop((span, phase.name), None) or self._new(span, phase)

    def follow(self, call: Call, output: str) -> Iterator[Call]:
        """The calls that an item's new output makes possible."""
        if self._is_over or call.run.is_last:
            return
        name, row = call.run.phase.name, call.item.row
        outputs = {**call.item.phase_outputs, **self._outputs.pop(row, {}), name: output}
        for phase in filter(_can_go_ahead, self._pipeline.phases):
            needs = self._pipeline.needs[phase.name]
            if any(needed not in outputs for needed in needs):
                if not outputs.keys().isdisjoint(needs):
                    self._outputs[row] = outputs
            elif name in needs:
                yield self._call(call, phase, outputs)

    def forget(self, row: int) -> None:
        """The item failed, or is left to a later run."""
        self._outputs.pop(row, None)

    def end(self) -> None:
        """Nothing more is done that nobody asked for."""
        self._is_over = True

    def _call(self, call: Call, phase: Phase, outputs: dict[str, str]) -> Call:
        span = call.run.span
        run = self._runs.setdefault((span, phase.name), self._new(span, phase))
        item = call.item.model_copy(
            update={"phase_outputs": outputs, "attempts": 0, "trial": None, "passages": ()},
        )
        following = Call(item, run, started=True)
        run.open.add(following)
        return following

    def _new(self, span: Span, phase: Phase) -> PartitionRun:
        return PartitionRun(phase, self._pipeline.is_last(phase), span)


def _can_go_ahead(phase: Phase) -> bool:
    return phase.kind is not PhaseKind.RECORD and not phase.use_rag
