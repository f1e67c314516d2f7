"""What an author may write about a pipeline: the fields of the domain, with texts and schemas that may stand in files.

It is also the JSON Schema that editors and `dg` show; every description is the domain's.
"""

from __future__ import annotations

from copy import copy
from typing import Any

from pydantic import BaseModel, Field

from batch_pipelines.domain.pipeline import Phase, PipelineFields
from batch_pipelines.domain.retrieval import Retrieval
from batch_pipelines.domain.task_types import TaskTypeDefinition
from batch_pipelines.domain.validation import OFF, Check, Judge, Validation
from batch_pipelines.pipelines.texts import Code, Expression, Pattern, SampleFile, Schema, Template, Text


def _as_in(model: type[BaseModel], name: str) -> Any:
    """Default, limits and description of a field of the domain, for one that is written in more ways."""
    return copy(model.model_fields[name])


class CheckFile(Check):
    """One rule for an output that costs nothing to check; exactly one of the rules is set."""

    matches: Pattern | None = _as_in(Check, "matches")
    lacks: Pattern | None = _as_in(Check, "lacks")
    schema_: Schema | None = _as_in(Check, "schema_")
    python: Code | None = _as_in(Check, "python")


class JudgeFile(Judge):
    """A model that scores an output from 1 to 10 and says why."""

    criteria: Text = _as_in(Judge, "criteria")


class ValidationFile(Validation):
    """When an output is accepted; writing it turns it on."""

    checks: tuple[CheckFile, ...] = _as_in(Validation, "checks")
    judges: tuple[JudgeFile, ...] = Field(
        default=(JudgeFile(),),
        min_length=1,
        max_length=3,
        description=Validation.model_fields["judges"].description,
    )


class RetrievalFile(Retrieval):
    """Which passages go into a phase's prompt."""

    query: Template | None = _as_in(Retrieval, "query")


class PhaseFile(Phase):
    """One step of the work on each item: an op in Dagster, and usually one call to a model."""

    prompt: Template | None = _as_in(Phase, "prompt")
    system_prompt: Template | None = _as_in(Phase, "system_prompt")
    output_schema: Schema | None = _as_in(Phase, "output_schema")
    validation: ValidationFile = Field(
        default=ValidationFile.model_validate(OFF.model_dump(exclude_unset=True)),
        description="When an output is accepted; without it, any is.",
    )
    retrieval: RetrievalFile = Field(default=RetrievalFile(), description=Phase.model_fields["retrieval"].description)
    fields: dict[str, Expression] | None = _as_in(Phase, "fields")


class TaskTypeFile(TaskTypeDefinition):
    """Defaults of the phases of one task type."""

    prompt: Template | None = _as_in(TaskTypeDefinition, "prompt")
    system_prompt: Template | None = _as_in(TaskTypeDefinition, "system_prompt")
    output_schema: Schema | None = _as_in(TaskTypeDefinition, "output_schema")


class PipelineFile(PipelineFields):
    """A pipeline as its `defs.yaml` says it, under `attributes`."""

    sample_items: SampleFile | None = _as_in(PipelineFields, "sample_items")
    phases: tuple[PhaseFile, ...] = _as_in(PipelineFields, "phases")
    # A dict that nobody changes may hold subclasses; mypy cannot know that nobody does.
    task_types: dict[str, TaskTypeFile] = _as_in(PipelineFields, "task_types")  # type: ignore[assignment]
