"""The batch job, its items and what is known about them (requirements A1-A3, E1, E2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SkipValidation

from batch_pipelines.domain.errors import ErrorCategory, Severity
from batch_pipelines.domain.estimate import Estimate
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.retrieval import Passage, Source
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.spec import Budget, Options, Priority
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.domain.trial import Assessment, Trial
from batch_pipelines.domain.usage import Usage


class PlannedItem(BaseModel):
    """An item that passed validation, with its parameters merged and its tier decided."""

    model_config = ConfigDict(frozen=True)

    item_id: str
    tier: Tier | None
    complexity: Complexity = Complexity.MODERATE
    """As the analyzer measured it."""
    parameters: dict[str, JsonValue]
    """Shared parameters under the item's own; what the prompts see as `item`, and results as `input`."""


class Decided(BaseModel):
    """What a plan decides about a batch job, and the batch job keeps."""

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    project: str
    pipeline: Pipeline
    """As it was at submission: a later edit of the pipeline does not change a job under way."""
    tier: str | None
    options: Options
    """With `concurrency` and `items_per_partition` decided."""
    budget: Budget
    tags: dict[str, str]
    creator: str | None = None
    simulated: bool
    """Whether any of its answers are to come, or came, from the simulated provider."""

    @property
    def concurrency(self) -> int:
        """Calls in flight at once."""
        assert self.options.concurrency is not None, "a plan has decided its concurrency"
        return self.options.concurrency


@runtime_checkable
class PlannedItems(Protocol):
    """Items that can be gone through again and again, and need not be in memory all at once."""

    def __iter__(self) -> Iterator[PlannedItem]: ...

    def __len__(self) -> int: ...


def count_groups(items: Iterable[PlannedItem]) -> Counter[ItemGroup]:
    """How many items are of each tier and complexity."""
    return Counter(ItemGroup(item.tier, item.complexity) for item in items)


class Plan(Decided):
    """A validated spec: everything a batch job needs to be created."""

    # Items are no values of pydantic's: a million of them stay where they are.
    model_config = ConfigDict(arbitrary_types_allowed=True)

    items: PlannedItems
    groups: SkipValidation[Counter[ItemGroup]] = Field(default_factory=lambda known: count_groups(known["items"]))
    """How many items are of each tier and complexity."""
    sample: PlannedItems = Field(default_factory=lambda known: known["items"])
    """Some of the items, evenly spread, by which prompts can be measured without a look at all of them."""


class BatchJob(Decided):
    """A batch job as the ledger has it (requirement A1); counts, cost and tokens are in its Progress."""

    id: str
    priority: Priority
    status: JobStatus
    total_items: int
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    run_id: str | None
    """The Dagster run that drives it, or drove it last."""
    error: str | None
    """Why it failed or paused."""
    warnings: tuple[str, ...]
    estimate: Estimate | None


class Progress(BaseModel):
    """Counts, cost and tokens of a batch job at one moment."""

    model_config = ConfigDict(frozen=True)

    total: int
    pending: int
    running: int
    completed: int
    failed: int
    skipped: int
    cancelled: int
    cost_usd: Decimal
    usage: Usage
    in_progress: tuple[str, ...] = Field(default=(), description="Ids of up to 50 items being processed now.")
    current_phase: str | None = Field(default=None, description="The phase of the call started last.")

    @property
    def ended(self) -> int:
        """Items for which nothing more will be done."""
        return self.worked + self.cancelled

    @property
    def worked(self) -> int:
        """Items that work brought to their end; cancelling one takes none, and makes a batch job no faster."""
        return self.completed + self.failed + self.skipped


class WorkItem(BaseModel):
    """An item that a phase still has to do."""

    model_config = ConfigDict(frozen=True)

    row: int
    """Its key in the ledger."""
    item_id: str
    tier: Tier | None
    complexity: Complexity = Complexity.MODERATE
    status: ItemStatus
    parameters: dict[str, JsonValue]
    phase_outputs: dict[str, str]
    """Outputs of the phases it finished, by name."""
    attempts: int
    """Calls already made for it in the phase to do, in earlier runs included."""
    trial: Trial | None = None
    """What was tried in the phase to do; None where it is not validated, or nothing was answered yet."""
    passages: tuple[Passage, ...] = ()
    """What retrieval found for the phase to do."""


@dataclass(frozen=True, slots=True)
class PhaseOutcome:
    """How far the items of a partition are in a phase."""

    done: int
    """Items that have its output."""
    failed: int
    """Items that failed and have none."""
    left: int
    """Items that a later run goes on with, because the batch job drains."""


class ItemError(BaseModel):
    """Why an item failed."""

    model_config = ConfigDict(frozen=True)

    category: ErrorCategory
    severity: Severity
    message: str


class ItemResult(BaseModel):
    """One item with everything known about it (requirement E2)."""

    model_config = ConfigDict(frozen=True)

    item_id: str
    position: int
    tier: Tier | None
    complexity: Complexity
    status: ItemStatus
    input: dict[str, JsonValue]
    output: str | None
    phase_outputs: dict[str, str]
    assessments: dict[str, Assessment] = Field(default_factory=dict)
    """What was found out about the outputs of validated phases, by phase."""
    sources: dict[str, tuple[Source, ...]] = Field(default_factory=dict)
    """Where the passages stand that outputs rest on, by phase."""
    error: ItemError | None
    attempts: int
    retries: int
    duration_ms: float | None
    quality_score: float | None
    """Of the output that was scored last; None where no judge was asked."""
    usage: Usage
    cost_usd: Decimal | None
    model: str | None

    def as_line(self) -> dict[str, Any]:
        """The contract's JSON of a result."""
        line = self.model_dump(mode="json", exclude={"usage", "position"})
        line["input_tokens"] = self.usage.total_input_tokens
        line["output_tokens"] = self.usage.output_tokens
        return line
