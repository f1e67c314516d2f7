"""The engine of one process: its thread, its event loop, its provider, and a session for each batch job."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random
from threading import Thread
from typing import Any, Self, TypeVar

from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.session import Session
from batch_pipelines.engine.share import Share
from batch_pipelines.engine.work import PhaseOutcome
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Provider

T = TypeVar("T")

CLOSE_SECONDS = 30.0
"""How long calls in flight may take when the process has to end."""


@dataclass(slots=True)
class _Open:
    """A session with what keeps it going."""

    session: Session
    share: Share
    checkpoints: Checkpoints
    keeper: asyncio.Task[None]


class Engine:
    """Runs phases of batch jobs; every method may be called from any thread and returns at once.

    `connect` gives the provider and is called once, on the engine's loop, when it is first needed.
    """

    def __init__(
        self,
        ledger: Ledger,
        connect: Callable[[], Provider],
        prices: PriceBook,
        limiter: Limiter,
        clock: Callable[[], datetime],
        random: Random,
    ) -> None:
        self._ledger = ledger
        self._connect = connect
        self._prices = prices
        self._limiter = limiter
        self._clock = clock
        self._random = random
        self._holder = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._provider: Provider | None = None
        self._open: dict[str, _Open] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> Future[Provider]:
        """Get the provider ready, so that the first call does not wait for it."""
        return self._submit(self._connected())

    def run_phase(self, batch_job_id: str, run_id: str, phase: str, start: int, stop: int) -> Future[PhaseOutcome]:
        """Do a phase for the items at positions [start, stop) that still need it."""
        return self._submit(self._run_phase(batch_job_id, run_id, phase, start, stop))

    def close(self) -> None:
        """Let calls in flight finish and be recorded, give the shares back, and end the thread."""
        self._submit(self._close()).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run_phase(self, batch_job_id: str, run_id: str, phase_name: str, start: int, stop: int) -> PhaseOutcome:
        items = await asyncio.to_thread(self._ledger.partition_work, batch_job_id, phase_name, start, stop)
        if not items:
            return PhaseOutcome(0, 0, 0)
        job = await asyncio.to_thread(self._ledger.job, batch_job_id)
        return await self._run_items(job, run_id, phase_name, items)

    async def _run_items(self, job: BatchJob, run_id: str, phase_name: str, items: list[WorkItem]) -> PhaseOutcome:
        if job.status is not JobStatus.RUNNING:
            return PhaseOutcome(0, 0, len(items))
        provider = await self._connected()
        opened = self._open.get(job.id) or self._open_session(job, run_id, provider)
        done = asyncio.ensure_future(opened.session.run_phase(job.pipeline.phase(phase_name), items))
        opened.share.hurry()
        return await done

    async def _connected(self) -> Provider:
        if self._provider is None:
            self._provider = self._connect()
        return self._provider

    def _open_session(self, job: BatchJob, run_id: str, provider: Provider) -> _Open:
        settled = _Sum()
        loop = asyncio.get_running_loop()

        def fail(error: BaseException) -> None:
            loop.call_soon_threadsafe(session.halt, RequestKind.PAUSE, f"results cannot be written: {error}")

        checkpoints = Checkpoints(
            lambda group: self._ledger.record(job.id, group), job.options.checkpoint_frequency, settled.add, fail
        )
        session = Session(
            job,
            provider,
            self._prices,
            self._limiter,
            checkpoints,
            self._clock,
            self._random,
            lambda kind, reason: self._request(job.id, kind, reason),
        )
        share = Share(
            session,
            self._ledger,
            self._holder,
            run_id,
            settled.total,
            lambda: asyncio.wrap_future(checkpoints.flush()),
            self._random,
        )
        keeper = loop.create_task(share.keep())
        keeper.add_done_callback(lambda ended: _halt_after(ended, session))
        opened = _Open(session, share, checkpoints, keeper)
        self._open[job.id] = opened
        return opened

    def _request(self, batch_job_id: str, kind: RequestKind, reason: str) -> None:
        """Tell every process of the run, through the ledger, that the batch job drains."""
        asyncio.get_running_loop().run_in_executor(
            None, lambda: self._ledger.request(batch_job_id, kind, by="engine", reason=reason)
        )

    async def _close(self) -> None:
        for opened in self._open.values():
            if opened.session.wanted_slots:
                opened.session.halt(RequestKind.PAUSE, "the run was interrupted")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await opened.session.drained()
            opened.keeper.cancel()
            await asyncio.gather(opened.keeper, return_exceptions=True)
            await asyncio.to_thread(opened.checkpoints.close)
            await opened.share.release()
        self._open.clear()
        if self._provider is not None:
            await self._provider.close()


def _halt_after(keeper: asyncio.Task[None], session: Session) -> None:
    """Without its keeper a session may start nothing: whoever waits for it must not wait for ever."""
    if not keeper.cancelled() and (error := keeper.exception()):
        session.halt(RequestKind.STOP, f"the engine failed: {error!r}")


class _Sum:
    """Adds up on one thread what another reads."""

    def __init__(self) -> None:
        self._total = Decimal(0)

    def add(self, amount: Decimal) -> None:
        self._total += amount

    def total(self) -> Decimal:
        return self._total
