"""The grouped checkpoint: finished calls become durable, many in one transaction (requirement D5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import JsonValue
from sqlalchemy import ColumnElement, Connection, RowMapping, bindparam, case, func, null, or_, select, update

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.events import ITEM_EVENTS, EventType
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import ITEM_SOURCES, ItemStatus
from batch_pipelines.ledger.answers import keep_answers
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.events import NewEvent, write_events
from batch_pipelines.ledger.folding import AttemptKey, Group, ItemNews, PhaseNews, Sums, attempt_key, fold
from batch_pipelines.ledger.rows import USAGE_COLUMNS, lock_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import (
    attempts,
    batch_items,
    batch_jobs,
    events,
    job_totals,
    phase_results,
    project_days,
)
from batch_pipelines.ledger.upsert import insert_returning_new, upsert

COUNTED = ("attempts", "unknown_costs", *USAGE_COLUMNS, "cost_usd", "duration_ms")
"""Columns that add up attempts, alike in phase_results, batch_items and job_totals."""

KEPT_IN_PHASES = ("quality_score", "model", "completed_at", "output", "assessment", "sources")
"""Columns that stay as they are where there is nothing new."""

# Statements are built once: building one takes longer than running it.
_STATUSES = select(batch_items.c.id, batch_items.c.status).where(
    batch_items.c.batch_job_id == bindparam("job"), batch_items.c.id.in_(bindparam("rows", expanding=True))
)
_NEW_ATTEMPTS = insert_returning_new(attempts, attempts.c.item_row, attempts.c.phase, attempts.c.number)
_TOTALLED = (*COUNTED, "unknown_usd")
_ADD_TO_JOB = {
    dialect: insert.returning(job_totals.c.cost_usd, job_totals.c.unknown_usd)
    for dialect, insert in upsert(
        job_totals, lambda new: {name: job_totals.c[name] + new[name] for name in _TOTALLED}
    ).items()
}
_ADD_TO_DAY = upsert(
    project_days, lambda new: {name: project_days.c[name] + new[name] for name in ("cost_usd", "unknown_usd")}
)
_ADD_TO_PHASES = upsert(
    phase_results,
    lambda new: {
        **{name: phase_results.c[name] + new[name] for name in COUNTED},
        **{name: func.coalesce(new[name], phase_results.c[name]) for name in KEPT_IN_PHASES},
        "trial": case((new["output"].is_not(None), null()), else_=func.coalesce(new["trial"], phase_results.c.trial)),
        "reused": or_(phase_results.c.reused, new["reused"]),
    },
)
# Named apart from the columns, as an UPDATE would otherwise take them for its own.
_PREFIX = "new_"


def _new(name: str) -> ColumnElement[Any]:
    return bindparam(_PREFIX + name, type_=batch_items.c[name].type)


_UPDATE_ITEMS = (
    update(batch_items)
    .where(batch_items.c.id == bindparam("row"))
    .values(
        {
            **{name: batch_items.c[name] + _new(name) for name in COUNTED},
            **{name: func.coalesce(_new(name), batch_items.c[name]) for name in ("model", "output", "quality_score")},
            # The first start counts, over all runs.
            "started_at": func.coalesce(batch_items.c.started_at, _new("started_at")),
        }
    )
)
_MOVE_ITEMS = _UPDATE_ITEMS.values(
    {name: _new(name) for name in ("status", "completed_at", "error_category", "error_message")}
)


_ATTEMPTS_OF = select(attempts.c.item_row, attempts.c.phase, attempts.c.number, attempts.c.started_at).where(
    attempts.c.item_row.in_(bindparam("of_rows", expanding=True))
)
_TOLD = select(events.c.item_id, events.c.type, events.c.at).where(
    events.c.batch_job_id == bindparam("of_job"), events.c.item_id.in_(bindparam("of_items", expanding=True))
)


class Checkpoints(Section):
    """The section that makes finished calls durable."""

    def record(self, batch_job_id: str, reports: Sequence[Report]) -> None:
        """Write a group of reports about one job, all or nothing, in a dozen statements at most, whatever its size.

        In this order: attempts; per item and phase the sums over all its attempts, of failed ones and earlier runs too;
        items, the job and the project's day with the same sums; answers to keep; moves and events of items; one
        `batch:progress`; a `batch:budget` where the job came to its warning share. A report whose attempt
        (item, phase, number, start) was written before is passed over whole; one that only has the number of another,
        because a run that was overtaken answers late, gets the next number. A move without an attempt is passed over
        where its event is there, so a group whose commit was not confirmed can be written again.

        Unknown is not zero: an attempt without a cost adds nothing to the sums and is counted apart, so that readers
        show None where no attempt's cost is known. Where some are, what they show is the known part.

        Raises IllegalMove, JobNotFound, and InvalidInput for a row that is none of the job's.
        """
        if not reports:
            return
        with writing(self._engine) as connection:
            job = lock_job(connection, batch_job_id)
            statuses = _statuses(connection, batch_job_id, {report.row for report in reports})
            told, fresh = _insert_attempts(connection, _news(connection, batch_job_id, reports, statuses))
            group = fold(told, statuses, fresh)
            _write_phases(connection, group)
            _write_items(connection, group)
            if group.total.attempts:
                _write_day(connection, job["project"], group.total, self._clock().date())
                group.events.extend(_write_totals(connection, job, group.total, self._clock()))
            keep_answers(connection, job["project"], job["pipeline_name"], told)
            write_events(connection, batch_job_id, group.events)
            if group.simulated and not job["simulated"]:
                connection.execute(update(batch_jobs).where(batch_jobs.c.id == batch_job_id).values(simulated=True))


def _statuses(connection: Connection, batch_job_id: str, rows: set[int]) -> dict[int, ItemStatus]:
    asked = {"job": batch_job_id, "rows": list(rows)}
    found = {row: ItemStatus(status) for row, status in connection.execute(_STATUSES, asked)}
    for row in rows - found.keys():
        raise InvalidInput("row", row, f"is no item of batch job {batch_job_id!r}", "take rows from partition_work")
    return found


def _news(
    connection: Connection, batch_job_id: str, reports: Sequence[Report], statuses: dict[int, ItemStatus]
) -> Sequence[Report]:
    """The reports less the moves without an attempt that were written before.

    Events tell which; they are read only where the first news of an item does not fit it.
    """
    first = {report.row: report for report in reversed(reports)}
    doubtful = {row: report.item_id for row, report in first.items() if not _fits(report, statuses[row])}
    if not doubtful:
        return reports
    asked = {"of_job": batch_job_id, "of_items": list(doubtful.values())}
    told = {(item_id, event_type, at) for item_id, event_type, at in connection.execute(_TOLD, asked)}
    return [
        report
        for report in reports
        if report.attempt is not None
        or report.trigger is None
        or (report.item_id, ITEM_EVENTS[report.trigger], report.at) not in told
    ]


def _fits(report: Report, status: ItemStatus) -> bool:
    """Whether an item of this status can move as it is told, or need not."""
    return report.attempt is not None or report.trigger is None or status in ITEM_SOURCES[report.trigger]


def _insert_attempts(connection: Connection, reports: Sequence[Report]) -> tuple[list[Report], set[AttemptKey]]:
    """Insert the attempts that are new; returns the reports with the numbers that these got, and their keys."""
    rows = [_attempt_row(report, report.attempt) for report in reports if report.attempt is not None]
    if not rows:
        return list(reports), set()
    insert_new = _NEW_ATTEMPTS[connection.dialect.name]
    fresh = {(row, phase, number) for row, phase, number in connection.execute(insert_new, rows)}
    told = list(reports)
    doubtful = [
        (place, report, report.attempt)
        for place, report in enumerate(reports)
        if report.attempt is not None and attempt_key(report, report.attempt) not in fresh
    ]
    known = _known_attempts(connection, {report.row for _, report, _ in doubtful})
    for place, report, attempt in doubtful:
        there = known[report.row, report.phase]
        if attempt.started_at not in there:
            renumbered = replace(attempt, number=max(there.values()) + 1)
            connection.execute(insert_new, [_attempt_row(report, renumbered)])
            told[place] = replace(report, attempt=renumbered)
            there[renumbered.started_at] = renumbered.number
            fresh.add(attempt_key(report, renumbered))
    return told, fresh


def _known_attempts(connection: Connection, rows: set[int]) -> dict[tuple[int, str], dict[datetime, int]]:
    """By item row and phase, the numbers of attempts by their start."""
    known: dict[tuple[int, str], dict[datetime, int]] = defaultdict(dict)
    if rows:
        for row, phase, number, start in connection.execute(_ATTEMPTS_OF, {"of_rows": list(rows)}):
            known[row, phase][start] = number
    return known


def _attempt_row(report: Report, attempt: Attempt) -> dict[str, Any]:
    row, phase, number = attempt_key(report, attempt)
    usage = attempt.usage
    return {
        "item_row": row,
        "phase": phase,
        "number": number,
        "purpose": attempt.purpose.value,
        "started_at": attempt.started_at,
        "duration_ms": attempt.duration_ms,
        "model": attempt.model,
        "simulated": attempt.simulated,
        **{name: None if usage is None else getattr(usage, name) for name in USAGE_COLUMNS},
        "cost_usd": attempt.cost_usd,
        "worst_case_usd": attempt.worst_case_usd,
        "request_id": attempt.request_id,
        "stop_reason": attempt.stop_reason,
        "error_category": attempt.error_category.value if attempt.error_category else None,
        "error_message": attempt.error_message,
    }


def _counted(sums: Sums, prefix: str = "") -> dict[str, Any]:
    return {prefix + name: getattr(sums, name) for name in COUNTED}


def _write_phases(connection: Connection, group: Group) -> None:
    rows = [
        {
            "item_row": row,
            "phase": phase,
            **_counted(news.sums),
            "quality_score": _score(news),
            "model": news.sums.model,
            "reused": news.reused,
            "completed_at": news.completed_at,
            "trial": None if news.trial is None or news.output is not None else news.trial.model_dump(mode="json"),
            "assessment": None if news.assessment is None else news.assessment.model_dump(mode="json"),
            "sources": [source.model_dump() for source in news.sources] or None,
            "output": news.output,
        }
        for (row, phase), news in group.phases.items()
    ]
    if rows:
        connection.execute(_ADD_TO_PHASES[connection.dialect.name], rows)


def _score(news: PhaseNews) -> float | None:
    return None if news.assessment is None else news.assessment.score


def _write_day(connection: Connection, project: str, total: Sums, day: date) -> None:
    row = {"project": project, "day": day, "cost_usd": total.cost_usd, "unknown_usd": total.unknown_usd}
    connection.execute(_ADD_TO_DAY[connection.dialect.name], row)


def _write_totals(connection: Connection, job: RowMapping, total: Sums, now: datetime) -> list[NewEvent]:
    """Returns the warning that the budget is nearly spent, where this brought the job there."""
    row = {"batch_job_id": job["id"], **_counted(total), "unknown_usd": total.unknown_usd}
    cost, unknown = connection.execute(_ADD_TO_JOB[connection.dialect.name], row).one()
    budget = Budget.model_validate(job["budget"])
    if budget.max_cost_usd is None:
        return []
    warn_at = budget.max_cost_usd * Decimal(str(budget.warn_at))
    added = total.cost_usd + total.unknown_usd
    if not cost + unknown - added < warn_at <= cost + unknown:
        return []
    data: dict[str, JsonValue] = {
        "charged_usd": str(cost + unknown),
        "max_cost_usd": str(budget.max_cost_usd),
        "warn_at": budget.warn_at,
    }
    return [NewEvent(EventType.BATCH_BUDGET, now, None, data)]


def _write_items(connection: Connection, group: Group) -> None:
    """One statement for items that a report moved, and one for those that only had calls."""
    # Sorted, so that PostgreSQL's row locks are taken in one order by everybody.
    news = sorted(group.items.items())
    moved = [{**_item_row(row, item), **_move(item)} for row, item in news if item.moved]
    called = [_item_row(row, item) for row, item in news if not item.moved]
    if moved:
        connection.execute(_MOVE_ITEMS, moved)
    if called:
        connection.execute(_UPDATE_ITEMS, called)


def _item_row(row: int, item: ItemNews) -> dict[str, Any]:
    return {
        "row": row,
        **_counted(item.sums, _PREFIX),
        _PREFIX + "model": item.sums.model,
        _PREFIX + "output": item.output,
        _PREFIX + "quality_score": item.quality_score,
        _PREFIX + "started_at": item.started_at,
    }


def _move(item: ItemNews) -> dict[str, Any]:
    return {
        _PREFIX + "status": item.status.value,
        _PREFIX + "completed_at": item.completed_at,
        _PREFIX + "error_category": item.error_category.value if item.error_category else None,
        _PREFIX + "error_message": item.error_message,
    }
