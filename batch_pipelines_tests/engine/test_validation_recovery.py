"""Pauses and crashes in the middle of tries and judgements (A4, B7, D5, D6)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.engine.share import LEASE_SECONDS
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import configure, log, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, repeated, utc_now
from batch_pipelines_tests.engine.validated import (
    PRICES,
    Watched,
    billed_usd,
    calls,
    create,
    drive,
    drive_and_pause,
    engine_with,
    is_judgement,
    judged,
)
from batch_pipelines_tests.postgres import fresh_database


async def test_a_pause_keeps_answers_for_their_judges(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """The next run judges what was answered, goes on where tries stood, and asks for nothing twice (A4, B7, D5)."""
    server = simulate(judge_mean=6, judge_spread=2, latency_mean_seconds=0.3)
    create(ledger, 24, judged(min_score=7), concurrency=6, items_per_partition=12)
    engine = engine_on(server.url, prices=PRICES)
    await drive_and_pause(ledger, engine, server.url, "answered", 15)
    waiting = [work.trial for work in ledger.partition_work(JOB, "write", 0, 24) if work.trial is not None]
    assert ledger.job(JOB).status is JobStatus.PAUSED
    assert waiting

    configure(server.url, latency_mean_seconds=0)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
    assert repeated(server.url) == 0
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)
    for result in ledger.iter_results(JOB):
        assert result.attempts == 2 * (result.retries + 1)
        assert result.retries == 3 or result.status is ItemStatus.COMPLETED


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("judgements", [0, 9])
async def test_a_killed_run_keeps_answers_for_their_judges(
    ledger_url: str, journals: Path, simulate: Simulate, judgements: int, moment: str
) -> None:
    """Killed between an answer and its judgement, or when a judge has spoken and nobody wrote it down: the next run
    judges the answers that are kept, and repeats no more than was in flight (B7, D5, D6)."""
    server = simulate(judge_mean=6, judge_spread=2, latency_mean_seconds=0.01, seed=judgements)
    with Ledger.open(ledger_url, utc_now) as ledger:
        create(ledger, 20, judged(min_score=7), concurrency=4, items_per_partition=10, checkpoint_frequency=50)
    arguments = [ledger_url, str(journals), server.url, str(judgements), moment]
    killed = subprocess.run(
        [sys.executable, "-m", "batch_pipelines_tests.engine.killed_judging", *arguments], timeout=60, check=False
    )
    assert killed.returncode == -9
    while stats(server.url)["in_flight"]:
        await asyncio.sleep(0.01)
    judged_before = len(calls(server.url)[1])

    with Ledger.open(ledger_url, lambda: utc_now() + timedelta(seconds=LEASE_SECONDS)) as ledger:
        open_run(ledger, JOB, "run-2")
        with engine_with(ledger, journals, Watched(server.url)) as engine:
            engine.recover(JOB)
            trials = {work.item_id: work.trial for work in ledger.partition_work(JOB, "write", 0, 20) if work.trial}
            kept = {item_id for item_id, trial in trials.items() if trial.pending and not trial.pending.verdicts}
            await drive(ledger, engine, run_id="run-2")
        assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE

        assert kept
        assert judged_before <= judgements + 4
        again = Counter(entry["body_sha256"] for entry in log(server.url) if entry["billed"])
        twice = [entry for entry in log(server.url) if again[entry["body_sha256"]] > 1]
        assert repeated(server.url) <= 4
        # No answer whose judgement was under way was asked for again.
        asked_again = {entry["prompt"] for entry in twice if not is_judgement(entry)}
        assert not any(
            f"mountain {item_id.removeprefix('item_')} of" in each for item_id in kept for each in asked_again
        )
        results = list(ledger.iter_results(JOB))
        assert {result.status for result in results} <= {ItemStatus.COMPLETED, ItemStatus.FAILED}
        assert all(result.status is ItemStatus.FAILED or (result.quality_score or 0) >= 7 for result in results)
        ends = Counter(
            event.item_id
            for event in ledger.events_after(JOB, 0, limit=1000)
            if event.type in (EventType.ITEM_COMPLETED, EventType.ITEM_FAILED)
        )
        assert ends == Counter(f"item_{number}" for number in range(20))
        charges = ledger.charges(JOB)
        assert charges.cost_usd <= billed_usd(server.url) <= charges.total_usd


async def test_a_validated_job_on_postgresql(journals: Path, simulate: Simulate) -> None:
    """The same on the other database: tries, scores and costs are kept."""
    server = simulate(judge_mean=6, judge_spread=2)
    with fresh_database() as url, Ledger.open(url, utc_now) as ledger:
        create(ledger, 10, judged(min_score=7), judged("polish", min_score=5), concurrency=5, items_per_partition=5)
        with engine_with(ledger, journals, Watched(server.url)) as engine:
            await drive(ledger, engine)

        assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
        assert ledger.progress(JOB).cost_usd == billed_usd(server.url)
        done = [result for result in ledger.iter_results(JOB) if result.status is ItemStatus.COMPLETED]
        assert done
        assert all(set(result.assessments) == {"write", "polish"} for result in done)
        assert all(result.quality_score == result.assessments["polish"].score for result in done)
