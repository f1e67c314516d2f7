"""Which calls of a batch job need not be made, because an answer to an equal request is kept."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.job import BatchJob, Decided, PlannedItem, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.engine.prompts import Subject, record_of, request_of
from batch_pipelines.estimation.savings import CallGroup, Savings
from batch_pipelines.ledger.store import Ledger

ITEMS_AT_ONCE = 1000
"""Whose requests and answers are in memory together."""

Item = PlannedItem | WorkItem


@dataclass(slots=True)
class _Found:
    """What is found so far."""

    calls: Counter[CallGroup] = field(default_factory=Counter)
    saved_usd: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    items: int = 0


def find_savings(ledger: Ledger, job: Decided, items: Iterable[Item]) -> Savings | None:
    """What kept answers save for these items of a batch job or a plan, none of which has begun.

    None where its options use no kept answers. An item's kept outputs lead to the requests of its later phases, up to
    the first that is not kept: what that one's answer will be nobody knows, so the rest are calls. So are those with
    passages, as an index may change until then. Of equal requests within the job none is counted, as long as none is
    kept. One look at the ledger for each phase of a thousand items.
    """
    if job.options.answer_cache is AnswerCache.OFF:
        return None
    found = _Found()
    rest = iter(items)
    while group := list(islice(rest, ITEMS_AT_ONCE)):
        _look_up(ledger, job, group, found)
    return Savings(found.calls, found.saved_usd, found.items)


def unfinished_items(ledger: Ledger, job: BatchJob) -> Iterator[WorkItem]:
    """The items that lack the first phase, in order, a thousand in memory at a time."""
    first = job.pipeline.in_order[0].name
    for start in range(0, job.total_items, ITEMS_AT_ONCE):
        yield from ledger.partition_work(job.id, first, start, start + ITEMS_AT_ONCE)


def _look_up(ledger: Ledger, job: Decided, items: Sequence[Item], found: _Found) -> None:
    """Take a group of items through the phases for as long as their answers are kept."""
    outputs: list[dict[str, str]] = [{} for _ in items]
    for phase in job.pipeline.in_order:
        needed = job.pipeline.needs[phase.name]
        reached = [each for each in zip(items, outputs, strict=True) if all(name in each[1] for name in needed)]
        if phase.kind is PhaseKind.RECORD:
            _put_together(phase, reached)
        elif not phase.use_rag:
            _find(ledger, job, phase, reached, found)
    found.items += sum(len(known) == len(job.pipeline.phases) for known in outputs)


def _put_together(phase: Phase, reached: Sequence[tuple[Item, dict[str, str]]]) -> None:
    """Records take no call, so they stand in nobody's way."""
    for item, outputs in reached:
        with suppress(ProviderError):
            outputs[phase.name] = record_of(phase, _subject(item, outputs))


def _find(
    ledger: Ledger, job: Decided, phase: Phase, reached: Sequence[tuple[Item, dict[str, str]]], found: _Found
) -> None:
    digests = [_digest(job, phase, item, outputs) for item, outputs in reached]
    wanted = {digest for digest in digests if digest is not None}
    kept = ledger.kept_answers(job.project, wanted, simulated=job.simulated) if wanted else {}
    for digest, (item, outputs) in zip(digests, reached, strict=True):
        if digest is not None and (answer := kept.get(digest)) is not None:
            found.calls[phase.name, item.tier, item.complexity] += 1
            found.saved_usd[phase.name] += answer.cost_usd
            outputs[phase.name] = answer.output


def _digest(job: Decided, phase: Phase, item: Item, outputs: dict[str, str]) -> str | None:
    """The key of an item's call; None where its prompt cannot be rendered, so that there will be none."""
    try:
        return answer_key(phase, request_of(job, phase, _subject(item, outputs))).digest
    except ProviderError:
        return None


def _subject(item: Item, outputs: dict[str, str]) -> Subject:
    return Subject(item.parameters, item.tier, item.complexity, outputs)
