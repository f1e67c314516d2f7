"""A PostgreSQL ledger that dies, comes back, stays away, or loses its connections (D5)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.engine import checkpoints, share
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines_tests.engine.samples import JOB, create, drive, make_engine, utc_now
from batch_pipelines_tests.faults.conditions import answered, until
from batch_pipelines_tests.faults.conftest import Serve
from batch_pipelines_tests.faults.evidence import check_accounts, check_endings, entries_in
from batch_pipelines_tests.faults.private_postgres import PrivatePostgres, private_postgres

ITEMS = 120
SLOTS = 4
CALL_SECONDS = 0.1
"""So that a run takes seconds, until its end is let come at once."""
ENDED_CONNECTIONS = 10
PAUSE_SECONDS = 0.05
"""Between two times that connections are ended."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[PrivatePostgres]:
    """A server that nobody else uses."""
    with private_postgres() as server:
        yield server


@pytest.fixture
def ledger_url(postgres: PrivatePostgres) -> str:
    """An empty database there."""
    return postgres.new_database()


def check_all_paid_once(ledger: Ledger, server_url: str, log_file: Path) -> None:
    """Every item is completed, and paid for exactly once."""
    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
    assert stats(server_url)["answered"] == ITEMS == ledger.progress(JOB).completed
    assert ledger.charges(JOB).unknown_usd == 0
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries_in(log_file))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT])
async def test_a_database_that_comes_back_loses_nothing(
    ledger: Ledger,
    journals: Path,
    postgres: PrivatePostgres,
    serve: Serve,
    log_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: signal.Signals,
) -> None:
    """Killed in the middle of a run and started again, it costs no item, no call and no cent (D5)."""
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)
    server = serve(latency_mean_seconds=CALL_SECONDS)
    create(ledger, ITEMS, concurrency=SLOTS)
    with make_engine(ledger, journals, server.url) as engine:
        running = asyncio.ensure_future(drive(ledger, engine))
        await until(answered(server.url, SLOTS), running)
        await asyncio.to_thread(postgres.kill, how)
        configure(server.url, latency_mean_seconds=0)
        assert not running.done()
        await asyncio.to_thread(postgres.start)
        await running

    check_all_paid_once(ledger, server.url, log_file)


async def test_a_database_that_stays_away_ends_the_run(
    ledger: Ledger,
    ledger_url: str,
    journals: Path,
    postgres: PrivatePostgres,
    serve: Serve,
    log_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run ends with the reason; when the database is back a later one finds all that was answered (D5)."""
    for module in (checkpoints, share):
        monkeypatch.setattr(module, "GIVE_UP_SECONDS", 0.3)
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)
    server = serve(latency_mean_seconds=CALL_SECONDS)
    create(ledger, ITEMS, concurrency=SLOTS)
    with make_engine(ledger, journals, server.url) as engine:
        running = asyncio.ensure_future(drive(ledger, engine))
        await until(answered(server.url, SLOTS), running)
        await asyncio.to_thread(postgres.kill, signal.SIGKILL)
        with pytest.raises(LedgerUnavailable):
            await running
    paid = stats(server.url)["answered"]
    await asyncio.to_thread(postgres.start)
    configure(server.url, latency_mean_seconds=0)

    assert ledger.progress(JOB).completed < paid < ITEMS
    with Ledger.open(ledger_url, lambda: utc_now() + timedelta(seconds=share.LEASE_SECONDS)) as later:
        open_run(later, JOB, "run-2")
        with make_engine(later, journals, server.url) as engine:
            await drive(later, engine, run_id="run-2")
        check_all_paid_once(later, server.url, log_file)


async def test_connections_that_are_ended_lose_nothing(
    ledger: Ledger,
    ledger_url: str,
    journals: Path,
    postgres: PrivatePostgres,
    serve: Serve,
    log_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever a connection was doing when it was ended, it is done once, by another one (D5)."""
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)
    server = serve(latency_mean_seconds=CALL_SECONDS)
    create(ledger, ITEMS, concurrency=SLOTS)
    ended = 0
    with make_engine(ledger, journals, server.url) as engine:
        running = asyncio.ensure_future(drive(ledger, engine))
        await until(answered(server.url, SLOTS), running)
        while ended < ENDED_CONNECTIONS and not running.done():
            ended += await asyncio.to_thread(postgres.end_connections, ledger_url)
            await asyncio.sleep(PAUSE_SECONDS)
        configure(server.url, latency_mean_seconds=0)
        await running

    assert ended >= ENDED_CONNECTIONS
    check_all_paid_once(ledger, server.url, log_file)
