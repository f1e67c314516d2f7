"""What a pipeline is: named phases that every item goes through (requirements B1, B4, B6)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"
MOST_CONCURRENCY = 200
"""Calls in flight of one batch job, whatever pipeline and deployment say: what a process has connections for."""


class TaskType(StrEnum):
    """The kind of work a phase does; it decides defaults."""

    CODE = "code"
    RESEARCH = "research"
    CREATIVE = "creative"
    ANALYSIS = "analysis"
    CHAT = "chat"
    SUMMARIZATION = "summarization"
    TRANSLATION = "translation"
    ENTITY_EXTRACTION = "entity_extraction"
    OCR_CLEANUP = "ocr_cleanup"
    XML_TAGGING = "xml_tagging"
    TEXT_CLEANUP = "text_cleanup"
    CATEGORIZATION = "categorization"
    EMBEDDING_GENERATION = "embedding_generation"
    CONVERSATION = "conversation"


class Tier(StrEnum):
    """How demanding a conversation is (requirement B6)."""

    TEMPLATE = "template"
    """A common situation, handled by the book."""
    SCENARIO = "scenario"
    """A situation with a twist that needs judgement."""
    EDGE_CASE = "edge_case"
    """A rare situation at the limits of what is allowed or possible."""


class TokenProfile(BaseModel):
    """Tokens that one call is expected to use."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_tokens: int = Field(gt=0)
    output_tokens: int = Field(gt=0)


class Phase(BaseModel):
    """One call to a model for each item."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, description="Names the Dagster op.")
    task_type: TaskType
    prompt: str = Field(
        min_length=1,
        description="Jinja template of the user message. Variables: `item` (its parameters), `tier`, and `phases` "
        "(outputs of earlier phases by name).",
    )
    system_prompt: str | None = None
    model: str | None = Field(default=None, description="Overrides the pipeline's model.")
    max_tokens: int = Field(
        default=4096,
        gt=0,
        description="Cap on output tokens of a call; an answer cut off there is asked for again, once, with twice it.",
    )
    timeout_seconds: float = Field(default=300, gt=0, description="How long one call may take.")
    tokens: TokenProfile = Field(
        default=TokenProfile(input_tokens=1000, output_tokens=500), description="What one call is expected to use."
    )
    tier_tokens: dict[Tier, TokenProfile] = Field(
        default_factory=dict, description="The same by tier, where tiers differ."
    )

    def expected_tokens(self, tier: Tier | None) -> TokenProfile:
        """What one call for an item of this tier is expected to use."""
        return self.tier_tokens.get(tier, self.tokens) if tier else self.tokens


class Pipeline(BaseModel):
    """A named sequence of phases with its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, description="Names the Dagster job and its assets.")
    description: str
    model: str = Field(description="Model of every phase that names none.")
    tiered: bool = Field(default=False, description="Whether its items have tiers.")
    phases: tuple[Phase, ...] = Field(min_length=1, max_length=10)
    default_concurrency: int = Field(default=5, ge=1)
    max_concurrency: int | None = Field(
        default=None, ge=1, le=MOST_CONCURRENCY, description="Calls in flight at most; default: the deployment's limit."
    )
    sample_items: Path | None = Field(default=None, description="JSONL of items that a launch without items uses.")

    @model_validator(mode="after")
    def _phase_names_are_unique(self) -> Pipeline:
        names = [phase.name for phase in self.phases]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"phase names must be unique, but {', '.join(twice)} stands more than once")
        return self

    @model_validator(mode="after")
    def _default_is_within_the_limit(self) -> Pipeline:
        if self.max_concurrency is not None and self.default_concurrency > self.max_concurrency:
            raise ValueError(f"default_concurrency is over max_concurrency, which is {self.max_concurrency}")
        return self

    def phase(self, name: str) -> Phase:
        """The phase of this name; raises KeyError."""
        return {phase.name: phase for phase in self.phases}[name]

    def concurrency_limit(self, deployment: int) -> int:
        """Calls in flight of one batch job at most, where the deployment allows so many (requirement A13)."""
        return deployment if self.max_concurrency is None else min(self.max_concurrency, deployment)

    def model_of(self, phase: Phase, override: str | None = None) -> str:
        """The model that a phase calls; `override` is the batch job's own choice."""
        return override or phase.model or self.model
