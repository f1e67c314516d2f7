"""Live progress of a batch job, read from the ledger, on a terminal or line by line."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from batch_pipelines.analytics.wording import count, money
from batch_pipelines.cli.output import plain, stderr
from batch_pipelines.cli.summary import rate
from batch_pipelines.control.status import JobStatusView, view_status
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.estimation.duration import formatted
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.worker_process import WorkerProcess

POLL_SECONDS = 0.25
LINE_SECONDS = 2.0
"""Between lines where there is no terminal to draw on."""


def follow(ledger: Ledger, batch_job_id: str, worker: WorkerProcess | None) -> bool:
    """Show progress until the run is over; whether the user interrupted it.

    With a worker, a first interrupt pauses the batch job and a second ends the run at once; without one, an interrupt
    only ends the watching.
    """
    console = stderr()
    before = view = view_status(ledger, batch_job_id)
    display = _Bar(console) if console.is_terminal else _Lines(console)
    asked = False
    with _interrupts() as interrupts, display:
        while True:
            # Asked before the ledger is, so that the last look at that sees how the run ended.
            over = _is_settled(view.status) if worker is None else not worker.is_alive
            view = _looked_again(ledger, view, worker)
            waiting = _is_waiting(view, before, worker)
            display.show(view, waiting=waiting)
            if over or (worker is None and interrupts.count):
                return interrupts.count > 0
            if worker is not None and interrupts.count > 1:
                worker.kill()
            elif interrupts.count and not asked:
                asked = _ask_for_pause(ledger, view, waiting)
            time.sleep(POLL_SECONDS)


def _ask_for_pause(ledger: Ledger, view: JobStatusView, waiting: bool) -> bool:
    """Have the batch job drained; whether there is nothing more to ask for.

    A run that goes on with a crashed one takes older requests for that one's, so it must have begun.
    """
    if waiting and view.status is JobStatus.RUNNING:
        return False
    if waiting or not _is_settled(view.status):
        ledger.request(view.id, RequestKind.PAUSE, by="user", reason="interrupted from the keyboard")
        kept = "no call will be made" if waiting else "calls in flight finish and are kept"
        stderr().print(f"Interrupted: {kept}. Interrupt again to end at once.")
    return True


def _is_waiting(view: JobStatusView, before: JobStatusView, worker: WorkerProcess | None) -> bool:
    """Whether a run has yet to take the batch job on, as far as anybody can see."""
    if worker is None:
        return view.status is JobStatus.PENDING
    return (view.run_id, view.status) == (before.run_id, before.status)


def _is_settled(status: JobStatus) -> bool:
    return status.is_final or status is JobStatus.PAUSED


def _looked_again(ledger: Ledger, last: JobStatusView, worker: WorkerProcess | None) -> JobStatusView:
    """The status now; the last one where the ledger is away for a moment, as a run of ours must not end by that."""
    try:
        return view_status(ledger, last.id)
    except LedgerUnavailable:
        if worker is None:
            raise
        return last


class _Count:
    """How often the user interrupted."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1


@contextmanager
def _interrupts() -> Iterator[_Count]:
    """Count Ctrl-C and SIGTERM instead of dying of them."""
    counter = _Count()
    before = {number: signal.signal(number, counter) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield counter
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Bar:
    """A bar that moves."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[status]}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> _Bar:
        self._progress.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.__exit__(None, None, None)

    def show(self, view: JobStatusView, *, waiting: bool) -> None:
        """Draw where the batch job is."""
        status, facts = plain(_headline(view, waiting)), ", ".join(_facts(view))
        if self._task is None:
            self._task = self._progress.add_task("", total=view.progress.total, status=status, facts=facts)
        self._progress.update(self._task, completed=_ended(view), status=status, facts=facts)


class _Lines:
    """A line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line = ""
        self._headline = ""
        self._at = float("-inf")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, view: JobStatusView, *, waiting: bool) -> None:
        """Print where the batch job is, when that is news."""
        headline = _headline(view, waiting)
        line = f"{headline}: {_ended(view):,} of {count(view.progress.total, 'item')}"
        due = time.monotonic() - self._at >= LINE_SECONDS or headline != self._headline
        if line != self._line and due:
            self._line, self._headline, self._at = line, headline, time.monotonic()
            self._console.print(plain(", ".join([line, *_facts(view)])), soft_wrap=True)


def _ended(view: JobStatusView) -> int:
    progress = view.progress
    return progress.completed + progress.failed + progress.skipped + progress.cancelled


def _headline(view: JobStatusView, waiting: bool) -> str:
    if waiting:
        return "starting"
    return view.current_phase or view.status.value


def _facts(view: JobStatusView) -> list[str]:
    facts = [money(view.cost_usd)] if view.cost_usd else []
    if view.progress.failed:
        facts.append(f"{view.progress.failed:,} failed")
    if view.items_per_minute:
        facts.append(rate(view.items_per_minute))
    if view.remaining_seconds:
        facts.append(f"about {formatted(view.remaining_seconds)} left")
    return facts
