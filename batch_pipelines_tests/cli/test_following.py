"""Following a run: progress, interrupts, and a ledger that is away for a moment."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from batch_pipelines.cli import following
from batch_pipelines.cli.following import follow
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.worker_process import WorkerProcess
from batch_pipelines_tests.control.samples import plan

Scene = Callable[[], object]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenes follow each other at once."""
    monkeypatch.setattr(following, "POLL_SECONDS", 0)
    monkeypatch.setattr(following, "LINE_SECONDS", 0)


class StagedWorker(WorkerProcess):
    """Plays a scene each time somebody asks whether it is alive, and is dead after the last."""

    def __init__(self, *scenes: Scene) -> None:
        self._scenes: Iterator[Scene] = iter(scenes)
        self.kills = 0

    @property
    def is_alive(self) -> bool:
        scene = next(self._scenes, None)
        if scene is not None:
            scene()
        return scene is not None

    def kill(self) -> None:
        self.kills += 1


def interrupt() -> None:
    """Ctrl-C."""
    signal.raise_signal(signal.SIGINT)


def nothing() -> None:
    """Time passes."""


@pytest.fixture
def job(sqlite_ledger: Ledger) -> BatchJob:
    """A pending batch job of three items."""
    return submit(plan(), sqlite_ledger)


def _requests(ledger: Ledger, job: BatchJob) -> list[RequestKind]:
    return [request.kind for request in ledger.open_requests(job.id)]


def test_a_run_is_followed_to_its_end(sqlite_ledger: Ledger, job: BatchJob, capsys: pytest.CaptureFixture[str]) -> None:
    """Its start, its work and how it ended are each a line, and nobody interrupted."""
    worker = StagedWorker(
        nothing,
        lambda: open_run(sqlite_ledger, job.id, "run-1"),
        nothing,
        lambda: close_run(sqlite_ledger, job.id),
    )

    assert follow(sqlite_ledger, job.id, worker) is False
    assert capsys.readouterr().err.splitlines() == [
        "starting: 0 of 3 items",
        "running: 0 of 3 items",
        "failed: 0 of 3 items",
    ]


def test_a_resumed_job_does_not_look_as_it_ended_before(
    sqlite_ledger: Ledger, job: BatchJob, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until the run takes it on it is starting, not paused or failed."""
    open_run(sqlite_ledger, job.id, "run-1")
    close_run(sqlite_ledger, job.id)

    follow(sqlite_ledger, job.id, StagedWorker(nothing, lambda: open_run(sqlite_ledger, job.id, "run-2")))

    assert capsys.readouterr().err.splitlines() == ["starting: 0 of 3 items", "running: 0 of 3 items"]


def test_an_interrupt_asks_a_run_to_pause_once(
    sqlite_ledger: Ledger, job: BatchJob, capsys: pytest.CaptureFixture[str]
) -> None:
    """Calls in flight finish; nobody is killed (A4)."""
    worker = StagedWorker(lambda: open_run(sqlite_ledger, job.id, "run-1"), interrupt, nothing, nothing)

    assert follow(sqlite_ledger, job.id, worker) is True
    assert (_requests(sqlite_ledger, job), worker.kills) == ([RequestKind.PAUSE], 0)
    assert "Interrupted: calls in flight finish and are kept." in capsys.readouterr().err


def test_an_interrupt_before_the_run_takes_the_job_on_holds_for_it(
    sqlite_ledger: Ledger, job: BatchJob, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run finds the request when it begins, and makes no call (A4)."""
    worker = StagedWorker(
        interrupt, lambda: open_run(sqlite_ledger, job.id, "run-1"), lambda: close_run(sqlite_ledger, job.id)
    )

    assert follow(sqlite_ledger, job.id, worker) is True
    assert sqlite_ledger.job(job.id).status is JobStatus.PAUSED
    assert "Interrupted: no call will be made." in capsys.readouterr().err


def test_an_interrupt_of_a_run_that_goes_on_with_a_crashed_one_waits_for_it(
    sqlite_ledger: Ledger, job: BatchJob
) -> None:
    """It would count as asked of the run that died, so it is asked when the new one has begun (A4)."""
    open_run(sqlite_ledger, job.id, "run-1")
    seen: list[list[RequestKind]] = []
    worker = StagedWorker(
        interrupt,
        nothing,
        lambda: seen.append(_requests(sqlite_ledger, job)),
        lambda: open_run(sqlite_ledger, job.id, "run-2"),
        nothing,
    )

    assert follow(sqlite_ledger, job.id, worker) is True
    assert seen == [[]]
    assert _requests(sqlite_ledger, job) == [RequestKind.PAUSE]


def test_a_second_interrupt_ends_the_run_at_once(sqlite_ledger: Ledger, job: BatchJob) -> None:
    """Whatever is in flight."""
    worker = StagedWorker(lambda: open_run(sqlite_ledger, job.id, "run-1"), interrupt, interrupt)

    assert follow(sqlite_ledger, job.id, worker) is True
    assert worker.kills == 1


def test_an_interrupt_of_a_job_that_is_over_asks_nothing(sqlite_ledger: Ledger, job: BatchJob) -> None:
    """The run writes its report and ends."""
    worker = StagedWorker(
        lambda: open_run(sqlite_ledger, job.id, "run-1"), lambda: close_run(sqlite_ledger, job.id), interrupt
    )

    assert follow(sqlite_ledger, job.id, worker) is True
    assert _requests(sqlite_ledger, job) == []


def test_signals_are_as_before_when_the_following_ends(sqlite_ledger: Ledger, job: BatchJob) -> None:
    """Ctrl-C during the report ends the command as usual."""
    before = signal.getsignal(signal.SIGINT)

    follow(sqlite_ledger, job.id, StagedWorker())

    assert signal.getsignal(signal.SIGINT) is before


def test_a_ledger_that_is_away_for_a_moment_does_not_end_our_run(
    sqlite_ledger: Ledger, job: BatchJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine bears it, and so does whoever looks on; a mere watcher is told."""

    def away(_: str) -> None:
        raise LedgerUnavailable("sqlite:///x", "is locked", "wait")

    worker = StagedWorker(lambda: monkeypatch.setattr(sqlite_ledger, "progress", away), nothing, monkeypatch.undo)
    assert follow(sqlite_ledger, job.id, worker) is False

    monkeypatch.setattr(following, "_is_waiting", lambda *_: monkeypatch.setattr(sqlite_ledger, "progress", away))
    with pytest.raises(LedgerUnavailable):
        follow(sqlite_ledger, job.id, None)


def test_watching_ends_with_the_job(sqlite_ledger: Ledger, job: BatchJob) -> None:
    """At once where that is over already."""
    open_run(sqlite_ledger, job.id, "run-1")
    sqlite_ledger.request(job.id, RequestKind.PAUSE, by="user")
    close_run(sqlite_ledger, job.id)

    assert follow(sqlite_ledger, job.id, None) is False


def _worker(log: Path, log_start: int) -> WorkerProcess:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return WorkerProcess(process, log, log_start)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "2026 - dagster - DEBUG - x\nTraceback (most recent call last):\n  raise dg.Failure\n"
            "dagster.Failure: the job is being run by another; wait\n\nStack Trace:\n  File 'x'\n",
            "the job is being run by another; wait\n",
        ),
        ("ImportError: first\nOSError: last [Errno 28]\n", "last [Errno 28]\n"),
        ("2026-11-22 09:07:39 +0000 - dagster - DEBUG - LOADED_INPUT: it\n", ""),
        ("", ""),
    ],
    ids=["dagster", "last", "no-error", "empty"],
)
def test_a_workers_last_words_are_its_last_error(tmp_path: Path, text: str, expected: str) -> None:
    """Of this run, not of earlier ones in the same log; and where the log is."""
    log = tmp_path / "bj_1.log"
    log.write_text("ValueError: of an earlier run\n")
    start = log.stat().st_size
    with log.open("a") as output:
        output.write(text)

    assert _worker(log, start).last_words() == f"{expected}Its log is {log}"
