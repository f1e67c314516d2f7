"""What is waiting for a slot, and how a partition learns that its items are done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from decimal import Decimal

from batch_pipelines.domain.attempt import Attempt
from batch_pipelines.domain.job import WorkItem
from batch_pipelines.domain.pipeline import Phase, TokenProfile
from batch_pipelines.domain.trial import Purpose, Trial
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.caller import NOTHING_USED, Prepared
from batch_pipelines.engine.journal_lines import Begun


@dataclass(frozen=True, slots=True)
class Bill:
    """Calls added up; nothing is known of the sum where it is not known of one of them."""

    usage: Usage | None = NOTHING_USED
    cost_usd: Decimal | None = Decimal(0)

    def with_call(self, attempt: Attempt) -> Bill:
        """And one more."""
        usage, cost = attempt.usage, attempt.cost_usd
        return Bill(
            None if usage is None or self.usage is None else self.usage + usage,
            None if cost is None or self.cost_usd is None else self.cost_usd + cost,
        )


NOTHING_SPENT = Bill()
NOTHING_TRIED = Trial()


@dataclass(slots=True, eq=False)
class Call:
    """One item in one phase, on its way to an answer."""

    item: WorkItem
    run: PartitionRun
    started: bool
    """Whether the ledger knows, or was told, that the item is running."""
    prepared: Prepared | None = None
    """Made when the call first gets near a slot."""
    attempts: int = 0
    """Made in this run of the batch job."""
    retries: int = 0
    """How many of them followed a transient error."""
    is_cap_raised: bool = False
    """Whether its answer was cut off and it may now be longer."""
    used: Usage = NOTHING_USED
    """Tokens of all attempts of the step in this run, as far as they are known."""
    trial: Trial = NOTHING_TRIED
    """Where the item stands in a phase that is validated."""
    bill: Bill = NOTHING_SPENT
    """What all attempts in this run took."""
    begun: Begun | None = None
    """Its last attempt, as the journal has it."""
    began: float = 0.0
    """When that began, in seconds of the monotonic clock."""
    reserved_bytes: int = 0
    """Room made in the journal for the report of its last attempt."""
    is_hurried: bool = False
    """Whether it had less time than its phase gives, so that a timeout says nothing about the provider."""

    @property
    def purpose(self) -> Purpose:
        """What the call is for, once it is prepared."""
        return self.prepared.purpose if self.prepared else Purpose.ANSWER

    def go_on(self, trial: Trial) -> None:
        """Another question follows; tries are counted from the start."""
        self.trial = trial
        self.prepared = None
        self.retries = 0
        self.is_cap_raised = False
        self.used = NOTHING_USED

    @property
    def expected(self) -> TokenProfile:
        """Tokens that an attempt is expected to use."""
        return self.prepared.expected if self.prepared else self.run.phase.expected_tokens(self.item.tier)

    @property
    def worst_case_usd(self) -> Decimal:
        """What an attempt may cost; 0 as long as it is not prepared."""
        return self.prepared.worst_case_usd if self.prepared else Decimal(0)


@dataclass(slots=True, eq=False)
class PartitionRun:
    """The items of one partition in one phase; each ends once, whatever is said of it later."""

    phase: Phase
    is_last: bool
    """Whether the phase is the last one, so that its output is the item's."""
    span: tuple[int, int] = (0, 0)
    """Positions [start, stop) of its items."""
    open: set[Call] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)
    """Rows of items that have the phase's output, or failed."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when none is open any more."""

    def end(self, call: Call) -> None:
        """The item has the phase's output, or failed."""
        self.ended.add(call.item.row)
        self.leave(call)

    def leave(self, call: Call) -> None:
        """The item is done with here; a later run may go on with it."""
        self.open.discard(call)
        if not self.open:
            self.finished.set()

    async def is_through(self) -> None:
        """Returns when none is open any more."""
        while self.open:
            self.finished.clear()
            await self.finished.wait()
