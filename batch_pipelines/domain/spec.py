"""What a user asks for: a spec, its options and its budget. The field names are a contract."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.delivery import Delivery

ALL_TIERS: Final = "all"

SOURCES: Final = ("jsonl", "csv", "parquet", "files", "job", "passages")

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
        default=None,
        description="Items of one dynamic output; default: about 100 steps over all phases, at least 25 items.",
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


class ItemSource(BaseModel):
    """Where items come from; exactly one of the sources is set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jsonl: str | None = Field(default=None, description="Path of a file with one JSON object a line.")
    csv: str | None = Field(default=None, description="Path of a file with a line of column names.")
    parquet: str | None = Field(default=None, description="Path of a Parquet file.")
    files: str | None = Field(
        default=None, description="Pattern of text, Markdown and PDF files, as `docs/*.pdf`: each is an item."
    )
    job: str | None = Field(default=None, description="Id of a batch job whose completed items are the items.")
    passages: str | None = Field(
        default=None, description="Pattern of sources, as `*`: passages of the project's ingested documents."
    )
    id_field: str = Field(default="id", description="The field or column that holds an item's id.")
    where: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Only items whose fields have these values; a list stands for any of its values, and "
        "{from: a, to: b} for a range with both ends.",
    )
    limit: int | None = Field(default=None, gt=0, description="Only so many of the first.")

    @model_validator(mode="after")
    def _one_source_is_set(self) -> ItemSource:
        if len(self.sources) != 1:
            named = " and ".join(self.sources) or "none is"
            raise ValueError(f"exactly one of {', '.join(SOURCES)} is needed, but {named} given")
        return self

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that are set."""
        return tuple(name for name in SOURCES if getattr(self, name) is not None)

    @property
    def kind(self) -> str:
        """Which source it is."""
        return self.sources[0]

    @property
    def address(self) -> str:
        """The path, pattern or id that it names."""
        return str(getattr(self, self.kind))


class Spec(BaseModel):
    """A batch job as a user asks for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline: str | None = Field(
        default=None, description="Name of the pipeline; only a spec with phases of its own can leave it out."
    )
    name: str | None = Field(default=None, description="What people call this batch job.")
    description: str = ""
    project: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
    tier: TierChoice | None = Field(
        default=None,
        description="Runs the items of this tier; items without a tier count as being of it. `all` (default) runs "
        "every item, and deals items without a tier out to the three tiers in turn.",
    )
    items: list[dict[str, JsonValue]] | ItemSource | None = Field(
        default=None,
        description="A list of items (objects with an `id`, other fields being parameters), or one of {jsonl: path}, "
        "{csv: path}, {parquet: path}, {files: pattern}, {job: id}, {passages: pattern}; default: the pipeline's "
        "sample.",
    )
    phases: list[dict[str, JsonValue]] | None = Field(
        default=None,
        description="The phases to run, in place of the pipeline's; one that has the name of a phase of the pipeline "
        "needs to say only what is different.",
    )
    shared_parameters: dict[str, JsonValue] = Field(
        default_factory=dict, description="Parameters of every item that does not set them itself."
    )
    template_id: str | None = Field(default=None, description="Handed to the prompts as `item.template_id`.")
    tags: dict[str, str] = Field(default_factory=dict)
    options: Options = Options()
    budget: Budget | None = Field(default=None, description="Default: the pipeline's.")
    delivery: Delivery | None = Field(default=None, description="Default: the pipeline's.")
