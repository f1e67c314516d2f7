"""kill -9 at any moment: what was finished is kept, and only what nobody had written down is paid again (D5)."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import JobTakenOver
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.transitions import ItemStatus, JobTrigger
from batch_pipelines.engine.share import LEASE_SECONDS
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.samples import (
    JOB,
    billed_usd,
    create,
    drive,
    make_engine,
    phase,
    repeated,
    utc_now,
)

ITEMS = 40
CONCURRENCY = 5


def kill_midway(ledger_url: str, journals: Path, server_url: str, answered: int, delay_seconds: float) -> None:
    """Let a process work until so many calls are answered, and a moment longer, then kill it; wait for the server."""
    arguments = [ledger_url, str(journals), server_url]
    process = subprocess.Popen([sys.executable, "-m", "batch_pipelines_tests.engine.killed", *arguments])
    try:
        deadline = time.monotonic() + 30
        while stats(server_url)["answered"] < answered:
            assert time.monotonic() < deadline, "the process makes no calls"
            assert process.poll() is None, "the process ended by itself"
            time.sleep(0.005)
        time.sleep(delay_seconds)
    finally:
        process.kill()
        process.wait(10)
    while stats(server_url)["in_flight"]:
        time.sleep(0.01)


@pytest.mark.parametrize("seed", range(5))
async def test_a_killed_engine_loses_nothing_that_was_finished(
    ledger_url: str, simulate: Simulate, seed: int, journals: Path
) -> None:
    """Every item completes exactly once, no more calls are repeated than may be in flight, and what those may have
    cost is charged (D5, D6)."""
    moment = Random(seed)
    server = simulate(latency_mean_seconds=0.04, seed=seed)
    with Ledger.open(ledger_url, utc_now) as ledger:
        create(
            ledger,
            ITEMS,
            phase("draft"),
            phase("review"),
            items_per_partition=20,
            concurrency=CONCURRENCY,
            checkpoint_frequency=CONCURRENCY,
        )
    kill_midway(ledger_url, journals, server.url, moment.randint(1, 70), moment.uniform(0, 0.1))

    # The killed process's lease has to run out; the clock of the next one is that much ahead.
    with Ledger.open(ledger_url, lambda: utc_now() + timedelta(seconds=LEASE_SECONDS)) as ledger:
        kept = {(call.item_id, call.phase): call.attempts for call in ledger.finished_calls(JOB)}
        open_run(ledger, JOB, "run-2")
        with make_engine(ledger, journals, server.url) as engine:
            await drive(ledger, engine, run_id="run-2")
        assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE

        after = {(call.item_id, call.phase): call.attempts for call in ledger.finished_calls(JOB)}
        completions = Counter(
            event.item_id for event in ledger.events_after(JOB, 0, limit=1000) if event.type is EventType.ITEM_COMPLETED
        )
        assert {result.status for result in ledger.iter_results(JOB)} == {ItemStatus.COMPLETED}
        assert completions == Counter(f"item_{number}" for number in range(ITEMS))
        assert len(after) == 2 * ITEMS
        assert kept.items() <= after.items()
        assert repeated(server.url) <= CONCURRENCY
        charges = ledger.charges(JOB)
        assert charges.cost_usd <= billed_usd(server.url) <= charges.total_usd


async def test_nobody_else_starts_while_the_dead_may_live(ledger_url: str, simulate: Simulate, journals: Path) -> None:
    """Until the killed process's lease runs out, no other run can take the job (D2)."""
    server = simulate(latency_mean_seconds=0.04)
    with Ledger.open(ledger_url, utc_now) as ledger:
        create(ledger, ITEMS, concurrency=CONCURRENCY)
        kill_midway(ledger_url, journals, server.url, 5, 0)

        with pytest.raises(JobTakenOver):
            open_run(ledger, JOB, "run-2")
