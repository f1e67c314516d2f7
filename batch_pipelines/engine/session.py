"""One batch job in one process: starts calls while there are slots and money, and judges what comes back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import BatchPipelinesError, ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.spec import ErrorHandling
from batch_pipelines.domain.transitions import ItemStatus, ItemTrigger
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.prompts import render_request
from batch_pipelines.engine.purse import Purse
from batch_pipelines.engine.retries import RetryIn, decide, refusal_of
from batch_pipelines.engine.work import Call, PartitionRun, PhaseOutcome
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.providers.base import Completion, CompletionRequest, Provider

INPUT_MARGIN = Decimal("1.25")
"""How far a call's input may lie over what its phase expects before the worst case is too small."""

Halt = Callable[[RequestKind, str], None]


class Session:
    """Everything the engine knows about one batch job; lives on the engine's event loop.

    `slots` is set from outside. `on_halt` is told, once, why the job must drain.
    """

    def __init__(
        self,
        job: BatchJob,
        provider: Provider,
        prices: PriceBook,
        limiter: Limiter,
        checkpoints: Checkpoints,
        clock: Callable[[], datetime],
        random: Random,
        on_halt: Halt,
    ) -> None:
        self.job = job
        self.purse = Purse()
        self.slots = 0
        self.in_flight = 0
        self.halted = False
        self.renewing = False
        self._provider = provider
        self._prices = prices
        self._limiter = limiter
        self._checkpoints = checkpoints
        self._clock = clock
        self._random = random
        self._on_halt = on_halt
        self._backlog: deque[Call] = deque()
        self._sleeping: dict[Call, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def wanted_slots(self) -> int:
        """Calls that could be in flight now."""
        return self.in_flight + len(self._backlog)

    @property
    def is_starved(self) -> bool:
        """Whether nothing is in flight although calls wait and there are slots: the money does not suffice."""
        return bool(self._backlog) and self.slots > 0 and not self.in_flight and not self.halted

    @property
    def next_worst_case_usd(self) -> Decimal:
        """What the first waiting call may cost; 0 when none waits."""
        return self._backlog[0].worst_case_usd if self._backlog else Decimal(0)

    async def run_phase(self, phase: Phase, items: Sequence[WorkItem]) -> PhaseOutcome:
        """Do one phase for `items`; returns when each has its output, failed, or was left because the job drains."""
        if not items:
            return PhaseOutcome(0, 0, 0)
        run = PartitionRun(phase, phase == self.job.pipeline.phases[-1], len(items), asyncio.Event())
        for item in items:
            self._offer(Call(item, run, started=item.status is ItemStatus.RUNNING))
        self.pump()
        await run.finished.wait()
        await asyncio.wrap_future(self._checkpoints.flush())
        return run.outcome

    def pump(self) -> None:
        """Start as many calls as slots and money allow."""
        while self._backlog and self.in_flight < self.slots and not self.renewing:
            call = self._backlog[0]
            try:
                request = self._prepare(call)
            except BatchPipelinesError as error:
                self._backlog.popleft()
                self._fail_unsent(call, error)
                continue
            if not self.purse.reserve(call.worst_case_usd):
                return
            self._backlog.popleft()
            self.in_flight += 1
            task = asyncio.get_running_loop().create_task(self._make(call, request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def halt(self, kind: RequestKind, reason: str) -> None:
        """Start nothing more; calls in flight finish and are kept."""
        if self.halted:
            return
        self.halted = True
        self._on_halt(kind, reason)
        self.drop_waiting()

    def drop_waiting(self) -> None:
        """Leave every call that is not in flight to a later run."""
        self.halted = True
        for timer in self._sleeping.values():
            timer.cancel()
        for call in (*self._backlog, *self._sleeping):
            _leave(call)
        self._backlog.clear()
        self._sleeping.clear()

    async def drained(self) -> None:
        """Returns when no call is in flight."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _offer(self, call: Call) -> None:
        if self.halted:
            _leave(call)
        else:
            self._backlog.append(call)

    def _prepare(self, call: Call) -> CompletionRequest:
        """The call's request and its worst case; raises ProviderError(TEMPLATE) or UnknownPrice."""
        if call.request is None:
            item, phase = call.item, call.run.phase
            model = self.job.pipeline.model_of(phase, self.job.options.model)
            call.request = render_request(phase, model, item.parameters, item.tier, item.phase_outputs)
            expected = phase.expected_tokens(item.tier).input_tokens * INPUT_MARGIN
            # A token is at least a byte, so bytes bound the input from above.
            most_input = max(
                len((call.request.system or "").encode()) + len(call.request.prompt.encode()), int(expected)
            )
            call.worst_case_usd = self._prices.upper_bound(model, most_input, phase.max_tokens, self._clock())
        return call.request

    async def _make(self, call: Call, request: CompletionRequest) -> None:
        """One call from its slot to its consequence."""
        if not call.started:
            call.started = True
            self._report(call, trigger=ItemTrigger.START)
        await self._limiter.admit(call.run.phase.expected_tokens(call.item.tier))
        if self.halted:
            self.purse.settle(call.worst_case_usd, Decimal(0))
            self.in_flight -= 1
            _leave(call)
            return
        call.attempts += 1
        started_at, started = self._clock(), time.perf_counter()
        completion, error = await self._ask(request)
        duration_ms = (time.perf_counter() - started) * 1000
        cost_usd = self._prices.cost(request.model, completion.usage, started_at) if completion else None
        self.purse.settle(call.worst_case_usd, cost_usd)
        self.in_flight -= 1
        attempt = Attempt(
            number=call.item.attempts + call.attempts,
            started_at=started_at,
            duration_ms=duration_ms,
            model=completion.model if completion else request.model,
            simulated=completion.simulated if completion else False,
            usage=completion.usage if completion else None,
            cost_usd=cost_usd,
            request_id=completion.request_id if completion else error.request_id if error else None,
            stop_reason=completion.stop_reason if completion else None,
            error_category=error.category if error else None,
            error_message=error.message if error else None,
        )
        self._judge(call, attempt, completion.text if completion else None, error)
        self.pump()

    async def _ask(self, request: CompletionRequest) -> tuple[Completion | None, ProviderError | None]:
        """What came back, and why it is not an output; never raises for a call that went wrong."""
        try:
            async with asyncio.timeout(request.timeout_seconds):
                completion = await self._provider.complete(request)
        except ProviderError as error:
            return None, error
        except TimeoutError:
            message = f"no answer within {request.timeout_seconds:g} seconds"
            return None, ProviderError(ErrorCategory.TIMEOUT, message)
        except Exception as error:  # noqa: BLE001  # a defect of ours must cost one item, not the job
            return None, ProviderError(ErrorCategory.INTERNAL, f"{type(error).__name__}: {error}")
        return completion, refusal_of(completion.stop_reason, completion.text, request.max_tokens)

    def _judge(self, call: Call, attempt: Attempt, output: str | None, error: ProviderError | None) -> None:
        """Write the attempt down and decide what becomes of its item."""
        if error is None:
            trigger = ItemTrigger.COMPLETE if call.run.is_last else None
            self._report(call, attempt=attempt, output=output, trigger=trigger)
            call.run.done += 1
            call.run.one_less()
        elif error.category.nature.stops_job:
            self._report(call, attempt=attempt)
            _leave(call)
            self.halt(RequestKind.STOP, str(error))
        else:
            self._retry_or_fail(call, attempt, error)

    def _retry_or_fail(self, call: Call, attempt: Attempt, error: ProviderError) -> None:
        decision = decide(error, call.attempts - 1, self.job.options.retry_attempts, self._random)
        if isinstance(decision, RetryIn):
            self._report(call, attempt=attempt)
            if self.halted:
                _leave(call)
            else:
                timer = asyncio.get_running_loop().call_later(decision.seconds, self._wake, call)
                self._sleeping[call] = timer
            return
        self._report(call, attempt=attempt, trigger=ItemTrigger.FAIL)
        self._count_failure(call, error)

    def _wake(self, call: Call) -> None:
        del self._sleeping[call]
        self._offer(call)
        self.pump()

    def _fail_unsent(self, call: Call, error: BatchPipelinesError) -> None:
        """Fail an item whose call could not even be made; the attempt it gets cost nothing."""
        known = error if isinstance(error, ProviderError) else ProviderError(ErrorCategory.INTERNAL, str(error))
        if not call.started:
            self._report(call, trigger=ItemTrigger.START)
        self._report(call, trigger=ItemTrigger.FAIL, unsent_error=known)
        self._count_failure(call, known)

    def _count_failure(self, call: Call, error: ProviderError) -> None:
        call.run.failed += 1
        call.run.one_less()
        if self.job.options.error_handling is ErrorHandling.STOP:
            self.halt(RequestKind.STOP, f"item {call.item.item_id} failed ({error})")

    def _report(
        self,
        call: Call,
        *,
        trigger: ItemTrigger | None = None,
        attempt: Attempt | None = None,
        output: str | None = None,
        unsent_error: ProviderError | None = None,
    ) -> None:
        self._checkpoints.add(
            Report(
                row=call.item.row,
                item_id=call.item.item_id,
                phase=call.run.phase.name,
                at=self._clock(),
                trigger=trigger,
                attempt=attempt,
                output=output,
                unsent_error=unsent_error,
            )
        )


def _leave(call: Call) -> None:
    call.run.left += 1
    call.run.one_less()
