"""Limits per minute, shared by all processes through the ledger (D3)."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from batch_pipelines.domain.errors import ErrorCategory, LedgerUnavailable, ProviderError
from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine import limiter as limiters
from batch_pipelines.engine.limiter import Limiter, NoLimits, SharedLimits
from batch_pipelines.ledger.accounts import Claim, Loan
from batch_pipelines.ledger.limits import Known
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.samples import MODEL, utc_now

REQUESTS, OUTPUT = LimitKind.REQUESTS, LimitKind.OUTPUT_TOKENS
SIZE = TokenProfile(input_tokens=20, output_tokens=60)
USED = Usage(input_tokens=20, output_tokens=60)


def shared(ledger: Ledger, holder: str = "a", **set_limits: int) -> SharedLimits:
    """The limits of one process."""
    return SharedLimits(ledger, "key", holder, {LimitKind(kind): limit for kind, limit in set_limits.items()}, utc_now)


async def call_all(limits: Limiter, url: str, count: int, slots: int, name: str = "") -> int:
    """Make so many calls as an engine does, those again that are refused; returns how many were refused."""
    provider = await asyncio.to_thread(SimulatedProvider, url, slots)
    waiting, refused, running = deque(range(count)), [], set()
    timer: asyncio.TimerHandle | None = None
    loop, finished = asyncio.get_running_loop(), asyncio.Event()

    async def call(number: int) -> None:
        request = CompletionRequest(MODEL, None, f"Tell me about {name} {number}.", 400, 20.0)
        try:
            completion = await provider.complete(request)
            limits.answered(MODEL, SIZE, completion.usage, completion.limits)
        except ProviderError as error:
            if error.category is not ErrorCategory.RATE_LIMIT:
                raise
            limits.refused(MODEL, error.retry_after_seconds, error.limits)
            refused.append(number)
            waiting.append(number)

    def ended(task: asyncio.Task[None]) -> None:
        running.discard(task)
        task.result()
        pump()

    def pump() -> None:
        nonlocal timer
        if timer is not None:
            timer.cancel()
        while waiting and len(running) < slots:
            if wait := limits.admit(MODEL, SIZE):
                timer = loop.call_later(max(wait, 0.001), pump)
                return
            task = loop.create_task(call(waiting.popleft()))
            running.add(task)
            task.add_done_callback(ended)
        if not waiting and not running:
            finished.set()

    limits.expect(MODEL, slots)
    end = limits.on_room(pump)
    pump()
    async with asyncio.timeout(60):
        await finished.wait()
    end()
    await provider.close()
    return len(refused)


async def admitted(limits: Limiter, size: TokenProfile = SIZE) -> None:
    """Returns when one call may start."""
    async with asyncio.timeout(10):
        while wait := limits.admit(MODEL, size):
            await asyncio.sleep(min(wait, 0.02))


async def test_without_limits_every_call_may_start() -> None:
    """Nothing is asked of anybody, and nothing that a provider says matters."""
    limits = NoLimits()
    limits.expect(MODEL, 5)
    limits.refused(MODEL, 60.0, ())
    limits.answered(MODEL, SIZE, None, ())

    assert limits.admit(MODEL, SIZE) == 0.0
    limits.on_room(lambda: None)()
    await limits.close()


@pytest.mark.parametrize("process_count", [1, 2])
async def test_the_provider_never_has_to_say_no(ledger: Ledger, simulate: Simulate, process_count: int) -> None:
    """A provider that allows no more than the limit that is set answers no call with 429 (D3)."""
    server = simulate(requests_per_minute=1_200, burst_seconds=1.5, limit_headers=False)
    processes = [shared(ledger, str(number), requests=1_200) for number in range(process_count)]

    began = time.monotonic()
    calls = (call_all(limits, server.url, 60 // process_count, 20, str(n)) for n, limits in enumerate(processes))
    refused = await asyncio.gather(*calls)
    for limits in processes:
        await limits.close()

    assert sum(refused) == 0
    assert stats(server.url)["by_status"] == {"200": 60}
    assert 2.0 < time.monotonic() - began < 6.0


async def test_a_limit_that_headers_tell_is_used_and_not_passed(ledger: Ledger, simulate: Simulate) -> None:
    """Of 1,200 a minute with a burst of 20, 70 calls take 2.5 seconds and a little, without a 429 (D3)."""
    server = simulate(requests_per_minute=1_200, burst_seconds=1.0, latency_mean_seconds=0.1)
    limits = shared(ledger)

    began = time.monotonic()
    refused = await call_all(limits, server.url, 70, 60)
    await limits.close()

    assert refused == 0
    assert 2.4 < time.monotonic() - began < 4.0
    assert ledger.known_limits(f"key:{MODEL}", utc_now()).per_minute == {REQUESTS: 1_200}


async def test_a_limit_that_only_refusals_tell_is_found(ledger: Ledger, simulate: Simulate) -> None:
    """The same without headers: a handful of 429s, and calls wait as long as those ask (D3)."""
    server = simulate(requests_per_minute=1_200, burst_seconds=1.0, latency_mean_seconds=0.1, limit_headers=False)
    limits = shared(ledger)

    refused = await call_all(limits, server.url, 100, 60)
    await limits.close()

    assert 0 < refused < 20
    assert stats(server.url)["by_status"]["200"] == 100


async def test_output_is_limited_by_what_was_really_produced(ledger: Ledger, simulate: Simulate) -> None:
    """Calls expect 60 tokens each; what the provider counted is what their followers wait for (D3)."""
    server = simulate(output_tokens_per_minute=60_000, burst_seconds=3.0, latency_mean_seconds=0.05)
    limits = shared(ledger)

    refused = await call_all(limits, server.url, 60, 10)
    await limits.close()

    assert refused == 0


async def test_a_block_stops_other_processes_soon(ledger: Ledger) -> None:
    """What one process was refused no other tries before its time is over (D3)."""
    one, other = shared(ledger, "a"), shared(ledger, "b")
    await admitted(one)
    await admitted(other)

    one.refused(MODEL, 30.0, ())
    assert one.admit(MODEL, SIZE) > 29
    async with asyncio.timeout(5):
        while other.admit(MODEL, SIZE) < 20:
            other.answered(MODEL, SIZE, USED, ())
            await asyncio.sleep(0.05)
    await asyncio.gather(one.close(), other.close())


async def test_what_is_held_is_given_back_at_the_end(ledger: Ledger) -> None:
    """A process that ends leaves all that it did not use to others (D3)."""
    limits = shared(ledger, requests=6_000)
    await admitted(limits)
    limits.answered(MODEL, SIZE, USED, ())
    held = ledger.borrow(f"key:{MODEL}", "b", {}, {REQUESTS: 6_000}, utc_now()).standings[REQUESTS].lent_to_others
    await limits.close()

    loan = ledger.borrow(f"key:{MODEL}", "b", {}, {REQUESTS: 6_000}, utc_now())

    assert held > 0
    assert loan.standings[REQUESTS].lent_to_others == 0


async def test_models_have_limits_of_their_own(ledger: Ledger) -> None:
    """A call to one waits while a call to another goes."""
    limits = shared(ledger, requests=1)
    await admitted(limits)
    assert limits.admit(MODEL, SIZE) > 0

    async with asyncio.timeout(5):
        while limits.admit("another", SIZE):
            await asyncio.sleep(0.01)
    await limits.close()


async def test_who_waits_is_told_when_there_is_room(ledger: Ledger) -> None:
    """`wake` comes before the time that `admit` named, until it is ended."""
    limits, woken = shared(ledger, requests=600), asyncio.Event()
    end = limits.on_room(woken.set)

    wait = limits.admit(MODEL, SIZE)
    async with asyncio.timeout(5):
        await woken.wait()

    assert wait > 0
    assert limits.admit(MODEL, SIZE) == 0
    end()
    end()
    await limits.close()


class Away:
    """A ledger that can be away."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.is_away = False

    def known_limits(self, scope: str, now: datetime) -> Known:
        return self._there().known_limits(scope, now)

    def borrow(
        self,
        scope: str,
        holder: str,
        claims: Mapping[LimitKind, Claim],
        set_limits: Mapping[LimitKind, int],
        now: datetime,
    ) -> Loan:
        return self._there().borrow(scope, holder, claims, set_limits, now)

    def block(self, scope: str, until: datetime) -> None:
        self._there().block(scope, until)

    def forget_limits(self, scope: str) -> None:
        self._there().forget_limits(scope)

    def _there(self) -> Ledger:
        if self.is_away:
            raise LedgerUnavailable("sqlite:///x", "is locked", "wait")
        return self.ledger


async def test_while_the_ledger_is_away_nothing_is_lent(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call starts, none fails, and it goes on when the ledger is back (D3)."""
    monkeypatch.setattr(limiters, "UNAVAILABLE_SECONDS", 0.02)
    away = Away(ledger)
    limits = SharedLimits(away, "key", "a", {REQUESTS: 6_000}, utc_now)
    await admitted(limits)

    away.is_away = True
    await asyncio.sleep(0.5)
    assert limits.admit(MODEL, SIZE) > 0
    away.is_away = False
    await admitted(limits)
    away.is_away = True

    await limits.close()


async def test_a_refusal_is_told_to_a_ledger_that_comes_back(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block is not lost, and lasts as long as the provider asked (D3)."""
    monkeypatch.setattr(limiters, "UNAVAILABLE_SECONDS", 0.02)
    away = Away(ledger)
    limits = SharedLimits(away, "key", "a", {}, utc_now)
    await admitted(limits)
    away.is_away = True
    limits.refused(MODEL, 30.0, ())
    await asyncio.sleep(0.1)
    away.is_away = False

    async with asyncio.timeout(5):
        while not (left := ledger.known_limits(f"key:{MODEL}", utc_now()).blocked_seconds):
            await asyncio.sleep(0.02)

    assert left == pytest.approx(30, abs=1)
    await limits.close()


async def test_limits_that_nobody_tells_any_more_are_forgotten(ledger: Ledger) -> None:
    """What an earlier run was told does not hold this one for ever."""
    first = shared(ledger)
    await admitted(first)
    first.answered(MODEL, SIZE, USED, [LimitReading(REQUESTS, 6_000, 500)])
    await admitted(first)
    await first.close()
    assert ledger.known_limits(f"key:{MODEL}", utc_now()).per_minute

    second = shared(ledger)
    for _ in range(20):
        await admitted(second)
        second.answered(MODEL, SIZE, USED, ())
    async with asyncio.timeout(5):
        while ledger.known_limits(f"key:{MODEL}", utc_now()).per_minute:
            await asyncio.sleep(0.02)
    await second.close()


async def test_a_defect_in_the_background_does_not_hide(ledger: Ledger) -> None:
    """Nobody waits for ever for a task that is gone: whoever asks next hears of it."""

    class Broken(Away):
        def known_limits(self, scope: str, now: datetime) -> Known:
            raise ZeroDivisionError

    limits = SharedLimits(Broken(ledger), "key", "a", {}, utc_now)
    assert limits.admit(MODEL, SIZE) > 0
    await asyncio.sleep(0.1)

    with pytest.raises(ZeroDivisionError):
        limits.admit(MODEL, SIZE)


async def test_moments_in_the_ledger_are_of_its_clock(ledger: Ledger) -> None:
    """A block ends by the wall clock, which all processes share, and not by this machine's own."""
    clock: Callable[[], datetime] = lambda: datetime(2026, 1, 1, tzinfo=UTC)  # noqa: E731
    limits = SharedLimits(ledger, "key", "a", {}, clock)
    await admitted(limits)
    limits.refused(MODEL, 30.0, ())
    await limits.close()

    left = ledger.known_limits(f"key:{MODEL}", clock() + timedelta(seconds=10)).blocked_seconds
    assert left == pytest.approx(20, abs=1)
