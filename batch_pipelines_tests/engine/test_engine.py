"""The life of an engine: it connects once, closes cleanly, and nobody who waits for it waits for ever."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import ErrorCategory, LedgerUnavailable, ProviderError
from batch_pipelines.domain.limits import LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine import checkpoints, engine, session, share
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.engine.work import PhaseOutcome
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import attempts, engine_leases
from batch_pipelines.providers.base import Provider
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, MODEL, PRICES, RUN, create, drive, phase, repeated, utc_now

AWAY = LedgerUnavailable("sqlite:///x", "is locked by another process", "wait")


async def until(seen: Callable[[], object], within: float = 15.0) -> None:
    """Returns when `seen` says something true; fails after `within` seconds."""
    async with asyncio.timeout(within):
        while not await asyncio.to_thread(seen):
            await asyncio.sleep(0.01)


def busy(url: str, count: int = 1) -> Callable[[], bool]:
    """Whether the server works on so many calls."""
    return lambda: stats(url)["in_flight"] >= count


def raising(error: Exception) -> Callable[..., Any]:
    """A method that fails."""

    def method(*_: object, **__: object) -> Any:
        raise error

    return method


async def without_a_key(connecting: Engine, url: str) -> Engine:
    """The engine, connected, after its key was revoked."""
    await asyncio.wrap_future(connecting.connect())
    configure(url, required_key="another")
    return connecting


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
