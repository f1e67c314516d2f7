"""Keeps one engine's share of a batch job, its slots and its money, renewed in time (requirements D2, D6)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from decimal import Decimal
from random import Random

from batch_pipelines.domain.errors import BatchPipelinesError, LedgerUnavailable
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.checkpoints import Checkpoints
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
    """Renews the lease of `session` until it is stopped; drains it when the ledger says so or cannot be reached.

    `holder` names this session among all engines. `worked_seconds` is how long the batch job was worked on before.
    """

    def __init__(
        self,
        session: Session,
        checkpoints: Checkpoints,
        ledger: Ledger,
        holder: str,
        run_id: str,
        worked_seconds: float,
        random: Random,
    ) -> None:
        self._session = session
        self._checkpoints = checkpoints
        self._ledger = ledger
        self._holder = holder
        self._run_id = run_id
        self._random = random
        self._settled = Decimal(0)
        self._is_stopping = False
        self._renewed = time.monotonic()
        self._started = self._renewed - worked_seconds

    async def keep(self) -> None:
        """Renew until `stop`."""
        while not self._is_stopping:
            self._session.renewal_wanted.clear()
            is_renewed = await self._renew()
            if self._session.is_starved and is_renewed:
                await self._end_starvation()
            else:
                await self._rest(RENEW_SECONDS)

    def stop(self) -> None:
        """End `keep` after the renewal that may be under way: a later one would undo `release`."""
        self._is_stopping = True
        self._session.renewal_wanted.set()

    async def release(self) -> None:
        """Give the share back to others; where that fails it is theirs when the lease ends."""
        with contextlib.suppress(BatchPipelinesError):
            await asyncio.to_thread(self._ledger.release, self._holder)

    async def _rest(self, seconds: float) -> None:
        """Until that time is over or there is a reason to renew now."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._session.renewal_wanted.wait()

    async def _renew(self) -> bool:
        """Renew, and whether that went well; meanwhile no more calls may be in flight than the ledger is told of."""
        session = self._session
        session.ask()
        settled = self._checkpoints.settled_usd
        newly_settled = settled - self._settled
        until = time.monotonic() + LEASE_SECONDS
        try:
            grant = await asyncio.to_thread(
                self._ledger.renew,
                session.job.id,
                holder=self._holder,
                run_id=self._run_id,
                wanted_slots=session.wanted_slots,
                in_flight=session.in_flight,
                reserved_usd=session.purse.claim() - newly_settled,
                ttl_seconds=LEASE_SECONDS,
            )
        except LedgerUnavailable as error:
            if time.monotonic() - self._renewed > GIVE_UP_SECONDS:
                session.halt(RequestKind.PAUSE, str(error))
            return False
        self._renewed = time.monotonic()
        self._settled = settled
        self._obey(grant)
        session.grant(grant.slots, grant.concurrency, grant.allotment_usd, newly_settled, until)
        return True

    def _obey(self, grant: Grant) -> None:
        """Drain where the ledger says so; what it says already stands there and is not written again."""
        limit = self._session.job.budget.max_duration_seconds
        if grant.taken_over or grant.requests or grant.status is not JobStatus.RUNNING:
            self._session.drain()
        elif limit is not None and time.monotonic() - self._started > limit:
            reason = f"the time limit is reached: budget.max_duration_seconds is {limit:g}"
            self._session.halt(RequestKind.PAUSE, reason)

    async def _end_starvation(self) -> None:
        """Find out why the next call does not fit although nothing is in flight, and end that."""
        if self._session.purse.outstanding_usd:
            # What finished just now is in the ledger's sum and here; the next renewal sees it in one place.
            await asyncio.gather(asyncio.wrap_future(self._checkpoints.flush()), return_exceptions=True)
            return
        try:
            reason = await asyncio.to_thread(self._why_over, self._session.next_worst_case_usd)
        except LedgerUnavailable:
            await self._rest(RENEW_SECONDS)
            return
        if reason is not None:
            self._session.halt(RequestKind.PAUSE, reason)
            return
        # Others hold the rest. Two that want more than halves would wait for each other, did neither let go.
        self._session.ask()
        await self.release()
        await self._rest(self._random.uniform(0.1, 1.0))

    def _why_over(self, needed_usd: Decimal) -> str | None:
        """Why the budget, as it is now, has no room for the next call; None where it has."""
        batch_job_id = self._session.job.id
        limit = self._ledger.job(batch_job_id).budget.max_cost_usd
        charges = self._ledger.charges(batch_job_id)
        if limit is None or charges.total_usd + needed_usd <= limit:
            return None
        unknown = f", calls of unknown cost may have cost {charges.unknown_usd:f}," if charges.unknown_usd else ""
        return (
            f"the budget is reached: {charges.cost_usd:f} of budget.max_cost_usd {limit:f} USD is spent{unknown} "
            f"and the next call may cost {needed_usd:f}"
        )
