"""Whole batch jobs through an engine: every phase of every item, sums that agree, no barrier between partitions."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from batch_pipelines.control.running import close_run
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.job import PhaseOutcome
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import (
    JOB,
    RUN,
    billed_usd,
    create,
    drive,
    make_engine,
    phase,
    repeated,
    utc_now,
)
from batch_pipelines_tests.postgres import fresh_database

THREE = (phase("draft"), phase("review"), phase("polish"))


async def test_every_item_goes_through_every_phase(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Every phase sees the outputs of those before it, and the last one's is the item's."""
    server = simulate()
    create(ledger, 12, *THREE, items_per_partition=5, concurrency=4)

    outcomes = await drive(ledger, engine_on(server.url))

    assert sum((Counter(done=each.done, failed=each.failed, left=each.left) for each in outcomes), Counter()) == {
        "done": 36
    }
    results = list(ledger.iter_results(JOB))
    assert {result.status for result in results} == {ItemStatus.COMPLETED}
    assert all(set(result.phase_outputs) == {"draft", "review", "polish"} for result in results)
    assert all(result.output == result.phase_outputs["polish"] for result in results)
    assert (stats(server.url)["answered"], repeated(server.url)) == (36, 0)
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
    assert ledger.job(JOB).status is JobStatus.COMPLETED


async def test_costs_agree_with_the_bill(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """What phases cost is what the item cost, what items cost is what the job cost, and what the server billed."""
    server = simulate(faults={Fault.SERVER_ERROR: 0.3})
    create(ledger, 10, *THREE, concurrency=5)

    await drive(ledger, engine_on(server.url))

    by_item: dict[str, Decimal] = {}
    for call in ledger.finished_calls(JOB):
        assert call.cost_usd is not None
        by_item[call.item_id] = by_item.get(call.item_id, Decimal(0)) + call.cost_usd
    assert {result.item_id: result.cost_usd for result in ledger.iter_results(JOB)} == by_item
    progress, counted = ledger.progress(JOB), stats(server.url)
    assert progress.cost_usd == sum(by_item.values()) == billed_usd(server.url) > 0
    assert progress.usage.output_tokens == counted["output_tokens"]
    assert progress.usage.total_input_tokens == (
        counted["input_tokens"] + counted["cache_read_input_tokens"] + counted["cache_creation_input_tokens"]
    )


async def test_no_partition_waits_for_another(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """While some items wait for the provider in the first phase, others are in the last."""
    server = simulate(seed=3, faults={Fault.RATE_LIMIT: 0.3}, retry_after_seconds=1)
    create(ledger, 12, *THREE, items_per_partition=1, concurrency=3)

    await drive(ledger, engine_on(server.url))

    asked = [entry["prompt"].partition(":")[0] for entry in log(server.url)]
    assert asked.index("polish") < len(asked) - 1 - asked[::-1].index("draft")


async def test_a_job_on_postgresql(journals: Path, simulate: Simulate) -> None:
    """The same on the other database: a job with three phases ends, and its costs are those of the bill."""
    server = simulate(faults={Fault.OVERLOADED: 0.2})
    with fresh_database() as url, Ledger.open(url, utc_now) as ledger:
        create(ledger, 12, *THREE, items_per_partition=4, concurrency=6)
        with make_engine(ledger, journals, server.url) as engine:
            await drive(ledger, engine)

        assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
        assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


async def test_nothing_is_done_twice(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """A phase that is run again for the same items makes no call."""
    server = simulate()
    create(ledger, 4)
    engine = engine_on(server.url)
    await drive(ledger, engine)

    assert await drive(ledger, engine) == [PhaseOutcome(done=4, failed=0, left=0)]
    assert stats(server.url)["message_requests"] == 4


@pytest.mark.parametrize("items_per_partition", [1, 30])
async def test_durable_when_a_phase_returns(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, items_per_partition: int
) -> None:
    """Whoever is told that a phase is done finds all of it in the ledger (D5)."""
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 30, items_per_partition=items_per_partition, concurrency=10, checkpoint_frequency=7)
    engine = engine_on(server.url)

    async def one(start: int) -> None:
        stop = start + items_per_partition
        await asyncio.wrap_future(engine.run_phase(JOB, RUN, "write", start, stop))
        page = ledger.results(JOB, after_position=start - 1, limit=items_per_partition)
        assert {result.status for result in page} == {ItemStatus.COMPLETED}

    async with asyncio.timeout(20):
        await asyncio.gather(*(one(start) for start in range(0, 30, items_per_partition)))


async def test_events_tell_each_start_and_end_once(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Over three phases an item starts once and completes once."""
    server = simulate()
    create(ledger, 5, *THREE)

    await drive(ledger, engine_on(server.url))

    events = ledger.events_after(JOB, 0)
    for kind in (EventType.ITEM_STARTED, EventType.ITEM_COMPLETED):
        assert Counter(event.item_id for event in events if event.type is kind) == Counter(
            f"item_{number}" for number in range(5)
        )
    assert utc_now() - events[-1].at < timedelta(seconds=10)
