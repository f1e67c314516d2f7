"""Commands that look: `status`, `list`, `results`, `analytics`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from rich.table import Table

from batch_pipelines.cli.opening import opened_ledger
from batch_pipelines.cli.output import UNKNOWN, milliseconds, print_json, seconds, status_text, stderr, stdout, usd
from batch_pipelines.cli.summary import print_analytics, print_status
from batch_pipelines.control.status import view_status
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.ledger.jobs import JobFilter

ITEM_STYLES: dict[ItemStatus, str] = {
    ItemStatus.PENDING: "cyan",
    ItemStatus.RUNNING: "blue",
    ItemStatus.RETRYING: "blue",
    ItemStatus.COMPLETED: "green",
    ItemStatus.FAILED: "red",
    ItemStatus.SKIPPED: "yellow",
    ItemStatus.CANCELLED: "magenta",
}


def show_status(batch_job_id: str, as_json: bool) -> None:
    """Where one batch job is."""
    with opened_ledger() as ledger:
        view = view_status(ledger, batch_job_id)
    if as_json:
        print_json(view)
    else:
        print_status(stdout(), view)


def show_list(
    as_json: bool,
    project: str | None,
    status: JobStatus | None,
    pipeline: str | None,
    created_after: datetime | None,
    created_before: datetime | None,
    limit: int,
    offset: int,
) -> None:
    """Many batch jobs, newest first."""
    wanted = JobFilter(
        project=project,
        status=status,
        pipeline=pipeline,
        created_after=_utc(created_after),
        created_before=_utc(created_before),
        limit=limit,
        offset=offset,
    )
    with opened_ledger() as ledger:
        views = [view_status(ledger, job.id) for job in ledger.list_jobs(wanted)]
    if as_json:
        print_json([view.model_dump(mode="json", exclude={"estimate"}) for view in views])
        return
    if not views:
        stderr().print("No batch job fits. Make one with `batch-pipelines run SPEC`.")
        return
    table = Table("id", "status", "done", "cost", "time", "created", "name", box=None, padding=(0, 2, 0, 0))
    for view in views:
        table.add_row(
            view.id,
            status_text(view.status),
            f"{view.progress.completed:,} of {view.progress.total:,}",
            usd(view.cost_usd),
            seconds(view.elapsed_seconds),
            f"{view.created_at:%Y-%m-%d %H:%M}",
            f"{view.name}{' (simulated)' if view.simulated else ''}",
        )
    stdout().print(table)


def _utc(moment: datetime | None) -> datetime | None:
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
    for item in items:
        facts = [
            f"[{ITEM_STYLES[item.status]}]{item.status}[/]",
            item.tier or "",
            milliseconds(item.duration_ms),
            usd(item.cost_usd),
            f"{item.attempts} calls" if item.attempts != 1 else "1 call",
            item.model or UNKNOWN,
        ]
        console.print(f"[bold]{item.item_id}[/]  {'  '.join(fact for fact in facts if fact)}")
        if item.error is not None:
            console.print(f"  {item.error.category} ({item.error.severity}): {item.error.message}", markup=False)
        if item.output is not None:
            console.print(item.output, markup=False)
        console.print()


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
