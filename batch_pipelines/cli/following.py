"""Live progress of a batch job, read from the ledger, on a terminal or line by line."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from batch_pipelines.cli.output import seconds, stderr, usd
from batch_pipelines.cli.workers import Worker
from batch_pipelines.control.status import JobStatusView, view_status
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger

POLL_SECONDS = 0.25
LINE_SECONDS = 2.0
"""Between lines where there is no terminal to draw on."""


def follow(ledger: Ledger, batch_job_id: str, worker: Worker | None) -> bool:
    """Show progress until the run is over; whether the user interrupted it.

    With a worker, a first interrupt lets calls in flight finish and pauses the batch job, a second ends the run at
    once. Without one, an interrupt only stops the watching.
    """
    console = stderr()
    display = _Bar(console) if console.is_terminal else _Lines(console)
    with _interrupts() as interrupts, display:
        handled = 0
        while True:
            view = view_status(ledger, batch_job_id)
            display.show(view)
            if interrupts.count > handled:
                handled = interrupts.count
                if worker is None:
                    return True
                _interrupt(ledger, view, worker, handled, console)
            if worker is None and (view.status.is_final or view.status is JobStatus.PAUSED):
                return False
            if worker is not None and not worker.is_alive:
                display.show(view_status(ledger, batch_job_id))
                return handled > 0
            time.sleep(POLL_SECONDS)


def _interrupt(ledger: Ledger, view: JobStatusView, worker: Worker, count: int, console: Console) -> None:
    if count == 1 and not view.status.is_final:
        ledger.request(view.id, RequestKind.PAUSE, by="user", reason="interrupted from the keyboard")
        console.print("Interrupted: calls in flight finish and are kept. Interrupt again to end at once.")
    elif count > 1:
        worker.kill()


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

    def show(self, view: JobStatusView) -> None:
        """Draw where the batch job is."""
        if self._task is None:
            self._task = self._progress.add_task("", total=view.progress.total, status="", facts="")
        self._progress.update(self._task, completed=_ended(view), status=_headline(view), facts=", ".join(_facts(view)))


class _Lines:
    """A line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = ""
        self._at = float("-inf")

    def __enter__(self) -> _Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, view: JobStatusView) -> None:
        """Print where the batch job is, when that is news."""
        line = f"{_headline(view)}: {_ended(view)} of {view.progress.total}"
        due = time.monotonic() - self._at >= LINE_SECONDS or view.status.is_final
        if line != self._last and due:
            self._last, self._at = line, time.monotonic()
            self._console.print(", ".join([line, *_facts(view)]))


def _ended(view: JobStatusView) -> int:
    return view.progress.completed + view.progress.failed + view.progress.skipped + view.progress.cancelled


def _headline(view: JobStatusView) -> str:
    if view.status is JobStatus.PENDING:
        return "starting"
    return view.current_phase or view.status.value


def _facts(view: JobStatusView) -> list[str]:
    facts = [f"{usd(view.cost_usd)}"]
    if view.progress.failed:
        facts.append(f"{view.progress.failed} failed")
    if view.items_per_minute:
        facts.append(f"{view.items_per_minute:,.0f} items/min")
    if view.remaining_seconds:
        facts.append(f"{seconds(view.remaining_seconds)} left")
    return facts
