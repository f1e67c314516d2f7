"""What goes wrong with calls, and what becomes of their items and of the job (D4, A6)."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, billed_usd, create, drive, phase, repeated

BILLED_AND_LOST = {Fault.MALFORMED_BODY, Fault.HALF_SENT_BODY}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.RATE_LIMIT,
        Fault.OVERLOADED,
        Fault.SERVER_ERROR,
        Fault.DROPPED_CONNECTION,
        Fault.MALFORMED_BODY,
        Fault.HALF_SENT_BODY,
    ],
)
async def test_what_passes_is_tried_again(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault
) -> None:
    """An error on the first attempt of every call ends no item, and each retry is counted (D4)."""
    server = simulate(faults={fault: 1.0}, retry_after_seconds=0)
    create(ledger, 6, concurrency=6)

    await drive(ledger, engine_on(server.url))

    close_run(ledger, JOB)
    results = list(ledger.iter_results(JOB))
    assert [(each.status, each.retries, each.attempts) for each in results] == [(ItemStatus.COMPLETED, 1, 2)] * 6
    assert ledger.job(JOB).status is JobStatus.COMPLETED
    assert repeated(server.url) == (6 if fault in BILLED_AND_LOST else 0)


async def test_retry_after_is_obeyed(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """No call comes back sooner than the provider asked (D3)."""
    server = simulate(faults={Fault.RATE_LIMIT: 1.0}, retry_after_seconds=1)
    create(ledger, 3)
    started = time.monotonic()

    await drive(ledger, engine_on(server.url))

    assert time.monotonic() - started > 1.0
    assert stats(server.url)["by_status"] == {"429": 3, "200": 3}


async def test_retries_end(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """An error that stays ends the item after the retries that the job allows; its others go on (A6)."""
    server = simulate(faults={Fault.SERVER_ERROR: 0.5}, fault_attempts=100)
    create(ledger, 8, retry_attempts=2)

    await drive(ledger, engine_on(server.url))

    close_run(ledger, JOB)
    results = list(ledger.iter_results(JOB))
    found = Counter(result.status for result in results)
    failed = [result for result in results if result.status is ItemStatus.FAILED]
    assert set(found) == {ItemStatus.COMPLETED, ItemStatus.FAILED}
    assert {(each.attempts, each.error and each.error.category) for each in failed} == {(3, ErrorCategory.SERVER_ERROR)}
    assert ledger.job(JOB).status is JobStatus.COMPLETED


@pytest.mark.parametrize(
    ("fault", "category", "attempts"),
    [(Fault.REFUSAL, ErrorCategory.REFUSAL, 1), (Fault.MAX_TOKENS, ErrorCategory.MAX_TOKENS, 2)],
)
async def test_an_answer_that_is_no_output_is_not_bought_again_as_it_was(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault, category: ErrorCategory, attempts: int
) -> None:
    """A refusal fails its item at once and a cut answer after one try with a higher cap; both are paid for (D4)."""
    server = simulate(faults={fault: 0.5})
    create(ledger, 8)

    await drive(ledger, engine_on(server.url))

    results = list(ledger.iter_results(JOB))
    failed = [result for result in results if result.status is ItemStatus.FAILED]
    assert 0 < len(failed) < 8
    assert {(each.attempts, each.error and each.error.category) for each in failed} == {(attempts, category)}
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


async def test_a_wrong_key_stops_the_job(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """When a key is revoked, every call would fail: the job fails with the reason, and no item does (D4)."""
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 20, items_per_partition=10, concurrency=3)
    engine = engine_on(server.url)
    await asyncio.wrap_future(engine.connect())
    configure(server.url, required_key="another")

    outcomes = await drive(ledger, engine)
    close_run(ledger, JOB)

    job, progress = ledger.job(JOB), ledger.progress(JOB)
    assert (job.status, job.error) == (JobStatus.FAILED, "authentication: invalid API key")
    assert (progress.pending, progress.failed) == (20, 0)
    assert sum(outcome.left for outcome in outcomes) == 20
    assert stats(server.url)["message_requests"] <= 3
    # With the right key the same engine carries on.
    configure(server.url, required_key=None)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")
    assert ledger.progress(JOB).completed == 20


async def test_a_call_that_takes_too_long_is_a_timeout(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """It is given up after the phase's time, and tried again (D4)."""
    server = simulate(latency_mean_seconds=5.0, latency_sigma=0.0)
    create(ledger, 2, phase("write", timeout_seconds=0.3), retry_attempts=3)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    while stats(server.url)["in_flight"] < 2:
        await asyncio.sleep(0.01)
    configure(server.url, latency_mean_seconds=0)
    await running

    assert [(each.status, each.retries) for each in ledger.iter_results(JOB)] == [(ItemStatus.COMPLETED, 1)] * 2


async def test_a_timeout_that_stays_fails_the_item(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Its category says what it was, and its cost is unknown, not zero."""
    server = simulate(latency_mean_seconds=5.0, latency_sigma=0.0)
    create(ledger, 1, phase("write", timeout_seconds=0.2), retry_attempts=0)

    await drive(ledger, engine_on(server.url))

    (result,) = ledger.results(JOB)
    assert result.error is not None
    assert (result.error.category, result.cost_usd) == (ErrorCategory.TIMEOUT, None)


async def test_a_prompt_that_cannot_be_rendered_costs_nothing(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Items with a hole in their prompt fail before any call; the others are not kept waiting."""
    server = simulate()
    only_even = phase("write", prompt="{% if '1' in item.topic %}{{ item.hole }}{% endif %}{{ item.topic }}")
    create(ledger, 20, only_even, job_id="holes")

    await drive(ledger, engine_on(server.url), job_id="holes")

    failed = [result for result in ledger.iter_results("holes") if result.status is ItemStatus.FAILED]
    assert {result.error and result.error.category for result in failed} == {ErrorCategory.TEMPLATE}
    assert (len(failed), stats(server.url)["message_requests"]) == (11, 9)


async def test_the_first_failure_can_stop_the_job(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """With error_handling stop the job fails with the item's error; calls in flight are kept, others pending (A6)."""
    server = simulate(faults={Fault.REFUSAL: 0.1}, latency_mean_seconds=0.03, seed=5)
    create(ledger, 60, items_per_partition=20, concurrency=4, error_handling="stop")

    await drive(ledger, engine_on(server.url))
    close_run(ledger, JOB)

    job, progress = ledger.job(JOB), ledger.progress(JOB)
    assert job.status is JobStatus.FAILED
    assert "failed (refusal: the model declined to answer)" in str(job.error)
    assert progress.completed + progress.failed == stats(server.url)["answered"] < 60
    assert (progress.pending, progress.running) == (60 - progress.completed - progress.failed, 0)
    assert 1 <= progress.failed <= 4


async def test_a_stopped_job_can_go_on(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """What is left is done by the next run, in the same engine or another, and nothing twice (A6)."""
    server = simulate(faults={Fault.REFUSAL: 0.1}, seed=5)
    create(ledger, 30, concurrency=2, error_handling="stop")
    engine = engine_on(server.url)
    await drive(ledger, engine)
    close_run(ledger, JOB)
    failed = ledger.progress(JOB).failed

    configure(server.url, faults={})
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    assert ledger.progress(JOB).completed == 30 - failed
    assert repeated(server.url) == 0


async def test_a_provider_that_is_gone_costs_no_item(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """When no connection holds any more the job pauses with the reason, and its items wait for a later run (A4, D4)."""
    server = simulate(latency_mean_seconds=0.02)
    create(ledger, 40, concurrency=4, retry_attempts=1)
    engine = engine_on(server.url)
    await asyncio.wrap_future(engine.connect())
    server.stop()

    await drive(ledger, engine)

    close_run(ledger, JOB)
    job, progress = ledger.job(JOB), ledger.progress(JOB)
    assert job.status is JobStatus.PAUSED
    assert job.error is not None
    assert "cannot be reached" in job.error
    assert progress.failed < 4
    assert progress.pending >= 36
