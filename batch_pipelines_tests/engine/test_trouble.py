"""An engine in trouble: our own defects, a ledger that is away, lost results; nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import pytest

from batch_pipelines.control.running import close_run
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.limits import LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine import checkpoints, session, share
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.moments import AWAY, raising, until, without_a_key
from batch_pipelines_tests.engine.samples import JOB, MODEL, PRICES, create, drive, repeated


class BrokenLimits(NoLimits):
    """Limits with a defect."""

    def admit(self, model: str, expected: TokenProfile) -> float:
        raise ZeroDivisionError("oops")


class BrokenAnswers(NoLimits):
    """Limits with a defect that shows when a call has ended."""

    def answered(
        self, model: str, expected: TokenProfile, usage: Usage | None, readings: Sequence[LimitReading]
    ) -> None:
        raise ZeroDivisionError("oops")


class BrokenPrices(PriceBook):
    """Prices with a defect that shows when a call is over."""

    def cost(self, model: str, usage: Usage, at: datetime) -> Decimal:
        raise ZeroDivisionError("oops")

    def upper_bound(self, model: str, input_tokens: int, max_tokens: int, at: datetime) -> Decimal:
        return Decimal(1)


@pytest.mark.parametrize("broken", ["limits", "answers", "prices", "renewal"])
async def test_a_defect_stops_the_job_and_nobody_waits(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Whatever breaks inside, every phase returns and the job fails with what broke."""
    server = simulate()
    create(ledger, 20, items_per_partition=5, concurrency=3)
    if broken == "renewal":
        monkeypatch.setattr(ledger, "renew", raising(ZeroDivisionError("oops")))
    defective = engine_on(
        server.url,
        {"limits": BrokenLimits(), "answers": BrokenAnswers()}.get(broken, NoLimits()),
        BrokenPrices() if broken == "prices" else PRICES,
    )

    outcomes = await drive(ledger, defective, patience=10)
    close_run(ledger, JOB)

    assert sum(outcome.left for outcome in outcomes) == 20
    assert ledger.job(JOB).status is JobStatus.FAILED
    assert ledger.job(JOB).error == "the engine failed: ZeroDivisionError('oops')"
    assert ledger.progress(JOB).pending == 20


@pytest.mark.parametrize("methods", [("renew",), ("renew", "record")], ids=str)
async def test_once_the_lease_ran_out_nothing_starts(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch, methods: tuple[str, ...]
) -> None:
    """A ledger that is away may have given the share to others; when it is back, the job goes on and lost nothing."""
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(share, "LEASE_SECONDS", 1.0)
    server = simulate(latency_mean_seconds=0.05)
    create(ledger, 200, concurrency=4)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url)))
    await until(lambda: stats(server.url)["answered"] >= 4)

    with monkeypatch.context() as away:
        for method in methods:
            away.setattr(ledger, method, raising(AWAY))
        await asyncio.sleep(1.2)
        before = stats(server.url)["message_requests"]
        await asyncio.sleep(0.5)
        assert stats(server.url)["message_requests"] == before < 200
    await running

    assert ledger.progress(JOB).completed == 200
    assert repeated(server.url) == 0


async def test_a_ledger_that_stays_away_ends_the_phase_with_an_error(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing can be written any more, not even the reason, whoever waits is told."""
    monkeypatch.setattr(share, "GIVE_UP_SECONDS", 0.1)
    monkeypatch.setattr(checkpoints, "GIVE_UP_SECONDS", 0.0)
    server = simulate(latency_mean_seconds=0.05)
    create(ledger, 80, items_per_partition=20, concurrency=4)
    running = asyncio.ensure_future(drive(ledger, engine_on(server.url), patience=10))
    await until(lambda: stats(server.url)["answered"] >= 4)

    for method in ("renew", "record", "request", "release"):
        monkeypatch.setattr(ledger, method, raising(AWAY))
    with pytest.raises(LedgerUnavailable):
        await running
    await until(lambda: not stats(server.url)["in_flight"])
    assert stats(server.url)["message_requests"] < 80


async def test_a_reason_that_cannot_be_written_is_told(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the run would be concluded without it."""
    server = simulate()
    create(ledger, 4)
    working = await without_a_key(engine_on(server.url), server.url)
    monkeypatch.setattr(ledger, "request", raising(AWAY))

    with pytest.raises(LedgerUnavailable):
        await drive(ledger, working, patience=10)


async def test_results_that_cannot_be_written_stop_the_calls(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls must not go on unrecorded: the job drains, and the phase ends with what went wrong."""
    server = simulate(latency_mean_seconds=0.05)
    create(ledger, 200, concurrency=4, checkpoint_frequency=1)
    monkeypatch.setattr(ledger, "record", raising(ZeroDivisionError("oops")))

    with pytest.raises(ZeroDivisionError):
        await drive(ledger, engine_on(server.url), patience=10)

    assert stats(server.url)["message_requests"] <= 16
    assert "results cannot be written" in str(ledger.open_requests(JOB)[0].reason)


async def test_partitions_that_wait_to_load_are_let_go_when_nothing_can_be_written(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results that pile up keep more items from being loaded, but not once the job drains."""
    monkeypatch.setattr(session, "MOST_UNWRITTEN", 2)
    monkeypatch.setattr(session, "MOST_WAITING", 2)
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 100, concurrency=4, items_per_partition=5)
    monkeypatch.setattr(ledger, "record", raising(ZeroDivisionError("oops")))

    with pytest.raises(ZeroDivisionError):
        await drive(ledger, engine_on(server.url), patience=20)


class WatchedLimits(NoLimits):
    """Limits that remember how many calls they were told to expect."""

    def __init__(self) -> None:
        self.expected: set[tuple[str, int]] = set()

    def expect(self, model: str, slots: int) -> None:
        self.expected.add((model, slots))


async def test_limits_are_told_of_the_whole_concurrency(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """The first grant may be for a few items only; who knows no better would let all of them start at once (D3)."""
    limits = WatchedLimits()
    create(ledger, 40, concurrency=20, items_per_partition=2)

    await drive(ledger, engine_on(simulate().url, limits))

    assert limits.expected == {(MODEL, 20)}
