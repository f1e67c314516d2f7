"""Kinds of work, and what a phase that names one need not say itself (requirement B4)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class TaskType(StrEnum):
    """The kinds of work that are built in; pipelines may define others."""

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
    RECORD = "record"
    """Puts a record together from what is known of the item; no model is called."""


JUDGE = "judge"
"""What routes call the scoring of answers; no phase is of it."""


class PhaseKind(StrEnum):
    """How the output of a phase comes about."""

    COMPLETION = "completion"
    """A model answers a prompt."""
    EMBEDDING = "embedding"
    """A model turns a text into a vector; the output is a JSON list of numbers."""
    RECORD = "record"
    """Expressions over the item and earlier outputs; the output is a JSON object."""


class TaskTypeDefinition(BaseModel):
    """Defaults of the phases of one task type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = Field(default="", description="What work of this kind is.")
    kind: PhaseKind = Field(default=PhaseKind.COMPLETION, description="How an output comes about.")
    prompt: str | None = Field(default=None, description="Jinja template of the user message.")
    system_prompt: str | None = Field(default=None, description="Jinja template of the system prompt.")
    max_tokens: int = Field(default=4096, gt=0, description="Cap on output tokens of a call.")
    output_tokens: int = Field(default=500, gt=0, description="Output tokens that a call is expected to use.")
    output_per_input: float = Field(
        default=0, ge=0, description="Output tokens that are expected for each token of input besides."
    )
    output_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of the output.")
    model: str | None = Field(default=None, description="Who does it, where no route of the pipeline says so.")
