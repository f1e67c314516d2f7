"""Limits per minute, shared by all engines through the ledger (D3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from batch_pipelines.domain.errors import ErrorCategory, InvalidInput, LedgerUnavailable
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine import limiter
from batch_pipelines.engine.limiter import NoLimits, SharedLimits
from batch_pipelines.ledger.limits import LimitKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import stats
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, MODEL, create, drive, utc_now

SIZE = TokenProfile(input_tokens=20, output_tokens=60)


class Answers:
    """A ledger's limits that answer as they are told, and note what was asked."""

    def __init__(self, *answers: float | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[dict[LimitKind, int]] = []

    def take(
        self, scope: str, amounts: Mapping[LimitKind, int], capacities: Mapping[LimitKind, int], now: datetime
    ) -> float:
        self.asked.append(dict(amounts))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_without_limits_every_call_may_start() -> None:
    """Nothing is asked of anybody."""
    await NoLimits().admit(SIZE)


async def test_a_call_waits_until_it_fits(clock: ManualClock) -> None:
    """The ledger is asked again after as long as it said, for the kinds that are limited."""
    answers = Answers(0.01, 0.01, 0.0)
    limits = SharedLimits(answers.take, "key", {LimitKind.REQUESTS: 5, LimitKind.OUTPUT_TOKENS: 900}, clock)

    await limits.admit(SIZE)

    assert answers.asked == [{LimitKind.REQUESTS: 1, LimitKind.OUTPUT_TOKENS: 60}] * 3


async def test_only_the_first_in_the_queue_asks(clock: ManualClock) -> None:
    """However many calls wait, the ledger is asked for one at a time, in the order in which they came."""
    answers = Answers(0.6, *[0.0] * 10)
    limits = SharedLimits(answers.take, "key", {LimitKind.REQUESTS: 5}, clock)
    order: list[int] = []

    async def wait(number: int) -> None:
        await limits.admit(SIZE)
        order.append(number)

    waiting = [asyncio.ensure_future(wait(number)) for number in range(10)]
    await asyncio.sleep(0.1)
    assert len(answers.asked) == 1
    await asyncio.gather(*waiting)

    assert order == list(range(10))


async def test_a_call_that_is_given_up_makes_way(clock: ManualClock) -> None:
    """Cancelling the first in the queue lets the second ask."""
    answers = Answers(60.0, 0.0)
    limits = SharedLimits(answers.take, "key", {LimitKind.REQUESTS: 5}, clock)
    first = asyncio.ensure_future(limits.admit(SIZE))
    await asyncio.sleep(0.05)
    first.cancel()

    async with asyncio.timeout(5):
        await limits.admit(SIZE)

    assert first.cancelled()
    assert len(answers.asked) == 2


async def test_a_ledger_that_is_away_is_waited_for(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call starts meanwhile, and none fails."""
    monkeypatch.setattr(limiter, "UNAVAILABLE_SECONDS", 0.01)
    answers = Answers(LedgerUnavailable("sqlite:///x", "is locked", "wait"), 0.0)

    await SharedLimits(answers.take, "key", {LimitKind.REQUESTS: 5}, clock).admit(SIZE)

    assert len(answers.asked) == 2


async def test_a_call_larger_than_the_limit_never_fits(sqlite_ledger: Ledger, clock: ManualClock) -> None:
    """It is an error that says so, not a wait without end."""
    limits = SharedLimits(sqlite_ledger.take, "key", {LimitKind.OUTPUT_TOKENS: 50}, clock)

    with pytest.raises(InvalidInput, match="more than the limit of 50"):
        await limits.admit(SIZE)


async def test_items_whose_calls_never_fit_fail(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Their error names the limit, and nobody waits for them."""
    server = simulate()
    create(ledger, 3)
    limits = SharedLimits(ledger.take, "key", {LimitKind.OUTPUT_TOKENS: 50}, utc_now)

    await drive(ledger, engine_on(server.url, limits))

    for result in ledger.iter_results(JOB):
        assert result.status is ItemStatus.FAILED
        assert result.error is not None
        assert result.error.category is ErrorCategory.INTERNAL
        assert "limit of 50" in result.error.message


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_the_provider_never_has_to_say_no(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """A provider with nothing to spare over its limit answers no call with 429, over one engine or several."""
    per_minute = 600
    server = simulate(requests_per_minute=per_minute)
    create(ledger, 22, items_per_partition=5, concurrency=10)
    engines = [
        engine_on(server.url, SharedLimits(ledger.take, "key", {LimitKind.REQUESTS: per_minute}, utc_now))
        for _ in range(engine_count)
    ]
    for engine in engines:
        await asyncio.wrap_future(engine.connect())
    await asyncio.to_thread(use_up, server.url, per_minute - 8)

    await drive(ledger, *engines)

    assert "429" not in stats(server.url)["by_status"]
    assert ledger.progress(JOB).completed == 22


def use_up(url: str, requests: int) -> None:
    """Leave the provider's bucket with what the ledger's bucket starts with, and little more."""
    connection = HTTPConnection(urlsplit(url).netloc)
    body = json.dumps({"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "hello"}]})
    for _ in range(requests):
        connection.request("POST", "/v1/messages", body, {"x-api-key": "simulated"})
        assert connection.getresponse().read()
    connection.close()
