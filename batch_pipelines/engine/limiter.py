"""Requests and tokens per minute, shared by every process through the ledger (requirement D3)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.scope_limits import ScopeLimits
from batch_pipelines.ledger.accounts import Claim, Loan
from batch_pipelines.ledger.limits import Known

UNAVAILABLE_SECONDS = 0.5
"""How long to leave a ledger alone that is away; who gives up, and when, is decided where the lease is renewed."""


class Limiter(Protocol):
    """Says when a call may start. All of it belongs to one event loop, and none of it blocks.

    Every call that `admit` let in ends with exactly one of `answered` and `refused`.
    """

    def expect(self, model: str, slots: int) -> None:
        """So many calls may be in flight at once, over all batch jobs; before it is known, many are expected."""

    def admit(self, model: str, expected: TokenProfile) -> float:
        """Take room for one call and return 0.0, or take nothing and return the seconds after which to ask again."""

    def answered(
        self, model: str, expected: TokenProfile, usage: Usage | None, readings: Sequence[LimitReading]
    ) -> None:
        """A call ended: what it took is corrected to what it used (`usage` None: to nothing else); headers teach."""

    def refused(self, model: str, retry_after_seconds: float | None, readings: Sequence[LimitReading]) -> None:
        """The provider answered 429 to a call: nothing starts before that time, or about a second, is over."""

    def on_room(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` on the event loop where there may be room earlier than `admit` said; returns what ends that."""

    async def close(self) -> None:
        """Give back what is held, and end work in the background."""


class NoLimits:
    """Every call may start at once, whatever the provider says."""

    def expect(self, model: str, slots: int) -> None:
        return

    def admit(self, model: str, expected: TokenProfile) -> float:
        return 0.0

    def answered(
        self, model: str, expected: TokenProfile, usage: Usage | None, readings: Sequence[LimitReading]
    ) -> None:
        return

    def refused(self, model: str, retry_after_seconds: float | None, readings: Sequence[LimitReading]) -> None:
        return

    def on_room(self, wake: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def close(self) -> None:
        return


class LimitsLedger(Protocol):
    """The part of the ledger that is about limits; see `ledger.limits.RateLimits`."""

    def known_limits(self, scope: str, now: datetime) -> Known: ...

    def borrow(
        self,
        scope: str,
        holder: str,
        claims: Mapping[LimitKind, Claim],
        set_limits: Mapping[LimitKind, int],
        now: datetime,
    ) -> Loan: ...

    def block(self, scope: str, until: datetime) -> None: ...

    def forget_limits(self, scope: str) -> None: ...


class SharedLimits:
    """Calls take from what this process holds; in the background it borrows out of buckets in the ledger.

    `account` names provider and key, `holder` this process, in at most 18 characters. `set_limits` are ours to keep;
    others are learned from the provider. A model is followed from its first call until it was idle for a while.
    """

    def __init__(
        self,
        ledger: LimitsLedger,
        account: str,
        holder: str,
        set_limits: Mapping[LimitKind, int],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._account = account
        self._holder = holder
        self._set_limits = set_limits
        self._clock = clock
        self._monotonic = monotonic
        self._scopes: dict[str, _Followed] = {}
        self._wakes: list[Callable[[], None]] = []

    def expect(self, model: str, slots: int) -> None:
        self._followed(model).limits.slots = slots

    def admit(self, model: str, expected: TokenProfile) -> float:
        followed = self._scopes.get(model) or self._followed(model)
        wait = followed.limits.admit(expected, self._monotonic())
        followed.follow(is_urgent=wait > 0)
        return wait

    def answered(
        self, model: str, expected: TokenProfile, usage: Usage | None, readings: Sequence[LimitReading]
    ) -> None:
        followed = self._followed(model)
        followed.limits.answered(expected, usage, readings, self._monotonic())
        followed.follow()

    def refused(self, model: str, retry_after_seconds: float | None, readings: Sequence[LimitReading]) -> None:
        followed = self._followed(model)
        followed.limits.refused(retry_after_seconds, readings, self._monotonic())
        followed.follow(is_urgent=True)

    def on_room(self, wake: Callable[[], None]) -> Callable[[], None]:
        self._wakes.append(wake)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._wakes.remove(wake)

        return end

    async def close(self) -> None:
        await asyncio.gather(*(followed.stop() for followed in self._scopes.values()))

    def _followed(self, model: str) -> _Followed:
        if model not in self._scopes:
            limits = ScopeLimits(self._set_limits, self._monotonic())
            self._scopes[model] = _Followed(limits, self._monotonic, lambda: self._exchange(model), self._wake)
        return self._scopes[model]

    def _wake(self) -> None:
        for wake in tuple(self._wakes):
            wake()

    async def _exchange(self, model: str) -> None:
        """Tell the ledger what happened, and hear what may happen; raises LedgerUnavailable."""
        limits, scope = self._scopes[model].limits, f"{self._account}:{model}"
        if limits.block_until is not None:
            until = limits.block_until
            left = timedelta(seconds=until - self._monotonic())
            await asyncio.to_thread(self._ledger.block, scope, self._clock() + left)
            limits.is_block_told(until)
        if limits.is_untold:
            await asyncio.to_thread(self._ledger.forget_limits, scope)
            limits.is_untold = False
        if not limits.is_known or not limits.is_limited:
            known = await asyncio.to_thread(self._ledger.known_limits, scope, self._clock())
            limits.learn(known.per_minute, known.blocked_seconds, self._monotonic())
        if limits.is_limited:
            claims = limits.claims(self._monotonic())
            loan = await asyncio.to_thread(
                self._ledger.borrow, scope, self._holder, claims, self._set_limits, self._clock()
            )
            limits.lent(claims, loan, self._monotonic())


class _Followed:
    """One model's limits, and the task that keeps them in step with the ledger while calls are made."""

    def __init__(
        self,
        limits: ScopeLimits,
        monotonic: Callable[[], float],
        exchange: Callable[[], Awaitable[None]],
        wake: Callable[[], None],
    ) -> None:
        self.limits = limits
        self._monotonic = monotonic
        self._exchange = exchange
        self._wake = wake
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False

    def follow(self, *, is_urgent: bool = False) -> None:
        """See to it that the task runs, and looks up from its pause where that is urgent; raises what it met."""
        task = self._task
        if task is None and not self._is_stopping:
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif task is not None and task.done():
            # Only a defect ends the task without a word.
            task.result()
        elif is_urgent:
            self._nudge.set()

    async def stop(self) -> None:
        """Give back what is held; returns when the task has ended."""
        self._is_stopping = True
        self.limits.end()
        self._nudge.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        """Ask the ledger as often as need be, until nobody asked for a while."""
        is_last = False
        while not is_last:
            is_last = self._is_stopping or self.limits.is_idle(self._monotonic())
            try:
                await self._exchange()
            except LedgerUnavailable:
                self.limits.lost()
                await self._rest(UNAVAILABLE_SECONDS)
                continue
            if self.limits.may_go_on(self._monotonic()):
                self._wake()
            while not is_last and not self._is_stopping and (pause := self.limits.next_ask(self._monotonic())):
                await self._rest(pause)
        self.limits.forget()
        self._task = None

    async def _rest(self, seconds: float) -> None:
        """Until that time is over, or there is a reason to look up."""
        self._nudge.clear()
        if self._is_stopping:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
