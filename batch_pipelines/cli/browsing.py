"""Commands that look: `status`, `list`, `results`, `analytics`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from batch_pipelines.analytics.wording import count, milliseconds, money
from batch_pipelines.cli.opening import opened_ledger
from batch_pipelines.cli.output import plain, print_json, status_text, stderr, stdout, table
from batch_pipelines.cli.summary import print_analytics, print_status
from batch_pipelines.control.status import view_status
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.estimation.duration import formatted
from batch_pipelines.ledger.jobs import JobFilter

NAME_WIDTH = 24
"""Of the column that gives way on a narrow terminal."""


def show_status(batch_job_id: str, as_json: bool) -> None:
    """Where one batch job is."""
    with opened_ledger() as ledger:
        view = view_status(ledger, batch_job_id)
    if as_json:
        print_json(view)
    else:
        print_status(stdout(), view)


def show_list(wanted: JobFilter, as_json: bool) -> None:
    """Many batch jobs, newest first."""
    with opened_ledger() as ledger:
        views = [view_status(ledger, job.id) for job in ledger.list_jobs(wanted)]
    if as_json:
        print_json([view.model_dump(mode="json", exclude={"estimate"}) for view in views])
        return
    if not views:
        stderr().print("No batch job fits. Make one with `batch-pipelines run SPEC`.")
        return
    jobs = table("id", "status", "done", "cost", "time", "created (UTC)", "name", figures_from=None)
    for column in jobs.columns:
        column.no_wrap = True
    jobs.columns[-1].min_width = NAME_WIDTH
    for view in views:
        jobs.add_row(
            view.id,
            status_text(view.status),
            f"{view.progress.completed:,} of {view.progress.total:,}",
            money(view.cost_usd),
            formatted(view.elapsed_seconds) if view.elapsed_seconds else "",
            f"{view.created_at:%m-%d %H:%M}",
            f"{'[yellow](simulated)[/] ' if view.simulated else ''}{plain(view.name)}",
        )
    stdout().print(jobs)


def utc(moment: datetime | None) -> datetime | None:
    """A moment without a time zone is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def show_results(batch_job_id: str, as_json: bool, status: ItemStatus | None, limit: int | None) -> None:
    """The items, streamed, so that a large batch job is shown in flat memory."""
    with opened_ledger() as ledger:
        simulated = ledger.job(batch_job_id).simulated
        wanted = (item for item in ledger.iter_results(batch_job_id) if status in (None, item.status))
        items = islice(wanted, limit)
        if as_json:
            for item in items:
                sys.stdout.write(f"{json.dumps(item.as_line() | {'simulated': simulated})}\n")
        else:
            _print_results(items, simulated)


def _print_results(items: Iterator[ItemResult], simulated: bool) -> None:
    console = stdout()
    if simulated:
        console.print("[yellow]Simulated answers: no model wrote them.[/]")
        console.print()
    for item in items:
        console.print(f"[bold]{plain(item.item_id)}[/]  {'  '.join(_facts(item))}")
        if item.error is not None:
            console.print(f"{item.error.category} ({item.error.severity}): {item.error.message}", markup=False)
        if item.output is not None:
            # Line by line as the model wrote it: a pipe must not get lines that we broke.
            console.print(item.output, markup=False, soft_wrap=True)
        console.print()


def _facts(item: ItemResult) -> list[str]:
    facts = [status_text(item.status)]
    if item.tier is not None:
        facts.append(item.tier)
    if item.attempts:
        facts += [milliseconds(item.duration_ms), money(item.cost_usd), count(item.attempts, "call")]
    if item.model is not None:
        facts.append(plain(item.model))
    return facts


def show_analytics(batch_job_id: str, as_json: bool) -> None:
    """Cost, durations, errors and estimate against actual."""
    # pandas takes a second to import, and no other command needs it.
    from batch_pipelines.analytics.summary import summarize

    with opened_ledger() as ledger:
        job = ledger.job(batch_job_id)
        analytics = summarize(ledger, job)
    if as_json:
        print_json(analytics)
    else:
        print_analytics(stdout(), job, analytics)
