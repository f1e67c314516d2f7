"""A ledger that is slow, or whose word gets lost (D5)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.engine import checkpoints, session
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, create, drive, phase
from batch_pipelines_tests.faults.conftest import Serve
from batch_pipelines_tests.faults.evidence import check_accounts, check_endings, entries_in

SLOW_SECONDS = 0.5
SLOTS = 10


async def test_a_slow_ledger_holds_the_calls_back(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls go on until so many answers wait for it, however quick they are, and none is lost (D5)."""
    most, items = 20, 120
    monkeypatch.setattr(session, "MOST_UNWRITTEN", most)
    server = serve(latency_mean_seconds=0.01)
    create(ledger, items, concurrency=SLOTS)
    record, recorded, unwritten = ledger.record, 0, []

    def slowly(batch_job_id: str, group: Sequence[Report]) -> None:
        nonlocal recorded
        time.sleep(SLOW_SECONDS)
        unwritten.append(stats(server.url)["answered"] - recorded)
        record(batch_job_id, group)
        recorded += sum(report.attempt is not None for report in group)

    monkeypatch.setattr(ledger, "record", slowly)
    await drive(ledger, engine_on(server.url))

    assert SLOTS < max(unwritten) <= most + SLOTS
    check_endings(ledger, JOB, items=items)
    check_accounts(ledger, JOB, entries_in(log_file))
    assert ledger.progress(JOB).completed == items == stats(server.url)["answered"]


async def test_a_group_whose_commit_was_not_confirmed_is_not_written_twice(
    ledger: Ledger, serve: Serve, engine_on: EngineOn, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that breaks between a commit and its confirmation costs nothing, and the run goes on (D5)."""
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.01)
    server, items = serve(latency_mean_seconds=0.02), 40
    # The last one's prompt cannot be rendered, so its news are of a start and a failure without a call.
    only_good = phase("draft", prompt="draft: tell me about {{ item.topic }}{{ item.hole if '39' in item.topic }}")
    create(ledger, items, only_good, phase("review"), concurrency=SLOTS, checkpoint_frequency=SLOTS)
    record, is_confirmed = ledger.record, True

    def unconfirmed(batch_job_id: str, group: Sequence[Report]) -> None:
        nonlocal is_confirmed
        record(batch_job_id, group)
        is_confirmed = not is_confirmed
        if not is_confirmed:
            raise LedgerUnavailable("postgresql://x", "cannot be used (server closed the connection)", "wait")

    monkeypatch.setattr(ledger, "record", unconfirmed)
    await drive(ledger, engine_on(server.url))

    progress = ledger.progress(JOB)
    assert (progress.completed, progress.failed) == (items - 1, 1)
    assert stats(server.url)["answered"] == 2 * (items - 1)
    check_endings(ledger, JOB, items=items)
    check_accounts(ledger, JOB, entries_in(log_file))
