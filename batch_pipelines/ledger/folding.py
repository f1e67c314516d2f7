"""What a group of reports amounts to: rows to write, events to tell. Pure; `checkpoints` writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from pydantic import JsonValue

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.events import ITEM_EVENTS, EventType
from batch_pipelines.domain.retrieval import Source
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger, move_item
from batch_pipelines.domain.trial import Assessment, Purpose, Trial
from batch_pipelines.ledger.events import NewEvent

MOOT = {
    ItemTrigger.START: (ItemStatus.RUNNING, ItemStatus.FAILED),
    ItemTrigger.FAIL: (ItemStatus.FAILED,),
}
"""Moves that another phase of the same item may have made before, by the statuses that show it."""
AttemptKey = tuple[int, str, int]
"""Item row, phase, number: what makes an attempt the same one."""


@dataclass(slots=True)
class Sums:
    """Attempts added up; `cost_usd` is the sum of known costs, `unknown_costs` counts the attempts left out of it.

    `unknown_usd` is what those may have cost at most.
    """

    attempts: int = 0
    unknown_costs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unknown_usd: Decimal = Decimal(0)
    duration_ms: float = 0.0
    model: str | None = None
    """That answered last."""

    def add(self, attempt: Attempt) -> None:
        """Count one attempt in."""
        self.attempts += 1
        self.duration_ms += attempt.duration_ms
        if attempt.purpose is Purpose.ANSWER:
            self.model = attempt.model
        if attempt.cost_usd is None:
            self.unknown_costs += 1
            self.unknown_usd += attempt.worst_case_usd
        else:
            self.cost_usd += attempt.cost_usd
        if attempt.usage is not None:
            self.input_tokens += attempt.usage.input_tokens
            self.output_tokens += attempt.usage.output_tokens
            self.cache_read_input_tokens += attempt.usage.cache_read_input_tokens
            self.cache_creation_input_tokens += attempt.usage.cache_creation_input_tokens


@dataclass(slots=True)
class PhaseNews:
    """What a group adds to one phase of one item."""

    sums: Sums = field(default_factory=Sums)
    output: str | None = None
    reused: bool = False
    completed_at: datetime | None = None
    trial: Trial | None = None
    assessment: Assessment | None = None
    sources: tuple[Source, ...] = ()


@dataclass(slots=True)
class ItemNews:
    """What a group adds to one item, and how it leaves it."""

    status: ItemStatus
    sums: Sums = field(default_factory=Sums)
    moved: bool = False
    started_at: datetime | None = None
    completed_at: datetime | None = None
    output: str | None = None
    error_category: ErrorCategory | None = None
    error_message: str | None = None
    quality_score: float | None = None


@dataclass(slots=True)
class Group:
    """Everything that one checkpoint writes, attempts excepted."""

    phases: dict[tuple[int, str], PhaseNews] = field(default_factory=dict)
    items: dict[int, ItemNews] = field(default_factory=dict)
    events: list[NewEvent] = field(default_factory=list)
    total: Sums = field(default_factory=Sums)
    simulated: bool = False
    """Whether a simulation gave any of the answers."""


def attempt_key(report: Report, attempt: Attempt) -> AttemptKey:
    """What makes the attempt of a report the same one when it is delivered again."""
    return report.row, report.phase, attempt.number


def fold(reports: Iterable[Report], statuses: Mapping[int, ItemStatus], fresh: set[AttemptKey]) -> Group:
    """Apply the reports in their order to items of these statuses; raises IllegalMove.

    `fresh` holds the attempts that were not known before. A report whose attempt is not among them was delivered
    before, and all of it is passed over.
    """
    group = Group()
    unseen = set(fresh)
    ended: Counter[ItemStatus] = Counter()
    for report in reports:
        if report.attempt is not None:
            key = attempt_key(report, report.attempt)
            if key not in unseen:
                continue
            unseen.remove(key)
        item = group.items.setdefault(report.row, ItemNews(statuses[report.row]))
        _fold_call(group, item, report)
        for trigger in _moves(item.status, report):
            _fold_move(group, item, report, trigger)
            if item.status.is_final:
                ended[item.status] += 1
    if group.total.attempts or group.phases:
        group.events.append(_progress(group, ended, report))
    return group


def _moves(status: ItemStatus, report: Report) -> tuple[ItemTrigger, ...]:
    """How the item moves, usually by the report's own trigger.

    Phases that run side by side tell of the same item: the first of them starts it, and the first that fails ends it.
    A run that was overtaken may answer late: an item that was released meanwhile is started and ended by the answer,
    one that another run ended stays as it is. The call was paid for in either case.
    """
    trigger = report.trigger
    if trigger is None or (status in MOOT.get(trigger, ())):
        return ()
    is_answer = report.attempt is not None or report.output is not None
    if not is_answer or trigger is ItemTrigger.START:
        return (trigger,)
    if status in (ItemStatus.PENDING, ItemStatus.RETRYING):
        return (ItemTrigger.START, trigger)
    return () if status.is_final else (trigger,)


def _fold_call(group: Group, item: ItemNews, report: Report) -> None:
    """Count the report's attempt in, and keep its phase's output or how far it is from one."""
    if report.attempt is None and report.output is None and report.trial is None:
        return
    phase = group.phases.setdefault((report.row, report.phase), PhaseNews())
    if report.attempt is not None:
        for sums in (phase.sums, item.sums, group.total):
            sums.add(report.attempt)
        group.simulated = group.simulated or report.attempt.simulated
    if report.trial is not None:
        phase.trial = report.trial
    if report.output is not None:
        phase.output, phase.completed_at, phase.reused = report.output, report.at, report.reused
        phase.assessment, phase.sources = report.assessment, report.sources
        if report.assessment is not None and report.assessment.score is not None:
            item.quality_score = report.assessment.score


def _fold_move(group: Group, item: ItemNews, report: Report, trigger: ItemTrigger) -> None:
    """Move the item, and tell of it."""
    item.status = move_item(report.item_id, item.status, trigger)
    item.moved = True
    item.completed_at = report.at if item.status.is_final else None
    item.error_category, item.error_message = None, None
    data: dict[str, JsonValue] = {"phase": report.phase}
    if trigger is ItemTrigger.START:
        item.started_at = item.started_at or report.at
    elif trigger is ItemTrigger.COMPLETE:
        item.output = report.output
    elif trigger is ItemTrigger.FAIL:
        item.error_category, item.error_message = _failure(report)
        data |= {"category": item.error_category.value, "message": item.error_message}
    group.events.append(NewEvent(ITEM_EVENTS[trigger], report.at, report.item_id, data))


def _failure(report: Report) -> tuple[ErrorCategory, str]:
    """Why the item failed: the error of its last call, or what kept the call from being made."""
    attempt, error = report.attempt, report.item_error
    if error is not None:
        return error.category, error.message
    if attempt is not None and attempt.error_category is not None:
        return attempt.error_category, attempt.error_message or ""
    raise ValueError(f"a report fails item {report.item_id!r} and says no reason; give its attempt an error_category")


def _progress(group: Group, ended: Counter[ItemStatus], last: Report) -> NewEvent:
    total = group.total
    data: dict[str, JsonValue] = {
        "phase": last.phase,
        "calls": total.attempts,
        "phases_completed": sum(news.completed_at is not None for news in group.phases.values()),
        "cost_usd": None if total.attempts and total.unknown_costs == total.attempts else str(total.cost_usd),
        **{status.value: count for status, count in ended.items()},
    }
    return NewEvent(EventType.BATCH_PROGRESS, last.at, None, data)
