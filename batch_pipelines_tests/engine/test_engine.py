"""The life of an engine: it connects once, closes cleanly, and nobody who waits for it waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import PhaseOutcome
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine import engine, share
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts, engine_leases
from batch_pipelines.providers.base import Provider
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.moments import busy, until, without_a_key
from batch_pipelines_tests.engine.samples import JOB, PRICES, RUN, create, drive, phase, repeated, utc_now


def leases(ledger: Ledger) -> list[str]:
    """Who holds a lease."""
    with reading(ledger._engine) as connection:
        return list(connection.execute(select(engine_leases.c.holder)).scalars())


async def test_closing_keeps_what_is_in_flight(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Calls in flight finish and are written, the rest is left, and the job is told to pause."""
    server = simulate(latency_mean_seconds=0.3, latency_sigma=0.0)
    create(ledger, 40, items_per_partition=10, concurrency=4)
    running_engine = engine_on(server.url)
    running = asyncio.ensure_future(drive(ledger, running_engine))
    await until(busy(server.url, 4))

    await asyncio.to_thread(running_engine.close)
    outcomes = await running
    close_run(ledger, JOB)

    done = sum(outcome.done for outcome in outcomes)
    assert done == stats(server.url)["answered"] == ledger.progress(JOB).completed >= 4
    assert sum(outcome.left for outcome in outcomes) == 40 - done > 0
    assert (ledger.job(JOB).status, ledger.job(JOB).error) == (JobStatus.PAUSED, "the run was interrupted")
    assert leases(ledger) == []


async def test_closing_does_not_wait_for_ever(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that does not end is given up: that it was made is written, its cost is unknown, its item is left."""
    monkeypatch.setattr(engine, "CLOSE_SECONDS", 0.2)
    server = simulate(latency_mean_seconds=30, latency_sigma=0.0)
    create(ledger, 5, concurrency=2, retry_attempts=0)
    running_engine = engine_on(server.url)
    running = asyncio.ensure_future(drive(ledger, running_engine))
    await until(busy(server.url, 2))

    started = time.monotonic()
    await asyncio.to_thread(running_engine.close)
    (outcome,) = await running

    assert time.monotonic() - started < 15
    assert outcome == PhaseOutcome(done=0, failed=0, left=5)
    with reading(ledger._engine) as connection:
        made = connection.execute(select(attempts.c.error_category, attempts.c.cost_usd)).all()
    assert made == [(ErrorCategory.CONNECTION, None)] * 2


async def test_closing_while_work_is_being_loaded(ledger: Ledger, simulate: Simulate, journals: Path) -> None:
    """A phase that was asked for just before makes no call, and whoever waits for it is answered."""
    server = simulate()
    create(ledger, 5)
    closing = Engine(ledger, journals, lambda: SimulatedProvider(server.url, 5), PRICES, NoLimits(), utc_now, Random(1))

    asked = closing.run_phase(JOB, RUN, "write", 0, 5)
    await asyncio.to_thread(closing.close)

    assert asked.result(0) == PhaseOutcome(done=0, failed=0, left=5)
    assert stats(server.url)["message_requests"] == 0
    assert [request.reason for request in ledger.open_requests(JOB)] == ["the run was interrupted"]


def test_a_closed_engine_says_so(ledger: Ledger, engine_on: EngineOn) -> None:
    """Closing twice does no harm, and its thread is gone; what it is asked afterwards is an error."""
    before = threading.active_count()
    closed = engine_on("http://127.0.0.1:9")
    closed.close()
    closed.close()

    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="closed"):
        closed.run_phase(JOB, RUN, "write", 0, 1)


async def test_it_connects_once_and_keeps_the_loop_free(ledger: Ledger, simulate: Simulate, journals: Path) -> None:
    """However many ask at once, there is one connection, made where nothing else waits for it."""
    server = simulate()
    create(ledger, 4, items_per_partition=1)
    threads: list[str] = []

    def connect() -> Provider:
        threads.append(threading.current_thread().name)
        time.sleep(0.2)
        return SimulatedProvider(server.url, 5)

    with Engine(ledger, journals, connect, PRICES, NoLimits(), utc_now, Random(1)) as connecting:
        await drive(ledger, connecting)

    assert len(threads) == 1
    assert threads != ["engine"]


async def test_a_connection_that_failed_is_tried_again(ledger: Ledger, simulate: Simulate, journals: Path) -> None:
    """Whoever asked is told why; the next one may have more luck."""
    server = simulate()
    create(ledger, 1)
    errors = [ProviderError(ErrorCategory.CONNECTION, "nobody there")]

    def connect() -> Provider:
        if errors:
            raise errors.pop()
        return SimulatedProvider(server.url, 5)

    with Engine(ledger, journals, connect, PRICES, NoLimits(), utc_now, Random(1)) as connecting:
        with pytest.raises(ProviderError, match="nobody there"):
            await drive(ledger, connecting)
        await drive(ledger, connecting)

    assert ledger.progress(JOB).completed == 1


async def test_it_holds_nothing_while_it_does_nothing(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """With the last phase the lease goes, so that another run need not wait for it."""
    server = simulate()
    create(ledger, 4)

    await drive(ledger, engine_on(server.url))

    assert leases(ledger) == []
    ledger.claim_run(JOB, "run-2")


async def test_a_renewal_under_way_does_not_outlive_the_work(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slow the ledger is, the lease is given back last."""
    monkeypatch.setattr(share, "RENEW_SECONDS", 0.05)
    server = simulate(latency_mean_seconds=0.2, latency_sigma=0.0)
    create(ledger, 1)
    renew, renewals = ledger.renew, iter(range(100))

    def slow(*arguments: Any, **named: Any) -> Any:
        if next(renewals):
            time.sleep(0.5)
        return renew(*arguments, **named)

    monkeypatch.setattr(ledger, "renew", slow)
    await drive(ledger, engine_on(server.url))

    await asyncio.sleep(0.6)
    assert leases(ledger) == []


async def test_each_job_has_a_lease_of_its_own(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Giving back what one job does not need takes nothing from another in the same engine (D2)."""
    server = simulate(latency_mean_seconds=0.5)
    create(ledger, 2, job_id="one")
    create(ledger, 2, job_id="two")
    both = engine_on(server.url)
    running = asyncio.gather(drive(ledger, both, job_id="one"), drive(ledger, both, job_id="two"))
    await until(busy(server.url, 4))

    assert len(set(leases(ledger))) == 2
    await running


async def test_a_caller_that_gives_up_drains_the_job(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Cancelling a phase lets its calls in flight finish, starts no more, and leaves the engine fit for work."""
    server = simulate(latency_mean_seconds=0.2, latency_sigma=0.0)
    create(ledger, 20, concurrency=2)
    working = engine_on(server.url)
    asked = working.run_phase(JOB, RUN, "write", 0, 20)
    await until(busy(server.url, 2))

    asked.cancel()
    with pytest.raises(CancelledError):
        asked.result(1)
    await until(lambda: not leases(ledger))
    close_run(ledger, JOB)

    done = stats(server.url)["answered"]
    assert done == ledger.progress(JOB).completed <= 4
    assert ledger.job(JOB).status is JobStatus.PAUSED
    open_run(ledger, JOB, "run-2")
    await drive(ledger, working, run_id="run-2")
    assert (ledger.progress(JOB).completed, repeated(server.url)) == (20, 0)


async def test_the_reason_is_written_when_a_phase_returns(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever concludes the run right after its last phase finds why it stopped, however slow the ledger is."""
    server = simulate()
    create(ledger, 4)
    working = await without_a_key(engine_on(server.url), server.url)
    request = ledger.request

    def slow(*arguments: Any, **named: Any) -> None:
        time.sleep(0.5)
        request(*arguments, **named)

    monkeypatch.setattr(ledger, "request", slow)
    await drive(ledger, working)

    assert [each.kind for each in ledger.open_requests(JOB)] == [RequestKind.STOP]


async def test_a_failure_counts_after_a_pause(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """A call in flight that shows that no call can succeed makes a failure of what would have been a pause."""
    server = simulate(latency_mean_seconds=1.0, latency_sigma=0.0, context_tokens=100_000)
    create(ledger, 4, phase("write", timeout_seconds=10), concurrency=1, error_handling="stop", retry_attempts=0)
    configure(server.url, faults={"server_error": 1.0})
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(busy(server.url))

    ledger.request(JOB, RequestKind.PAUSE, by="ann", reason="enough")
    await running
    close_run(ledger, JOB)

    assert ledger.job(JOB).status is JobStatus.FAILED
    assert "item_0 failed (server_error" in str(ledger.job(JOB).error)


async def test_nothing_starts_on_a_lease_that_ran_out(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that could not renew in time renews before it starts anything more (D2)."""
    monkeypatch.setattr(share, "LEASE_SECONDS", 0.1)
    monkeypatch.setattr(share, "RENEW_SECONDS", 20.0)
    server = simulate(latency_mean_seconds=0.05)
    create(ledger, 20, concurrency=2)
    renewals: list[float] = []
    renew = ledger.renew

    def counted(*arguments: Any, **named: Any) -> Any:
        renewals.append(time.monotonic())
        return renew(*arguments, **named)

    monkeypatch.setattr(ledger, "renew", counted)
    started = time.monotonic()
    await drive(ledger, engine_on(server.url))

    assert len(renewals) >= (renewals[-1] - renewals[0]) / 0.1 / 3 > 0
    assert time.monotonic() - started < 15
