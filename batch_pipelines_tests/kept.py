"""Answers as an engine keeps them, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.job import Decided, PlannedItem
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.engine.prompts import Subject, request_of
from batch_pipelines.ledger.answers import keep_answers
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import phase_results
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.reports import make_attempt, make_report, rows_of

WORST_CASE = Decimal(1)


def output_of(phase: str, item_id: str) -> str:
    """What these tests take for the answer."""
    return f"{phase} of {item_id}"


def bought(
    job: Decided,
    items: Iterable[PlannedItem],
    phases: Iterable[str] | None = None,
    *,
    at: datetime = START,
    **changes: Any,
) -> list[Report]:
    """The calls that a job makes for these items, phase after phase; all phases unless told, COST each."""
    wanted = tuple(phase.name for phase in job.pipeline.phases) if phases is None else tuple(phases)
    attempt = make_attempt(**{"simulated": job.simulated, "worst_case_usd": WORST_CASE, **changes})
    reports = []
    for item in items:
        outputs: dict[str, str] = {}
        for phase in job.pipeline.phases:
            subject = Subject(item.parameters, item.tier, item.complexity, dict(outputs))
            key = answer_key(phase, request_of(job, phase, subject))
            output = outputs[phase.name] = output_of(phase.name, item.item_id)
            if phase.name in wanted:
                reports.append(Report(0, item.item_id, phase.name, at, attempt=attempt, output=output, answer_key=key))
    return reports


def keep(ledger: Ledger, job: Decided, items: Iterable[PlannedItem], *phases: str, **changes: Any) -> None:
    """Keep the answers of these items; of all phases where none is named."""
    with writing(ledger._engine) as connection:
        keep_answers(connection, job.project, job.pipeline.name, bought(job, items, phases or None, **changes))


def finish(ledger: Ledger, batch_job_id: str, phase: str, at: datetime, *, reused: bool = False) -> None:
    """End this phase of the first item of a job that runs, by a call, or with a kept answer."""
    (row, *_) = rows_of(ledger, batch_job_id)
    item = ledger.results(batch_job_id)[0]
    report = replace(make_report(row, phase, trigger=ItemTrigger.START), item_id=item.item_id, at=at)
    attempt = make_attempt(worst_case_usd=WORST_CASE, simulated=ledger.job(batch_job_id).simulated)
    done = replace(report, trigger=None, attempt=attempt, output=output_of(phase, item.item_id))
    ledger.record(batch_job_id, [done] if item.phase_outputs else [report, done])
    if reused:
        of_phase = (phase_results.c.item_row == row) & (phase_results.c.phase == phase)
        with writing(ledger._engine) as connection:
            connection.execute(update(phase_results).where(of_phase).values(reused=True))
