"""Pause and cancel: asked for in the ledger by anybody, obeyed by every engine (A4, A5)."""

from __future__ import annotations

import asyncio
import time

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.limiter import SharedLimits
from batch_pipelines.engine.share import RENEW_SECONDS
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, create, drive, phase, repeated, utc_now

MARGIN_SECONDS = 1.0
"""What a busy machine may need for what takes milliseconds on an idle one."""


async def answered(url: str, count: int) -> None:
    """Returns as soon as the server answered so many calls."""
    async with asyncio.timeout(20):
        while (await asyncio.to_thread(stats, url))["answered"] < count:
            await asyncio.sleep(0.01)


def ask(ledger_url: str, kind: RequestKind) -> None:
    """What another process does."""
    with Ledger.open(ledger_url, utc_now) as other:
        other.request(JOB, kind, by="ann", reason="enough for today")


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_a_pause_is_obeyed_and_resumed(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """Calls in flight are kept, the rest is left, and resuming repeats none (A4)."""
    server = simulate(latency_mean_seconds=0.06)
    create(ledger, 50, phase("draft"), phase("review"), items_per_partition=15, concurrency=4)
    engines = [engine_on(server.url) for _ in range(engine_count)]
    running = asyncio.ensure_future(drive(ledger, *engines))
    await answered(server.url, 10)

    ask(ledger_url, RequestKind.PAUSE)
    outcomes = await running
    close_run(ledger, JOB)

    job, calls = ledger.job(JOB), stats(server.url)
    assert (job.status, job.error) == (JobStatus.PAUSED, "enough for today")
    assert ledger.progress(JOB).running == 0
    assert sum(outcome.left for outcome in outcomes) > 0
    assert sum(outcome.done for outcome in outcomes) == calls["answered"] == calls["message_requests"]
    assert len(ledger.finished_calls(JOB)) == calls["answered"]

    open_run(ledger, JOB, "run-2")
    await drive(ledger, *engines, run_id="run-2")
    assert ledger.progress(JOB).completed == 50
    assert (stats(server.url)["answered"], repeated(server.url)) == (100, 0)


async def test_no_call_starts_a_second_after_a_pause(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn
) -> None:
    """The server's log shows no call after the next renewal, which is half a second away at most (A4)."""
    server = simulate(latency_mean_seconds=0.05)
    create(ledger, 200, concurrency=3)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await answered(server.url, 5)

    ask(ledger_url, RequestKind.PAUSE)
    asked = utc_now()
    await running

    last = max(entry["time"] for entry in log(server.url))
    assert (type(asked).fromisoformat(last) - asked).total_seconds() < RENEW_SECONDS + MARGIN_SECONDS


async def test_a_cancellation_is_obeyed(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn
) -> None:
    """What was finished is kept, and all that is left becomes cancelled (A5)."""
    server = simulate(latency_mean_seconds=0.1)
    create(ledger, 60, items_per_partition=20, concurrency=4)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await answered(server.url, 10)

    ask(ledger_url, RequestKind.CANCEL)
    await running
    close_run(ledger, JOB)

    progress = ledger.progress(JOB)
    assert ledger.job(JOB).status is JobStatus.CANCELLED
    assert progress.completed == stats(server.url)["answered"]
    assert progress.cancelled == 60 - progress.completed > 0


async def test_a_pause_does_not_wait_for_retries(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Items that wait for their next attempt are left at once."""
    server = simulate(faults={Fault.RATE_LIMIT: 1.0}, retry_after_seconds=60)
    create(ledger, 5)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    while stats(server.url)["message_requests"] < 5:
        await asyncio.sleep(0.01)

    ask(ledger_url, RequestKind.PAUSE)
    async with asyncio.timeout(10):
        (outcome,) = await running

    assert outcome.left == 5


async def test_a_pause_does_not_wait_for_rate_limits(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Calls that wait for their turn under a limit have not begun, and are left at once."""
    server = simulate()
    create(ledger, 10, concurrency=5)
    one_a_minute = SharedLimits(ledger, "key", "a", {LimitKind.REQUESTS: 1}, utc_now)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url, one_a_minute)))
    await answered(server.url, 1)

    ask(ledger_url, RequestKind.PAUSE)
    async with asyncio.timeout(10):
        (outcome,) = await running

    assert (outcome.done, outcome.left) == (1, 9)
    assert stats(server.url)["message_requests"] == 1


async def test_a_time_limit_pauses_the_job(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Time that earlier runs worked counts; what is in flight at the limit is kept (D4)."""
    server = simulate(latency_mean_seconds=0.1)
    create(ledger, 500, concurrency=2, budget=Budget(max_duration_seconds=1.2))
    started = time.monotonic()

    await drive(ledger, engine_on(server.url))
    close_run(ledger, JOB)
    took = time.monotonic() - started
    done = stats(server.url)["answered"]
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine_on(server.url), run_id="run-2")
    close_run(ledger, JOB)

    job = ledger.job(JOB)
    assert (job.status, job.error) == (
        JobStatus.PAUSED,
        "the time limit is reached: budget.max_duration_seconds is 1.2",
    )
    assert took < 10
    assert stats(server.url)["answered"] == done == ledger.progress(JOB).completed


async def test_another_run_takes_over(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """An engine whose run no longer drives the job starts nothing more, and writes no reason."""
    server = simulate(latency_mean_seconds=0.1)
    create(ledger, 60, concurrency=2)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await answered(server.url, 4)

    ledger.claim_run(JOB, "run-2", takeover=True)
    outcomes = await running

    done = sum(outcome.done for outcome in outcomes)
    assert sum(outcome.left for outcome in outcomes) == 60 - done > 0
    assert done == stats(server.url)["answered"]
    assert ledger.open_requests(JOB) == []
