"""One batch job in one process: starts calls while there are slots, money and room, and judges what comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random

from batch_pipelines.domain.errors import ErrorCategory, JournalUnavailable, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine.admission import Admission
from batch_pipelines.engine.aftermath import Aftermath
from batch_pipelines.engine.ahead import Ahead, Span
from batch_pipelines.engine.appetite import Appetite
from batch_pipelines.engine.caller import NOTHING_USED, Answer, Caller
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.given import Given
from batch_pipelines.engine.journal import Journal
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.purse import ZERO, Purse
from batch_pipelines.engine.reports import Reports
from batch_pipelines.engine.slots import Slots
from batch_pipelines.engine.throttle import OVERLOAD, Throttle
from batch_pipelines.engine.waiting import Waiting
from batch_pipelines.engine.work import NOTHING_TRIED, Call, PartitionRun
from batch_pipelines.ledger.requests import RequestKind

MOST_UNWRITTEN = 2000
"""Reports that may wait for a slow ledger before no more calls are made: two for each."""
SOONEST_SECONDS = 0.001
"""How long to wait for a limit at least: timers are no finer."""
CATCH_UP_SECONDS = 0.02
"""Between two looks at whether what was begun ahead is done."""
MOST_WAITING = 500
"""Calls that wait for a slot before more item partitions are loaded."""

Load = Callable[[], Awaitable[tuple[Sequence[WorkItem], Mapping[int, Given]]]]
Tell = Callable[[RequestKind, str], asyncio.Future[None]]


class Session:
    """Everything the engine knows about one batch job while phases of it run; lives on the engine's event loop.

    Nothing starts before the first grant. `tell` writes into the ledger why the batch job must drain; `turn` lets
    every session of the process start what it can, in the order of their priority.
    """

    def __init__(
        self,
        job: BatchJob,
        caller: Caller,
        limiter: Limiter,
        checkpoints: Checkpoints,
        journal: Journal,
        clock: Callable[[], datetime],
        random: Random,
        tell: Tell,
        turn: Callable[[], None],
        *,
        is_alone: bool,
    ) -> None:
        self.job = job
        self._throttle = Throttle(time.monotonic)
        self.slots = Slots(self._throttle)
        self.halted = False
        self.renewal_wanted = asyncio.Event()
        """Set when the last grant ran out, or gave all that was asked and now more calls wait."""
        self._caller = caller
        self._admission = Admission(job, limiter, journal, clock)
        self._checkpoints = checkpoints
        self._reports = Reports(checkpoints, clock, simulated=job.simulated)
        self._tell = tell
        self._turn = turn
        self._told: dict[RequestKind, asyncio.Future[None]] = {}
        self._is_short_of_money = False
        self.is_abandoned = False
        self._waiting = Waiting(lambda call: self._rank(call.run.phase))
        self._ahead = Ahead(job, is_alone=is_alone)
        self._aftermath = Aftermath(
            job, self, caller, self._admission, checkpoints, self._reports, self._waiting, self._ahead, random, turn
        )
        self._appetite = Appetite(self._is_fed)
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._ranks = {phase.name: rank for rank, phase in enumerate(job.pipeline.in_order)}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def purse(self) -> Purse:
        """Its money."""
        return self._admission.purse

    @property
    def in_flight(self) -> int:
        """Calls under way. One whose answer stands in the journal is not: a crash does not lose it."""
        return len(self._tasks)

    @property
    def wanted_slots(self) -> int:
        """Calls that could be in flight now."""
        return self.in_flight + len(self._waiting)

    @property
    def is_starved(self) -> bool:
        """Whether calls wait and none is in flight because the money does not suffice."""
        return bool(self._waiting) and self._is_short_of_money and not self.in_flight

    @property
    def next_worst_case_usd(self) -> Decimal:
        """What the first waiting call may cost; 0 when none waits."""
        return self._waiting.first.worst_case_usd if self._waiting else ZERO

    async def run_phase(self, phase: Phase, span: Span, load: Load) -> None:
        """Do one phase for a partition; returns when each item has its output, failed, or was left as the job drains.

        Its items that have come to the phase before are on their way already. `load` gives its items, and by row the
        outputs that take no call. When this returns all of it is in the ledger, the reason for a drain included. Raises
        what kept it from being written.
        """
        run = self._ahead.take(span, phase)
        try:
            async with self._appetite.turn(self._rank(phase)):
                items, given = await load()
                under_way = run.ended | {call.item.row for call in run.open}
                self._add([_call(item, run) for item in items if item.row not in under_way], given)
            await run.is_through()
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

    def _add(self, calls: Sequence[Call], given: Mapping[int, Given]) -> None:
        for call in calls:
            call.run.open.add(call)
        rest: list[Call] = []
        for call in calls:
            if call.item.row in given:
                self._aftermath.give(call, given[call.item.row])
            elif call.trial.pending is not None:
                self._aftermath.reviews.begin(call)
            else:
                rest.append(call)
        if rest:
            self._waiting.add(rest)
        if self.halted:
            self.drain()
        self._turn()

    def _is_fed(self, loading: int) -> bool:
        """Whether no item partition needs to be loaded beside so many that are.

        A session that drains lets everybody in, to leave their items.
        """
        coming = loading * (self.job.options.items_per_partition or self.job.total_items)
        is_full = len(self._waiting) + coming >= MOST_WAITING or self._checkpoints.backlog >= MOST_UNWRITTEN
        return is_full and not self.halted

    def _rank(self, phase: Phase) -> int:
        """Where money is short, items that were begun come first, so that what is spent finishes some of them.

        Elsewhere whoever came first: then no slot is idle while the last items of a partition are waited for.
        """
        return self._ranks[phase.name] if self.job.budget.max_cost_usd is not None else 0

    def ask(self) -> None:
        """A grant is being asked for, with what is in flight now."""
        self.slots.ask(self.wanted_slots, self.in_flight)

    def grant(
        self, slots: int, concurrency: int, allotment_usd: Decimal | None, settled_usd: Decimal, until: float
    ) -> None:
        """Go on with so many of all slots and so much money, up to a moment of the monotonic clock."""
        self.slots.grant(slots, until)
        self._admission.grant(concurrency, allotment_usd, settled_usd)
        self._turn()

    def press(self, slots_share: float) -> None:
        """Use only this part of the slots, as the machine bears no more."""
        self.slots.share = slots_share

    def written(self, calls: int) -> None:
        """So many ended calls are in the ledger."""
        self._admission.written(calls)
        self._turn()

    def halt(self, kind: RequestKind, reason: str) -> None:
        """Drain, and tell every process of the run why: once, though a failure also after a pause."""
        if kind not in self._told and not (self.halted and kind is RequestKind.PAUSE):
            self._told[kind] = self._tell(kind, reason)
        self.drain()

    def drain(self) -> None:
        """Start nothing more and leave what waits to a later run; calls in flight finish and are kept."""
        self.halted = True
        self._waiting.leave_all()
        self._appetite.look()

    def abandon(self) -> None:
        """Give calls in flight up: that they were made is kept, and their items are left to a later run."""
        self.is_abandoned = True
        self._aftermath.reviews.abandon()
        for task in self._tasks:
            task.cancel()

    @property
    def is_ahead(self) -> bool:
        """Whether, as no phase is asked for, items are in phases that will be."""
        return not self.halted and bool(self._tasks or self._waiting.are_any or self._aftermath.reviews.are_under_way)

    async def caught_up(self) -> None:
        """Returns when none is any more."""
        while self.is_ahead:
            await asyncio.sleep(CATCH_UP_SECONDS)

    async def finish(self) -> None:
        """Returns when no call is in flight and the reason for a drain is written, or could not be.

        Nobody asks for more: what was not started ahead is left.
        """
        self._ahead.end()
        self.drain()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._aftermath.reviews.ended()
        self._aftermath.reviews.close()
        await asyncio.gather(*self._told.values(), return_exceptions=True)

    def start_calls(self, room: int) -> bool:
        """Start as many calls as slots, money and limits allow, at most `room`.

        False where those who come later must wait too, because there is no room, or a limit that may be theirs as well.
        """
        try:
            return self._start_calls(room)
        except JournalUnavailable as error:
            self.halt(RequestKind.PAUSE, str(error))
            return True
        except Exception as error:  # noqa: BLE001  # a defect that got away would leave everybody waiting for ever
            self.halt(RequestKind.STOP, f"the engine failed: {error!r}")
            return True

    def _start_calls(self, room: int) -> bool:
        now = time.monotonic()
        if self.slots.has_lapsed(now):
            self.renewal_wanted.set()
        free = self.slots.allowed(now) - self.in_flight
        while self._waiting and free > 0 and self._checkpoints.backlog < MOST_UNWRITTEN:
            if not room:
                return False
            call = self._waiting.first
            seconds_left = self._aftermath.rulings.seconds_left(call)
            if not self._is_ready(call, seconds_left):
                continue
            denied = self._admission.admit(call)
            self._is_short_of_money = denied is not None and denied.seconds is None
            if denied is not None:
                return denied.seconds is None or self._wait_for_room(denied.seconds)
            self._waiting.take_first()
            self._start(call, seconds_left)
            free, room = free - 1, room - 1
        self._appetite.look()
        if self._waiting and self.in_flight >= self.slots.granted and self.slots.are_short:
            self.renewal_wanted.set()
        return True

    def _is_ready(self, call: Call, seconds_left: float | None) -> bool:
        """Get the first call ready to be made; False where it cannot be, which ends its item, or is of no use."""
        if self._aftermath.is_moot(call):
            self._waiting.take_first()
            return False
        try:
            if seconds_left is not None and seconds_left <= 0:
                limit = self.job.options.item_timeout_seconds
                raise ProviderError(ErrorCategory.TIMEOUT, f"the item's {limit:g} seconds are over")
            if call.prepared is None:
                call.prepared = self._caller.prepare(call.run.phase, call.item, call.trial)
        except Exception as error:  # noqa: BLE001  # one that stayed would keep all others from their turn
            self._waiting.take_first()
            known = error if isinstance(error, ProviderError) else ProviderError(ErrorCategory.INTERNAL, str(error))
            self._aftermath.fail(call, known)
            return False
        return True

    def _wait_for_room(self, seconds: float) -> bool:
        """Come back when a limit has room; those who come later may not take it meanwhile."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(seconds, SOONEST_SECONDS), self._turn)
        return False

    def _start(self, call: Call, seconds_left: float | None) -> None:
        assert call.prepared is not None, "only a prepared call is started"
        assert call.begun is not None, "only a noted call is started"
        self._reports.start(call)
        call.attempts += 1
        call.began = time.monotonic()
        call.is_hurried = seconds_left is not None and seconds_left < call.prepared.request.timeout_seconds
        ask = self._caller.ask(call.prepared, call.begun.number, call.begun.started_at, seconds_left)
        task = asyncio.get_running_loop().create_task(ask)
        self._tasks.add(task)
        task.add_done_callback(lambda ended: self._after(call, ended))

    def _after(self, call: Call, task: asyncio.Task[Answer]) -> None:
        """Slot and money come back, whatever happened, and nobody waits for ever for a call that broke."""
        self._tasks.discard(task)
        try:
            answer = task.result()
        except BaseException as error:  # noqa: BLE001  # the caller makes answers of all errors, so this is a defect
            self._admission.give_up(call)
            self._aftermath.break_off(call, error)
        else:
            self._take(call, answer)
        self._turn()

    def _take(self, call: Call, answer: Answer) -> None:
        try:
            self._settle(call, answer)
            self._aftermath.conclude(call, answer, self.slots.granted)
        except Exception as error:  # noqa: BLE001  # as above
            self._aftermath.break_off(call, error)

    def _settle(self, call: Call, answer: Answer) -> None:
        """Account for what the call used, and learn from how it went."""
        self._admission.settle(call, answer)
        call.used += answer.attempt.usage or NOTHING_USED
        call.bill = call.bill.with_call(answer.attempt)
        if answer.error is None:
            self._throttle.answered(call.began)
        elif answer.error.category in OVERLOAD and not call.is_hurried:
            self._throttle.overloaded(call.began)


def _call(item: WorkItem, run: PartitionRun) -> Call:
    return Call(item, run, started=item.status is ItemStatus.RUNNING, trial=item.trial or NOTHING_TRIED)
