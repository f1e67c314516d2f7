"""What a user asks for: a spec, its options and its budget. The field names are a contract."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from batch_pipelines.domain.answers import AnswerCache

ALL_TIERS: Final = "all"

TierChoice = Literal["template", "scenario", "edge_case", "all"]


class ErrorHandling(StrEnum):
    """What a failed item does to its batch job (requirement A6)."""

    CONTINUE = "continue"
    """The others go on; the job completes with partial success."""
    STOP = "stop"
    """The job fails at once; the others stay pending and can be resumed."""


class Priority(StrEnum):
    """Who goes first (requirement A9)."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    CRITICAL = "critical"


class EstimateOver(StrEnum):
    """What the gate does with an estimate over the budget (requirement C6)."""

    REFUSE = "refuse"
    WARN = "warn"


class Options(BaseModel):
    """How a batch job runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    concurrency: int | None = Field(default=None, description="Calls in flight at once; default: the pipeline's.")
    error_handling: ErrorHandling = Field(
        default=ErrorHandling.CONTINUE, description="Whether a failed item lets the others go on, or stops the job."
    )
    checkpoint_frequency: int = Field(
        default=10,
        description="Finished calls go to the ledger when so many wait, or after 100 ms; a journal has them at once.",
    )
    priority: Priority = Field(default=Priority.NORMAL, description="Order among batch jobs.")
    retry_attempts: int = Field(default=3, description="Retries of a call after transient errors.")
    item_timeout_seconds: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="How long the calls of one item, and the waits between them, may take while a run works on it.",
    )
    model: str | None = Field(default=None, description="Model for every phase, instead of the pipeline's.")
    items_per_partition: int | None = Field(
        default=None, description="Items of one dynamic output; default: about 100 steps over all phases, at least ten."
    )
    answer_cache: AnswerCache = Field(
        default=AnswerCache.OFF,
        description="Whether calls whose answer is kept from an equal request are left out (`read`), and new answers "
        "are kept too (`read_write`), or neither (`off`).",
    )

    @field_validator("answer_cache", mode="before")
    @classmethod
    def _read_bare_off(cls, value: object) -> object:
        """YAML 1.1 reads a bare `off` as False."""
        return AnswerCache.OFF if value is False else value


class Budget(BaseModel):
    """What a batch job may cost and how long it may take; an absent limit does not limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_cost_usd: Decimal | None = Field(
        default=None, gt=0, le=1_000_000_000, description="Never spent over, whatever the estimate said."
    )
    max_duration_seconds: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Limit for the estimated time; a run that takes longer pauses.",
    )
    warn_at: float = Field(default=0.8, gt=0, le=1, description="Share of a limit from which the gate warns.")
    estimate_over: EstimateOver = Field(
        default=EstimateOver.REFUSE, description="Whether an estimate over a limit refuses the run or only warns."
    )


class Spec(BaseModel):
    """A batch job as a user asks for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str = Field(description="Name of the pipeline.")
    name: str | None = Field(default=None, description="What people call this batch job.")
    description: str = ""
    project: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    tier: TierChoice | None = Field(
        default=None,
        description="Runs the items of this tier; items without a tier count as being of it. `all` (default) runs "
        "every item, and deals items without a tier out to the three tiers in turn.",
    )
    items: list[dict[str, JsonValue]] | dict[str, str] | None = Field(
        default=None,
        description="A list of items (objects with an `id`, other fields being parameters), or one of "
        "{jsonl: path}, {csv: path}; default: the pipeline's sample.",
    )
    shared_parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="Parameters of every item that does not set them itself."
    )
    template_id: str | None = Field(default=None, description="Handed to the prompts as `item.template_id`.")
    tags: dict[str, str] = Field(default_factory=dict)
    options: Options = Options()
    budget: Budget = Budget()
