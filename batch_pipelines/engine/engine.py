"""The engine of one process: its thread, its event loop, its provider, and the batch jobs under way in it."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from threading import Lock, Thread
from typing import Any, Self, TypeVar

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.events import working_seconds
from batch_pipelines.domain.job import BatchJob, PhaseOutcome, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.engine.caller import Caller
from batch_pipelines.engine.checkpoints import LARGEST_GROUP
from batch_pipelines.engine.given import Given, kept, records
from batch_pipelines.engine.journal import recovered
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.nobody import NOBODY
from batch_pipelines.engine.resources import ResourceLimits, Sampler
from batch_pipelines.engine.retrieving import with_passages
from batch_pipelines.engine.reuse import kept_answers
from batch_pipelines.engine.session import Session
from batch_pipelines.engine.turns import Turns
from batch_pipelines.engine.underway import Surroundings, Underway
from batch_pipelines.engine.watch import Watch
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Provider

T = TypeVar("T")

CLOSE_SECONDS = 30.0
"""How long calls in flight may take when the process has to end."""
INTERRUPTED = "the run was interrupted"
NO_RESOURCE_LIMITS = ResourceLimits()


class Engine:
    """Runs phases of batch jobs. Methods may be called from any thread; all but `recover` and `close` return at once.

    `journals` is a folder of its own, where calls are noted until the ledger has them; on the same disk for all runs of
    a batch job, or a run that died takes with it what the ledger had not got yet. `connect` gives the provider; it is
    called when it is first needed, in a thread of its own, and again only if it raised or the provider did not answer.
    With `is_alone`, no other process runs phases of the same batch jobs, so that items may go on to their next phase.
    Once the engine is closed, its methods raise RuntimeError.
    """

    def __init__(
        self,
        ledger: Ledger,
        journals: Path,
        connect: Callable[[], Provider],
        prices: PriceBook,
        limiter: Limiter,
        clock: Callable[[], datetime],
        random: Random,
        resources: ResourceLimits = NO_RESOURCE_LIMITS,
        *,
        is_alone: bool = True,
    ) -> None:
        self._around = Surroundings(ledger, journals, limiter, Turns(), clock, random, is_alone)
        self._connect = connect
        self._prices = prices
        self._holders = (f"{os.getpid()}-{secrets.token_hex(4)}-{number}" for number in count())
        self._connection: asyncio.Future[Provider] | None = None
        self.interrupted: set[str] = set()
        """Batch jobs that were under way when the engine was closed."""
        self._underway: dict[str, Underway] = {}
        self._watch = Watch(ledger, Sampler(time.monotonic), resources, self._sessions)
        self._watching: asyncio.Task[None] | None = None
        self._entering: dict[str, asyncio.Lock] = {}
        self._phases: set[asyncio.Task[Any]] = set()
        self._lingering: set[asyncio.Task[None]] = set()
        self._submitting = Lock()
        self._is_closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self) -> Future[Provider]:
        """Get the provider ready, so that the first call does not wait for it."""
        return self._submit(self._connected)

    def run_phase(self, batch_job_id: str, run_id: str, phase: str, start: int, stop: int) -> Future[PhaseOutcome]:
        """Do a phase for the items at positions [start, stop) that still need it.

        Done when all of it, and the reason where the batch job drains, is durable. Cancelling it drains the batch job.
        """
        return self._submit(lambda: self._run_phase(batch_job_id, run_id, phase, start, stop))

    def recover(self, batch_job_id: str) -> None:
        """Bring what runs that died knew of the batch job into the ledger.

        To be called before its phases run. Raises JournalUnavailable, LedgerUnavailable.
        """
        with recovered(self._around.journals, batch_job_id) as reports:
            for start in range(0, len(reports), LARGEST_GROUP):
                self._around.ledger.record(batch_job_id, reports[start : start + LARGEST_GROUP])

    def close(self) -> None:
        """Let calls in flight finish and be recorded, give the shares back, and end the thread; once is enough."""
        with self._submitting:
            if self._is_closed:
                return
            self._is_closed = True
            # Everything submitted before has begun when this does, so nothing is forgotten.
            closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
        try:
            closing.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        with self._submitting:
            if self._is_closed:
                raise RuntimeError("the engine is closed")
            return asyncio.run_coroutine_threadsafe(work(), self._loop)

    async def _run_phase(self, batch_job_id: str, run_id: str, phase_name: str, start: int, stop: int) -> PhaseOutcome:
        task = asyncio.current_task()
        assert task is not None, "submitted coroutines are tasks"
        self._phases.add(task)
        try:
            items = partial(self._items, batch_job_id, phase_name, start, stop)
            underway = await self._enter(batch_job_id, run_id, items)
            if underway is None:
                return await self._outcome(batch_job_id, phase_name, start, stop)
            try:
                job = underway.session.job
                phase = job.pipeline.phase(phase_name)
                load = partial(self._load_work, job, phase, items)
                await underway.session.run_phase(phase, (start, stop), load)
                return await self._outcome(batch_job_id, phase_name, start, stop)
            finally:
                await self._leave(underway)
        finally:
            self._phases.discard(task)

    async def _outcome(self, batch_job_id: str, phase_name: str, start: int, stop: int) -> PhaseOutcome:
        return await asyncio.to_thread(self._around.ledger.phase_outcome, batch_job_id, phase_name, start, stop)

    async def _items(self, batch_job_id: str, phase_name: str, start: int, stop: int) -> list[WorkItem]:
        return await asyncio.to_thread(self._around.ledger.partition_work, batch_job_id, phase_name, start, stop)

    async def _load_work(
        self, job: BatchJob, phase: Phase, items: Callable[[], Awaitable[list[WorkItem]]]
    ) -> tuple[list[WorkItem], dict[int, Given]]:
        """The items of a partition that need the phase, and the outputs that take no call.

        Those that an earlier phase left to a later run, as the batch job drains, are left here too.
        """
        needed = set(job.pipeline.needs[phase.name])
        found = [item for item in await items() if needed <= item.phase_outputs.keys()]
        if phase.kind is PhaseKind.RECORD:
            return found, await asyncio.to_thread(records, phase, found)
        refused: dict[int, Given] = {}
        if phase.use_rag:
            found, refused = await asyncio.to_thread(with_passages, self._around.ledger, job, phase, found)
        if job.options.answer_cache is AnswerCache.OFF:
            return found, refused
        # What is refused counts: its request is not the one that an answer may be kept for.
        return found, kept(await asyncio.to_thread(kept_answers, self._around.ledger, job, phase, found)) | refused

    async def _enter(
        self, batch_job_id: str, run_id: str, items: Callable[[], Awaitable[list[WorkItem]]]
    ) -> Underway | None:
        """What is under way for the batch job, with one phase more; None for one that does not run or wants nothing."""
        async with self._entering.setdefault(batch_job_id, asyncio.Lock()):
            if batch_job_id not in self._underway and not await items():
                return None
            while (found := self._underway.get(batch_job_id)) and found.ending:
                await asyncio.wait({found.ending})
            if found is None:
                job, worked_seconds = await asyncio.to_thread(self._load, batch_job_id)
                if job.status is not JobStatus.RUNNING:
                    return None
                provider = await self._connected() if job.pipeline.calls_models else NOBODY
                found = self._begin(job, run_id, worked_seconds, provider)
            found.phases += 1
        if self._is_closed:
            found.session.halt(RequestKind.PAUSE, INTERRUPTED)
        return found

    def _load(self, batch_job_id: str) -> tuple[BatchJob, float]:
        """The batch job as it is now, and how many seconds runs have worked on it."""
        ledger = self._around.ledger
        return ledger.job(batch_job_id), working_seconds(ledger.job_events(batch_job_id), self._around.clock())

    def _begin(self, job: BatchJob, run_id: str, worked_seconds: float, provider: Provider) -> Underway:
        caller = Caller(job, provider, self._prices, self._around.clock)
        underway = Underway(self._around, job, run_id, next(self._holders), worked_seconds, caller)
        self._underway[job.id] = underway
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._watch.run())
        return underway

    def _sessions(self) -> list[Session]:
        return [underway.session for underway in self._underway.values()]

    async def _leave(self, underway: Underway) -> None:
        """One phase less; after the last one what is under way ends, so that nothing is held while nothing is done.

        Items that are ahead in phases that will be asked for soon are not waited for.
        """
        underway.phases -= 1
        if underway.phases:
            return
        if underway.session.is_ahead:
            lingering = asyncio.ensure_future(self._linger(underway))
            self._lingering.add(lingering)
            lingering.add_done_callback(self._lingering.discard)
            return
        await asyncio.shield(self._begin_end(underway))

    async def _linger(self, underway: Underway) -> None:
        await underway.session.caught_up()
        if not underway.phases:
            self._begin_end(underway)

    def _begin_end(self, underway: Underway) -> asyncio.Task[None]:
        if underway.ending is None:
            underway.ending = asyncio.ensure_future(self._end(underway))
        return underway.ending

    async def _end(self, underway: Underway) -> None:
        batch_job_id = underway.session.job.id
        try:
            await underway.end()
        finally:
            del self._underway[batch_job_id]

    async def _connected(self) -> Provider:
        connection = self._connection
        if connection is None or (connection.done() and connection.exception()):
            connection = self._connection = asyncio.ensure_future(self._proven())
        return await asyncio.shield(connection)

    async def _proven(self) -> Provider:
        """A provider that answers: one free call spares the first paid one the time that a client takes to warm up."""
        provider = await asyncio.to_thread(self._connect)
        try:
            await provider.check()
        except BaseException:
            await provider.close()
            raise
        return provider

    async def _close(self) -> None:
        for batch_job_id, underway in self._underway.items():
            if underway.phases:
                self.interrupted.add(batch_job_id)
                underway.session.halt(RequestKind.PAUSE, INTERRUPTED)
            else:
                self._begin_end(underway)
        if self._phases:
            _, late = await asyncio.wait(self._phases, timeout=CLOSE_SECONDS)
            for underway in self._underway.values():
                underway.session.abandon()
            if late:
                await asyncio.wait(late)
        if endings := [underway.ending for underway in self._underway.values() if underway.ending]:
            await asyncio.wait(endings, timeout=CLOSE_SECONDS)
            for underway in self._underway.values():
                underway.session.abandon()
            await asyncio.wait(endings)
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._around.limiter.close()
        if self._connection is not None:
            (provider,) = await asyncio.gather(self._connection, return_exceptions=True)
            if not isinstance(provider, BaseException):
                await provider.close()
        await self._loop.shutdown_default_executor()
