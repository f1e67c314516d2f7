"""One batch job in one process: starts calls while there are slots and money, and judges what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random

from batch_pipelines.domain.attempt import Attempt
from batch_pipelines.domain.errors import BatchPipelinesError, ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.spec import ErrorHandling
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine.caller import Answer, Caller
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.purse import Purse
from batch_pipelines.engine.reports import Reports
from batch_pipelines.engine.retries import GiveUp, decide
from batch_pipelines.engine.waiting import Waiting
from batch_pipelines.engine.work import Call, PartitionRun, PhaseOutcome
from batch_pipelines.ledger.requests import RequestKind

OUTAGE_ERRORS = 3
"""Connections that fail in a row, beyond one for each slot, before the fault is not the items' but the provider's."""

Tell = Callable[[RequestKind, str], asyncio.Future[None]]


class Session:
    """Everything the engine knows about one batch job while phases of it run; lives on the engine's event loop.

    Nothing starts before the first grant. `tell` writes into the ledger why the batch job must drain.
    """

    def __init__(
        self,
        job: BatchJob,
        caller: Caller,
        limiter: Limiter,
        checkpoints: Checkpoints,
        purse: Purse,
        clock: Callable[[], datetime],
        random: Random,
        tell: Tell,
    ) -> None:
        self.job = job
        self.purse = purse
        self.halted = False
        self.renewal_wanted = asyncio.Event()
        """Set when the last grant ran out, or gave all that was asked and now more calls wait."""
        self._caller = caller
        self._limiter = limiter
        self._checkpoints = checkpoints
        self._reports = Reports(checkpoints, clock)
        self._random = random
        self._tell = tell
        self._told: dict[RequestKind, asyncio.Future[None]] = {}
        self._asked = 0
        self._slots = 0
        self._until = 0.0
        self._is_held = True
        self._is_abandoned = False
        self._unwritten = 0
        self._unanswered = 0
        self._waiting = Waiting()
        self._tasks: set[asyncio.Task[bool]] = set()
        self._admitting: set[asyncio.Task[bool]] = set()

    @property
    def in_flight(self) -> int:
        """Calls that have a slot: under way, or answered and not durable yet.

        So a crash never loses more paid answers than the batch job may have calls in flight.
        """
        return len(self._tasks) + self._unwritten

    @property
    def wanted_slots(self) -> int:
        """Calls that could be in flight now."""
        return self.in_flight + len(self._waiting)

    @property
    def is_starved(self) -> bool:
        """Whether nothing is in flight although calls wait and there are slots: the money does not suffice."""
        return bool(self._waiting) and self._slots > 0 and not self.in_flight and not self._is_held

    @property
    def next_worst_case_usd(self) -> Decimal:
        """What the first waiting call may cost; 0 when none waits."""
        return self._waiting.first.worst_case_usd if self._waiting else Decimal(0)

    async def run_phase(self, phase: Phase, items: Sequence[WorkItem]) -> PhaseOutcome:
        """Do one phase for `items`; returns when each has its output, failed, or was left because the job drains.

        By then all of it is durable, the reason for a drain included. Raises what kept it from being written.
        """
        run = PartitionRun(phase, phase == self.job.pipeline.phases[-1])
        calls = [Call(item, run, started=item.status is ItemStatus.RUNNING) for item in items]
        run.open.update(calls)
        self._waiting.add(calls)
        if self.halted:
            self.drain()
        self._pump()
        try:
            await run.finished.wait()
        except asyncio.CancelledError:
            self.halt(RequestKind.PAUSE, "the run was interrupted")
            raise
        written = [asyncio.wrap_future(self._checkpoints.flush())]
        await asyncio.wait(written)
        # That nothing can be written is such a reason too, and known by now.
        written.extend(self._told.values())
        await asyncio.wait(written)
        for each in written:
            each.result()
        return run.outcome

    def hold(self) -> None:
        """Start nothing until the next grant, which is being asked for with what is in flight now."""
        self._is_held = True
        self._asked = self.wanted_slots

    def grant(self, slots: int, allotment_usd: Decimal | None, settled_usd: Decimal, until: float) -> None:
        """Go on with so many slots and so much money, up to a moment of the monotonic clock."""
        self._slots = slots
        self._until = until
        self.purse.grant(allotment_usd, settled_usd)
        self._is_held = False
        self._pump()

    def free(self, calls: int) -> None:
        """So many answered calls became durable."""
        self._unwritten -= calls
        self._pump()

    def halt(self, kind: RequestKind, reason: str) -> None:
        """Drain, and tell every process of the run why: once, though a failure also after a pause."""
        if kind not in self._told and not (self.halted and kind is RequestKind.PAUSE):
            self._told[kind] = self._tell(kind, reason)
        self.drain()

    def drain(self) -> None:
        """Start nothing more and leave what waits to a later run; calls in flight finish and are kept."""
        self.halted = True
        for task in self._admitting:
            task.cancel()
        self._waiting.leave_all()

    def abandon(self) -> None:
        """Give calls in flight up: that they were made is kept, and their items are left to a later run."""
        self._is_abandoned = True
        for task in self._tasks:
            task.cancel()

    async def drained(self) -> None:
        """Returns when no call is in flight and the reason for a drain is written, or could not be."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.gather(*self._told.values(), return_exceptions=True)

    def _pump(self) -> None:
        """Start as many calls as slots and money allow."""
        if not self._is_held and time.monotonic() >= self._until:
            # This process stood still until others could take its share; only a renewal tells.
            self._is_held = True
            self.renewal_wanted.set()
        while self._waiting and self.in_flight < self._slots and not self._is_held:
            call = self._waiting.first
            if not self._is_prepared(call):
                continue
            if not self.purse.reserve(call.worst_case_usd):
                return
            self._start(self._waiting.take_first())
        if self._waiting and self.in_flight >= self._slots >= self._asked:
            self.renewal_wanted.set()

    def _is_prepared(self, call: Call) -> bool:
        """Get the first call ready to be made; False where it cannot be, which ends its item."""
        if call.prepared is None:
            try:
                call.prepared = self._caller.prepare(call.run.phase, call.item)
            except Exception as error:  # noqa: BLE001  # one that stayed would keep all others from their turn
                self._waiting.take_first()
                self._fail_unsent(call, error)
        return call.prepared is not None

    def _start(self, call: Call) -> None:
        call.charged_usd = Decimal(0)
        task = asyncio.get_running_loop().create_task(self._make(call))
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._after(call, ended))

    def _after(self, call: Call, task: asyncio.Task[bool]) -> None:
        """Slot and money come back, whatever happened, and nobody waits for ever for a call that broke."""
        self._tasks.discard(task)
        self.purse.settle(call.worst_case_usd, call.charged_usd)
        if task.cancelled():
            call.run.leave(call)
        elif error := task.exception():
            self.halt(RequestKind.STOP, f"the engine failed: {error!r}")
            call.run.leave(call)
        elif task.result():
            # In one step with the task's own end: counted twice, it would be granted twice.
            self._unwritten += 1
        self._pump()

    async def _make(self, call: Call) -> bool:
        """One call from its slot to its consequence; whether it was made."""
        assert call.prepared is not None, "only a prepared call is started"
        self._reports.start(call)
        try:
            is_admitted = await self._is_admitted(call)
        except BatchPipelinesError as error:
            self._fail_unsent(call, error)
            return False
        if not is_admitted:
            call.run.leave(call)
            return False
        call.attempts += 1
        call.charged_usd = None
        answer = await self._caller.ask(call.prepared.request, call.item.attempts + call.attempts)
        call.charged_usd = answer.attempt.cost_usd
        self._judge(call, answer)
        return True

    async def _is_admitted(self, call: Call) -> bool:
        """Wait until the limits let the call pass; False where the batch job drains meanwhile."""
        task = asyncio.current_task()
        assert task is not None, "calls are tasks"
        self._admitting.add(task)
        try:
            await self._limiter.admit(call.run.phase.expected_tokens(call.item.tier))
        except asyncio.CancelledError:
            return False
        finally:
            self._admitting.discard(task)
        return not self.halted

    def _judge(self, call: Call, answer: Answer) -> None:
        """Write the attempt down and decide what becomes of its item."""
        error = answer.error
        is_unanswered = error is not None and error.category is ErrorCategory.CONNECTION
        self._unanswered = self._unanswered + 1 if is_unanswered else 0
        if error is None:
            self._reports.output(call, answer.attempt, answer.text)
            call.run.complete(call)
        elif error.category.nature.stops_job:
            self._reports.spoilt(call, answer.attempt)
            self.halt(RequestKind.STOP, str(error))
            call.run.leave(call)
        else:
            self._retry_or_fail(call, answer.attempt, error)

    def _retry_or_fail(self, call: Call, attempt: Attempt, error: ProviderError) -> None:
        decision = decide(error, call.attempts - 1, self.job.options.retry_attempts, self._random)
        is_outage = self._unanswered > self._slots + OUTAGE_ERRORS
        if isinstance(decision, GiveUp) and is_outage:
            self.halt(RequestKind.PAUSE, f"the provider cannot be reached ({error.message})")
        elif isinstance(decision, GiveUp) and not self._is_abandoned:
            self._reports.failure(call, attempt)
            self._count_failure(call, error)
            return
        self._reports.spoilt(call, attempt)
        if isinstance(decision, GiveUp) or self.halted:
            call.run.leave(call)
        else:
            self._waiting.sleep(call, decision.seconds, self._pump)

    def _fail_unsent(self, call: Call, error: Exception) -> None:
        """Fail an item whose call could not even be made; that cost nothing."""
        known = error if isinstance(error, ProviderError) else ProviderError(ErrorCategory.INTERNAL, str(error))
        self._reports.unsent(call, known)
        self._count_failure(call, known)

    def _count_failure(self, call: Call, error: ProviderError) -> None:
        if self.job.options.error_handling is ErrorHandling.STOP:
            self.halt(RequestKind.STOP, f"item {call.item.item_id} failed ({error})")
        call.run.fail(call)
