"""What is waiting for a slot, and how a partition learns that its items are done."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal

from batch_pipelines.domain.job import WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.providers.base import CompletionRequest


@dataclass(frozen=True, slots=True)
class PhaseOutcome:
    """How a phase of an item partition ended."""

    done: int
    """Items that have its output now."""
    failed: int
    left: int
    """Items it did not finish because the batch job drained."""


@dataclass(slots=True)
class PartitionRun:
    """Counts down the items of one partition in one phase."""

    phase: Phase
    is_last: bool
    """Whether the phase is the last one, so that its output is the item's."""
    waiting: int
    finished: asyncio.Event
    done: int = 0
    failed: int = 0
    left: int = 0

    def one_less(self) -> None:
        """An item was done, failed or left."""
        self.waiting -= 1
        if not self.waiting:
            self.finished.set()

    @property
    def outcome(self) -> PhaseOutcome:
        return PhaseOutcome(self.done, self.failed, self.left)


@dataclass(slots=True, eq=False)
class Call:
    """One item in one phase, on its way to an answer."""

    item: WorkItem
    run: PartitionRun
    request: CompletionRequest | None = None
    """Rendered when it first gets near a slot."""
    worst_case_usd: Decimal = Decimal(0)
    attempts: int = 0
    """Made in this run of the batch job."""
    started: bool = False
    """Whether the ledger knows that the item is running."""
