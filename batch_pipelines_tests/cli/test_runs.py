"""Whole runs: exit codes, interrupts, pauses. Each takes seconds, so there are few."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.cli.opening import now
from batch_pipelines.control.status import JobStatusView, view_status
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines_tests.cli.conftest import (
    TOO_SHORT_FOR_EDGE_CASES,
    Finished,
    Spec,
    ended,
    execute,
    items,
    start,
)
from batch_pipelines_tests.conftest import Simulate

PATIENCE_SECONDS = 60


def _ledger(home: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{home / 'batch_pipelines.db'}", now)


def _job_when(
    home: Path, process: subprocess.Popen[str], ready: Callable[[JobStatusView], bool], what: str
) -> JobStatusView:
    """The only job in the ledger, as soon as it is as the test needs it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if (home / "batch_pipelines.db").exists():
            with _ledger(home) as ledger:
                for job in ledger.list_jobs(JobFilter()):
                    if ready(view := view_status(ledger, job.id)):
                        return view
        time.sleep(0.05)
    raise AssertionError(f"no job {what} within {PATIENCE_SECONDS} s")


def _requests_billed(url: str) -> list[str]:
    """The bodies of the requests that a real provider would have billed, by their hash."""
    return [entry["body_sha256"] for entry in log(url) if entry["billed"]]


def test_a_job_with_some_failed_items_is_done(finished: Finished) -> None:
    """Exit code 0 and exactly one JSON document; one call for each item (A6)."""
    status = finished.outcome.json

    assert finished.outcome.code == 0
    assert finished.outcome.out.count("\n") == 1
    assert (status["status"], status["progress"]["completed"], status["progress"]["failed"]) == ("completed", 4, 2)
    assert status["simulated"] is True
    assert finished.stats["message_requests"] == 6
    assert "Traceback" not in finished.outcome.err


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal(finished: Finished) -> None:
    """On standard error, and without control characters."""
    lines = finished.outcome.err.splitlines()

    assert lines[0] == "starting: 0 of 6 items"
    assert lines[-1].startswith("completed: 6 of 6 items, ")
    assert "2 failed" in lines[-1]
    assert not any("\x1b" in line or "\r" in line for line in lines)


@pytest.mark.parametrize(
    ("options", "context_tokens", "progress", "error"),
    [
        ({}, 100, {"completed": 0, "failed": 3}, "every item failed (3 of 3)"),
        (
            {"error_handling": "stop", "concurrency": 1},
            TOO_SHORT_FOR_EDGE_CASES,
            {"completed": 2, "failed": 1},
            "item talk_2 failed (context_window: prompt is too long",
        ),
    ],
    ids=["all-fail", "stop-at-first"],
)
def test_a_failed_job_exits_with_1(
    simulate: Simulate, spec: Spec, options: dict[str, Any], context_tokens: int, progress: dict[str, int], error: str
) -> None:
    """When every item failed, and in `stop` mode at the first; what was not begun waits (A6)."""
    server = simulate(context_tokens=context_tokens)

    outcome = execute("run", spec(items=items(5 if options else 3), options=options), ANTHROPIC_BASE_URL=server.url)

    assert outcome.code == 1, outcome
    assert error in outcome.out
    listed = execute("list", "--json").json[0]
    assert (listed["status"], {name: listed["progress"][name] for name in progress}) == ("failed", progress)
    # Where every item has ended there is nothing to go on with.
    assert (f"Go on        batch-pipelines resume {listed['id']}" in outcome.out) == bool(options)
    assert "Traceback" not in outcome.err + outcome.out


def test_a_refused_job_exits_with_3_and_calls_nobody(simulate: Simulate, spec: Spec) -> None:
    """The gate fails the job before the first request for a message (C6)."""
    server = simulate()

    outcome = execute("run", spec(budget={"max_cost_usd": "0.01"}), "--json", ANTHROPIC_BASE_URL=server.url)

    assert outcome.code == 3, outcome
    status = outcome.json
    assert (status["status"], status["estimate"]["gate"]["passed"]) == ("failed", False)
    assert "budget.max_cost_usd" in status["error"]
    assert stats(server.url)["message_requests"] == 0


def test_a_paused_run_exits_with_4(simulate: Simulate, spec: Spec, home: Path) -> None:
    """A pause asked for by another process drains the run: what was answered is kept, the rest waits (A4)."""
    server = simulate(latency_mean_seconds=0.4)
    spec_file = spec(items=items(8), options={"concurrency": 2})

    process = start("run", spec_file, "--json", ANTHROPIC_BASE_URL=server.url)
    job = _job_when(home, process, lambda view: view.progress.completed >= 1, "with a finished item")
    with _ledger(home) as ledger:
        ledger.request(job.id, RequestKind.PAUSE, by="test", reason="asked by a test")
    paused = ended(process)

    assert paused.code == 4, paused
    status = paused.json
    assert (status["status"], status["error"]) == ("paused", "asked by a test")
    assert status["progress"]["running"] == 0
    done = status["progress"]["completed"]
    assert 1 <= done < 8
    assert stats(server.url)["answered"] == done


def test_an_interrupted_run_keeps_its_calls_and_resumes_to_the_end(simulate: Simulate, spec: Spec, home: Path) -> None:
    """Ctrl-C waits for calls in flight and pauses the job; `resume` makes only the calls that are missing (A4)."""
    server = simulate(latency_mean_seconds=1.0, latency_sigma=0)
    spec_file = spec(items=items(6), options={"concurrency": 2})

    process = start("run", spec_file, ANTHROPIC_BASE_URL=server.url)
    job = _job_when(home, process, lambda view: view.progress.running > 0, "with a call in flight")
    process.send_signal(signal.SIGINT)
    outcome = ended(process)

    assert outcome.code == 130, outcome
    assert "Interrupted: calls in flight finish and are kept." in outcome.err
    assert "paused: interrupted from the keyboard" in outcome.out
    with _ledger(home) as ledger:
        after = view_status(ledger, job.id)
    assert after.status is JobStatus.PAUSED
    assert after.progress.completed == stats(server.url)["answered"] == stats(server.url)["message_requests"]
    assert 1 <= after.progress.completed < 6

    resumed = execute("resume", job.id, "--json", ANTHROPIC_BASE_URL=server.url)

    assert resumed.code == 0, resumed
    assert resumed.json["progress"]["completed"] == 6
    assert len(set(_requests_billed(server.url))) == len(_requests_billed(server.url)) == 6


def test_an_interrupt_before_the_first_call_spends_nothing(simulate: Simulate, spec: Spec, home: Path) -> None:
    """The run starts, finds that it must not, and pauses the job (A4)."""
    server = simulate()

    process = start("run", spec(), ANTHROPIC_BASE_URL=server.url)
    job = _job_when(home, process, lambda view: True, "at all")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    outcome = ended(process)

    assert outcome.code == 130, outcome
    assert "Interrupted: no call will be made." in outcome.err
    assert "Traceback" not in outcome.err + outcome.out
    with _ledger(home) as ledger:
        assert ledger.job(job.id).status is JobStatus.PAUSED
    assert stats(server.url)["message_requests"] == 0


def test_a_key_and_an_address_elsewhere_do_not_make_a_run_spend(spec: Spec) -> None:
    """A default run answers from its own simulation, whatever else is in the environment."""
    outcome = execute("run", spec(), "--json", ANTHROPIC_API_KEY="sk-ant-real", ANTHROPIC_BASE_URL="http://192.0.2.1:9")

    assert outcome.code == 0, outcome
    assert outcome.json["simulated"] is True
    results = [json.loads(line) for line in execute("results", outcome.json["id"], "--json").out.splitlines()]
    assert [result["status"] for result in results] == ["completed"] * 3
    assert "sk-ant-real" not in outcome.out + outcome.err
