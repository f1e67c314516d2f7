"""Keeps one engine's share of a batch job, its slots and its money, renewed in time (requirements D2, D6)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from random import Random

from batch_pipelines.domain.errors import BatchPipelinesError
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.session import Session
from batch_pipelines.ledger.leases import Grant
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger

RENEW_SECONDS = 0.5
"""How soon a request, or a changed concurrency, is seen."""
LEASE_SECONDS = 10.0
"""After this a dead process's share goes to others."""
GIVE_UP_SECONDS = 60.0
"""How long the ledger may be away before the batch job drains."""


class Share:
    """Renews the lease of `session` until cancelled; halts it when the ledger says so or cannot be reached."""

    def __init__(
        self,
        session: Session,
        ledger: Ledger,
        holder: str,
        run_id: str,
        settled: Callable[[], Decimal],
        flush: Callable[[], asyncio.Future[None]],
        random: Random,
    ) -> None:
        self._session = session
        self._ledger = ledger
        self._holder = holder
        self._run_id = run_id
        self._settled = settled
        self._flush = flush
        self._random = random
        self._settled_before = Decimal(0)
        self._wake = asyncio.Event()
        self._started = time.monotonic()
        self._renewed = self._started

    def hurry(self) -> None:
        """Renew now, because the session has new work."""
        self._wake.set()

    async def keep(self) -> None:
        """Renew for ever."""
        while True:
            self._wake.clear()
            await self._renew_or_wait()
            if self._session.is_starved:
                await self._end_starvation()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_SECONDS):
                    await self._wake.wait()

    async def release(self) -> None:
        """Give the share back to others."""
        await asyncio.to_thread(self._ledger.release, self._holder)

    async def _renew_or_wait(self) -> None:
        """Renew; while the ledger is away nothing starts, because the lease may have run out."""
        session = self._session
        session.renewing = True
        session.purse.freeze()
        settled = self._settled()
        newly_settled = settled - self._settled_before
        try:
            grant = await asyncio.to_thread(
                self._ledger.renew,
                session.job.id,
                holder=self._holder,
                run_id=self._run_id,
                wanted_slots=session.wanted_slots,
                in_flight=session.in_flight,
                reserved_usd=session.purse.outstanding_usd - newly_settled,
                ttl_seconds=LEASE_SECONDS,
            )
        except BatchPipelinesError as error:
            if time.monotonic() - self._renewed > GIVE_UP_SECONDS:
                session.halt(RequestKind.PAUSE, str(error))
            return
        self._renewed = time.monotonic()
        self._settled_before = settled
        session.purse.grant(grant.allotment_usd, newly_settled)
        session.slots = grant.slots
        session.renewing = False
        self._obey(grant)
        session.pump()

    def _obey(self, grant: Grant) -> None:
        """Drain where the ledger says so; what it says already stands there and is not written again."""
        limit = self._session.job.budget.max_duration_seconds
        if grant.taken_over or grant.requests or grant.status is not JobStatus.RUNNING:
            self._session.drop_waiting()
        elif limit is not None and time.monotonic() - self._started > limit:
            reason = f"the time limit is reached: budget.max_duration_seconds is {limit:g}"
            self._session.halt(RequestKind.PAUSE, reason)

    async def _end_starvation(self) -> None:
        """Nothing is in flight and the next call does not fit: others may hold the rest, or the budget is spent."""
        await self._flush()
        job = self._session.job
        limit, needed = job.budget.max_cost_usd, self._session.next_worst_case_usd
        spent = (await asyncio.to_thread(self._ledger.progress, job.id)).cost_usd
        if limit is not None and spent + needed > limit:
            reason = (
                f"the budget is reached: {spent:f} of budget.max_cost_usd {limit:f} USD is spent, "
                f"and the next call may cost {needed:f}"
            )
            self._session.halt(RequestKind.PAUSE, reason)
            return
        await self.release()
        await asyncio.sleep(self._random.uniform(0.1, 1.0))
        self.hurry()
