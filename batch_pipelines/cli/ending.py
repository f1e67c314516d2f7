"""What a finished run leaves on the terminal: how it went, and where to go from here."""

from __future__ import annotations

from rich.console import Console
from sqlalchemy import make_url

from batch_pipelines.analytics.wording import count
from batch_pipelines.cli.summary import print_analytics, print_status
from batch_pipelines.control.status import JobStatusView
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.database import shown
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings


def print_ending(console: Console, ledger: Ledger, settings: Settings, view: JobStatusView) -> None:
    """The whole story of a batch job that completed; for others, why not and what to do about it."""
    console.print()
    if view.status is JobStatus.COMPLETED:
        # pandas takes a second to import, and only a batch job that is over needs it.
        from batch_pipelines.analytics.summary import summarize

        job = ledger.job(view.id)
        print_analytics(console, job, summarize(ledger, job))
    else:
        print_status(console, view)
    console.print()
    for title, text in _ways_on(settings, view):
        console.print(f"{title:<12} {text}", markup=False, soft_wrap=True)


def _ways_on(settings: Settings, view: JobStatusView) -> list[tuple[str, str]]:
    """Commands and addresses that make sense now, each under a word."""
    ways = [*_delivery(view), ("Results", f"batch-pipelines results {view.id}")]
    if view.status is JobStatus.COMPLETED:
        ways.append(("Analytics", f"batch-pipelines analytics {view.id}"))
    elif view.has_more_to_do:
        ways.append(("Go on", f"batch-pipelines resume {view.id}"))
    if view.run_id:
        ways.append(("Dagster run", f"{settings.dagster_url}/runs/{view.run_id} (start the UI with `make ui`)"))
    return [*ways, ("Ledger", shown(make_url(settings.ledger_url)))]


def _delivery(view: JobStatusView) -> list[tuple[str, str]]:
    """Where the file of its results is, or why there is none and how to get it."""
    note = view.delivery
    if note is None:
        return []
    if note.problem is None:
        return [("Delivered", f"{note.to} ({count(note.rows or 0, 'row')})")]
    return [("Undelivered", note.problem), ("Deliver it", f"batch-pipelines export {view.id}")]
