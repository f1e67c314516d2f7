"""Renders a phase's templates for one item, in a sandbox."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, TypeVar

from jinja2 import Template, Undefined, meta
from jinja2.environment import TemplateExpression
from pydantic import JsonValue

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import Decided, WorkItem
from batch_pipelines.domain.pipeline import ALL_FIELDS, Phase
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.engine.cleaning import as_fields, clean, plain_names
from batch_pipelines.providers.base import CompletionRequest, EmbeddingRequest, Request
from batch_pipelines.quality.marking import EXPLANATION, marked, marked_passages
from batch_pipelines.templating import Sandbox

T = TypeVar("T")

KEPT_TEMPLATES = 256
"""Compiled ones; a pipeline has twenty at most."""
PASSAGES = "passages"
"""The variable by which a template says itself where passages go."""


_ENVIRONMENT = Sandbox()
_ENVIRONMENT.filters |= {"from_json": json.loads, "marked": marked}
_ENVIRONMENT.filters |= {"as_fields": as_fields, "clean": clean, "plain_names": plain_names}
_ENVIRONMENT.globals |= {"marked_passages": marked_passages}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a template sees of an item, and what routes it."""

    parameters: dict[str, JsonValue]
    tier: Tier | None
    complexity: Complexity
    phase_outputs: dict[str, str] = field(default_factory=dict)
    passages: tuple[Passage, ...] = ()

    @classmethod
    def of(cls, item: WorkItem) -> Subject:
        """An item with all that is known of it."""
        return cls(item.parameters, item.tier, item.complexity, item.phase_outputs, item.passages)

    @property
    def values(self) -> dict[str, Any]:
        """The variables of a template."""
        return {
            "item": self.parameters,
            "tier": self.tier.value if self.tier else None,
            "phases": self.phase_outputs,
            # As plain values: a template must not reach methods of ours, or of pydantic's.
            PASSAGES: [passage.model_dump() for passage in self.passages],
        }


def request_of(job: Decided, phase: Phase, subject: Subject, rung: int = 0) -> Request:
    """The call that a phase of a batch job makes for an item; raises ProviderError(TEMPLATE) naming what is missing.

    `rung` is the place of the model in the item's cascade.
    """
    model = job.pipeline.cascade(phase, job.options.model, subject.complexity, subject.tier)[rung]
    return request_for(phase, model, subject)


def request_for(phase: Phase, model: str, subject: Subject) -> Request:
    """The call that a phase makes to this model for an item; raises ProviderError(TEMPLATE)."""
    prompt = render(phase, phase.prompt or "", subject)
    if phase.kind is PhaseKind.EMBEDDING:
        return EmbeddingRequest(model, prompt, phase.timeout_seconds)
    system = render(phase, phase.system_prompt, subject) if phase.system_prompt else None
    if phase.use_rag and not _names_passages(phase.prompt or ""):
        prompt = _with_passages(prompt, subject.values[PASSAGES])
    return CompletionRequest(model, system, prompt, phase.max_tokens, phase.timeout_seconds, phase.output_schema)


def record_of(phase: Phase, subject: Subject) -> str:
    """The output of a record phase, a JSON object; raises ProviderError(TEMPLATE) naming the field."""
    if phase.fields is None:
        return json.dumps(subject.parameters, ensure_ascii=False)
    values = subject.values
    record: dict[str, JsonValue] = {}
    for name, expression in phase.fields.items():
        what = f"field {name} of phase {phase.name}"
        if name == ALL_FIELDS:
            record |= _tried(what, partial(_evaluated_fields, expression, values))
        else:
            record[name] = _tried(what, partial(_evaluated, expression, values))
    return json.dumps(record, ensure_ascii=False)


def _evaluated_fields(expression: str, values: dict[str, Any]) -> dict[str, JsonValue]:
    """The fields of an expression that gives an object; raises TypeError for another."""
    value = _evaluated(expression, values)
    if not isinstance(value, dict):
        raise TypeError(f"it gives no object of fields, but {type(value).__name__}")
    return value


def _evaluated(expression: str, values: dict[str, Any]) -> JsonValue:
    value = _expression(expression)(**values)
    if isinstance(value, Undefined):
        # An undefined value says what is missing when it is made a text of.
        str(value)
    # What JSON cannot hold is the fault of this field.
    json.dumps(value, allow_nan=False)
    return value


def render(phase: Phase, template: str, subject: Subject) -> str:
    """A template of a phase for an item; raises ProviderError(TEMPLATE)."""
    return _tried(f"the prompt of phase {phase.name}", lambda: _template(template).render(subject.values))


def _tried(what: str, work: Callable[[], T]) -> T:
    _ENVIRONMENT.begin()
    try:
        return work()
    except Exception as error:  # a template can raise anything that Python can, as `"%(a)s" % {}`
        raise ProviderError(ErrorCategory.TEMPLATE, f"{what} cannot be rendered: {error}") from error


def _with_passages(prompt: str, passages: Sequence[dict[str, Any]]) -> str:
    """The prompt with passages before it, for a template that does not place them itself."""
    if not passages:
        return prompt
    return (
        f"Passages of the project's documents, which may help. {EXPLANATION}\n{marked_passages(passages)}\n\n{prompt}"
    )


@lru_cache(KEPT_TEMPLATES)
def _names_passages(source: str) -> bool:
    return PASSAGES in meta.find_undeclared_variables(_ENVIRONMENT.parse(source))


@lru_cache(KEPT_TEMPLATES)
def _template(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


@lru_cache(KEPT_TEMPLATES)
def _expression(source: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)
