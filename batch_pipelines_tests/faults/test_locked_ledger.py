"""A SQLite ledger that another process has locked (D5)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.engine import checkpoints, share
from batch_pipelines.ledger.database import open_engine
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, create, drive, make_engine, utc_now
from batch_pipelines_tests.faults.conditions import answered, idle, until
from batch_pipelines_tests.faults.conftest import Serve
from batch_pipelines_tests.faults.evidence import check_accounts, check_endings, entries_in

ITEMS = 240
SLOTS = 4
LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(ledger_url: str) -> Iterator[None]:
    """Another process writes into the ledger, and does not end its transaction, for as long as the block takes."""
    command = [sys.executable, "-c", LOCK, str(make_url(ledger_url).database)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield
        holder.communicate(timeout=10)


async def test_a_ledger_locked_for_a_while_loses_nothing(
    ledger: Ledger, ledger_url: str, serve: Serve, engine_on: EngineOn, log_file: Path
) -> None:
    """Calls go on while it is locked, and what they answer is written when it is free again (D5)."""
    server = serve(latency_mean_seconds=0.05)
    create(ledger, ITEMS, concurrency=SLOTS)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(answered(server.url, SLOTS), running)

    with locked(ledger_url):
        seen, before = stats(server.url)["answered"], ledger.progress(JOB).completed
        await until(answered(server.url, seen + 3 * SLOTS), running)
        during = ledger.progress(JOB).completed
    configure(server.url, latency_mean_seconds=0)
    await running

    assert during == before
    assert stats(server.url)["answered"] == ITEMS == ledger.progress(JOB).completed
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries_in(log_file))


async def test_a_ledger_locked_for_too_long_ends_the_run(
    ledger: Ledger, ledger_url: str, journals: Path, serve: Serve, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends with the reason; a later one finds all that was answered, and pays for none of it again (D5)."""
    monkeypatch.setattr(checkpoints, "GIVE_UP_SECONDS", 0.5)
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)
    server = serve(latency_mean_seconds=0.05)
    create(ledger, ITEMS, concurrency=SLOTS)
    with Ledger(open_engine(ledger_url, lock_seconds=0.1), utc_now) as impatient:
        with make_engine(impatient, journals, server.url) as engine:
            running = asyncio.ensure_future(drive(impatient, engine))
            await until(answered(server.url, SLOTS), running)
            with locked(ledger_url):
                with pytest.raises(LedgerUnavailable, match="is locked by another process"):
                    await running
                await asyncio.to_thread(engine.close)
        paid, written = stats(server.url)["answered"], ledger.progress(JOB).completed
    assert written < paid < ITEMS
    configure(server.url, latency_mean_seconds=0)

    with Ledger.open(ledger_url, lambda: utc_now() + timedelta(seconds=share.LEASE_SECONDS)) as later:
        open_run(later, JOB, "run-2")
        with make_engine(later, journals, server.url) as engine:
            await drive(later, engine, run_id="run-2")
        assert close_run(later, JOB).trigger is JobTrigger.COMPLETE
    await until(idle(server.url))
    assert stats(server.url)["answered"] == ITEMS
    check_endings(ledger, JOB, items=ITEMS)
    check_accounts(ledger, JOB, entries_in(log_file))
