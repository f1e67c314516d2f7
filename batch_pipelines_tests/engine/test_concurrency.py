"""Calls in flight: never more than the job's concurrency, and no fewer while there is work (D2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from batch_pipelines.engine import share
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, RUN, create, drive, phase, utc_now


@pytest.mark.parametrize("engine_count", [1, 2, 3])
async def test_calls_in_flight_are_bounded_and_slots_used(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """Over partitions, phases and engines, the server sees as many calls at once as are allowed, and not one more."""
    server = simulate(latency_mean_seconds=0.03)
    create(ledger, 60, phase("draft"), phase("review"), items_per_partition=10, concurrency=5)

    await drive(ledger, *(engine_on(server.url) for _ in range(engine_count)))

    seen = stats(server.url)
    assert (seen["answered"], seen["peak_in_flight"]) == (120, 5)


async def test_engines_on_two_connections_share_the_slots(
    ledger: Ledger, ledger_url: str, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Two engines that have nothing in common but the database stay within one job's concurrency."""
    server = simulate(latency_mean_seconds=0.03)
    create(ledger, 60, items_per_partition=10, concurrency=4)

    with Ledger.open(ledger_url, utc_now) as other:
        first, second = engine_on(server.url), engine_on(server.url, ledger=other)
        await drive(ledger, first, second)
        second.close()

    seen = stats(server.url)
    assert (seen["answered"], seen["peak_in_flight"]) == (60, 4)


async def test_no_renewal_counts_a_call_twice(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the ledger is told to be in flight is granted again, so it must never be more than was."""
    monkeypatch.setattr(share, "RENEW_SECONDS", 0.001)
    server = simulate(latency_mean_seconds=0.005)
    create(ledger, 300, items_per_partition=30, concurrency=5)
    told: list[int] = []
    renew = ledger.renew

    def noted(*arguments: Any, **named: Any) -> Any:
        told.append(named["in_flight"])
        return renew(*arguments, **named)

    monkeypatch.setattr(ledger, "renew", noted)
    await drive(ledger, engine_on(server.url))

    assert max(told) == 5
    assert stats(server.url)["peak_in_flight"] == 5


async def test_slots_are_used_all_the_time(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """A job takes hardly longer than its calls after each other, divided by the concurrency."""
    server = simulate(latency_mean_seconds=0.1, latency_sigma=0.0)
    create(ledger, 100, items_per_partition=25, concurrency=5)
    engine = engine_on(server.url)
    await asyncio.wrap_future(engine.connect())

    started = time.monotonic()
    await drive(ledger, engine)

    assert time.monotonic() - started < 2.5 * 100 * 0.1 / 5


async def test_new_work_does_not_wait_for_the_next_renewal(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Work that comes while one call is in flight gets the slots it needs at once."""
    monkeypatch.setattr(share, "RENEW_SECONDS", 20.0)
    server = simulate(latency_mean_seconds=2.0, latency_sigma=0.0)
    create(ledger, 10, items_per_partition=1, concurrency=10)
    engine = engine_on(server.url)
    first = asyncio.wrap_future(engine.run_phase(JOB, RUN, "write", 0, 1))
    await in_flight(server.url, 1)

    others = asyncio.wrap_future(engine.run_phase(JOB, RUN, "write", 1, 10))
    await in_flight(server.url, 10, within=1.8)

    assert [outcome.done for outcome in await asyncio.gather(first, others)] == [1, 9]


async def test_a_retry_does_not_wait_for_the_next_renewal(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that comes back after an error finds a slot, though none was wanted when the lease was renewed last."""
    monkeypatch.setattr(share, "RENEW_SECONDS", 0.02)
    server = simulate(faults={Fault.RATE_LIMIT: 1.0}, retry_after_seconds=1)
    create(ledger, 1)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    while not stats(server.url)["message_requests"]:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)

    monkeypatch.setattr(share, "RENEW_SECONDS", 20.0)
    async with asyncio.timeout(10):
        await running

    assert ledger.progress(JOB).completed == 1


async def test_concurrency_can_be_changed_while_a_job_runs(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """The engine follows as soon as it renews its lease: up at once, and down as calls end (A7)."""
    server = simulate(latency_mean_seconds=0.1)
    create(ledger, 200, concurrency=1)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await in_flight(server.url, 1)

    ledger.set_concurrency(JOB, 8)
    await in_flight(server.url, 8)
    ledger.set_concurrency(JOB, 2)
    await in_flight(server.url, 2)
    await running

    assert stats(server.url)["peak_in_flight"] == 8


async def test_a_second_engine_gets_its_part_of_a_busy_job(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """The first, which has every slot in flight, does not replace calls that are over its part (D2)."""
    server, other = simulate(latency_mean_seconds=0.1), simulate(latency_mean_seconds=0.1)
    create(ledger, 200, items_per_partition=100, concurrency=8)
    first, second = engine_on(server.url), engine_on(other.url)
    running = [first.run_phase(JOB, RUN, "write", 0, 100)]
    await in_flight(server.url, 8)

    running.append(second.run_phase(JOB, RUN, "write", 100, 200))
    await in_flight(other.url, 4)

    assert stats(server.url)["in_flight"] <= 4
    await asyncio.gather(*map(asyncio.wrap_future, running))


async def test_two_jobs_in_one_engine_each_have_their_own(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Concurrency is a job's, not an engine's; what one job gives back is not the other's."""
    servers: Sequence[str] = [simulate(latency_mean_seconds=0.03).url]
    create(ledger, 30, concurrency=2, items_per_partition=10, job_id="short")
    create(ledger, 60, concurrency=3, items_per_partition=10, job_id="long")
    engine = engine_on(servers[0])

    await asyncio.gather(drive(ledger, engine, job_id="short"), drive(ledger, engine, job_id="long"))

    assert stats(servers[0])["peak_in_flight"] == 5
    assert not ledger.unfinished_count("short") + ledger.unfinished_count("long")


async def in_flight(url: str, count: int, within: float = 10.0) -> None:
    """Returns as soon as the server works on at least so many calls; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while (await asyncio.to_thread(stats, url))["in_flight"] < count:
            await asyncio.sleep(0.01)
