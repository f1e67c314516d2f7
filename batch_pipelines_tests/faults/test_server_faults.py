"""A provider at its worst: storms of refusals, broken answers, answers that come too late, and its death (D3-D6)."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.limiter import SharedLimits
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import SimulatedProcess, configure, stats
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, create, drive, phase, utc_now
from batch_pipelines_tests.faults.conditions import answered, idle, in_flight, until, with_status
from batch_pipelines_tests.faults.conftest import Serve
from batch_pipelines_tests.faults.evidence import (
    bill_usd,
    check_accounts,
    check_endings,
    entries_in,
    paid_again,
)

ITEMS = 80
FEW = 30
"""Items where a limit sets the pace."""
SLOTS = 8
CALL_SECONDS = 0.2
"""So that a run takes seconds, until its end is let come at once."""
PATIENT = 10
"""Retries, so that an item outlasts what is over in a moment."""


def kill(server: SimulatedProcess) -> int:
    """kill -9 of the server; returns the port that it listened on."""
    port, pid = urlsplit(server.url).port, server.pid
    assert port is not None
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    server.stop()
    return port


@pytest.mark.parametrize("limit_headers", [True, False], ids=["headers", "no headers"])
async def test_a_limit_far_under_the_concurrency_loses_no_item(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path, limit_headers: bool
) -> None:
    """Every item completes within its retries, each is paid once, and refusals do not become a storm (D3, D4)."""
    server = serve(latency_mean_seconds=0.02, requests_per_minute=600, burst_seconds=1, limit_headers=limit_headers)
    create(ledger, FEW, concurrency=FEW)

    await drive(ledger, engine_on(server.url, SharedLimits(ledger, "simulated:few", "few", {}, utc_now)))

    entries = entries_in(log_file)
    check_endings(ledger, JOB, items=FEW)
    check_accounts(ledger, JOB, entries)
    assert ledger.progress(JOB).completed == FEW == stats(server.url)["answered"]
    assert len(entries) <= 3 * FEW
    assert ledger.charges(JOB).unknown_usd == 0


@pytest.mark.parametrize(("fault", "status"), [(Fault.RATE_LIMIT, 429), (Fault.OVERLOADED, 529)])
async def test_a_storm_passes(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path, fault: Fault, status: int
) -> None:
    """While every call is refused nothing is paid and no item fails; when it is over the job goes on (D3, D4)."""
    server = serve(latency_mean_seconds=CALL_SECONDS, retry_after_seconds=0)
    create(ledger, ITEMS, concurrency=SLOTS, retry_attempts=PATIENT)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(answered(server.url, SLOTS), running)

    configure(server.url, faults={fault: 1.0}, fault_attempts=1000, latency_mean_seconds=0)
    await until(with_status(server.url, status, 3 * SLOTS), running)
    configure(server.url, faults={})
    await running

    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries_in(log_file))
    assert ledger.progress(JOB).completed == ITEMS == stats(server.url)["answered"]
    assert ledger.charges(JOB).unknown_usd == 0


async def test_broken_answers_are_accounted(ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path) -> None:
    """Answers that were billed and never arrived whole are bought again, and what they cost is charged (D5, D6)."""
    faults = {Fault.DROPPED_CONNECTION: 0.2, Fault.HALF_SENT_BODY: 0.2, Fault.MALFORMED_BODY: 0.2}
    server = serve(latency_mean_seconds=0.02, faults=faults, fault_attempts=2)
    create(ledger, ITEMS, phase("draft"), phase("review"), concurrency=SLOTS)

    await drive(ledger, engine_on(server.url))

    entries = entries_in(log_file)
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries)
    assert ledger.progress(JOB).completed == ITEMS
    assert paid_again(entries) == 0
    assert ledger.charges(JOB).cost_usd == bill_usd(entry for entry in entries if entry.is_whole) < bill_usd(entries)


async def test_answers_that_come_too_late_are_accounted(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path
) -> None:
    """A call that was given up is billed when the server is done with it, and was charged by then (D4, D6)."""
    server = serve(latency_mean_seconds=1.0, latency_sigma=0.0)
    create(ledger, ITEMS, phase("write", timeout_seconds=0.3), concurrency=SLOTS, retry_attempts=PATIENT)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(in_flight(server.url, SLOTS), running)

    configure(server.url, latency_mean_seconds=0)
    await running
    await until(idle(server.url))

    entries = entries_in(log_file)
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries)
    assert ledger.progress(JOB).completed == ITEMS
    assert paid_again(entries) >= SLOTS
    assert ledger.charges(JOB).unknown_usd > 0


async def test_a_server_that_comes_back_is_used_again(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path
) -> None:
    """kill -9 of the server costs what it had in flight and no item; the same run goes on with the next one (D4)."""
    server = serve(latency_mean_seconds=CALL_SECONDS)
    create(ledger, ITEMS, concurrency=SLOTS, retry_attempts=PATIENT)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(answered(server.url, SLOTS), running)

    serve(port=kill(server))
    await running

    entries = entries_in(log_file)
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries)
    assert ledger.progress(JOB).completed == ITEMS
    assert paid_again(entries) <= SLOTS


async def test_a_server_that_stays_away_pauses_the_job(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path
) -> None:
    """kill -9 of the server pauses the job with the reason, no item fails, and a later run finishes (A4, D4, D5)."""
    server = serve(latency_mean_seconds=CALL_SECONDS)
    create(ledger, ITEMS, concurrency=SLOTS)
    engine = engine_on(server.url)
    running = asyncio.ensure_future(drive(ledger, engine))
    await until(answered(server.url, SLOTS), running)

    port = kill(server)
    await running
    close_run(ledger, JOB)
    paused, progress = ledger.job(JOB), ledger.progress(JOB)
    serve(port=port)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    assert paused.status is JobStatus.PAUSED
    assert "the provider cannot be reached" in str(paused.error)
    assert (progress.failed, progress.running) == (0, 0)
    assert SLOTS <= progress.completed < ITEMS
    entries = entries_in(log_file)
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries)
    assert ledger.progress(JOB).completed == ITEMS
    assert paid_again(entries) <= SLOTS
