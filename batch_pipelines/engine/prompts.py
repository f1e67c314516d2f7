"""Renders a phase's templates for one item, in a sandbox."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import Decided, WorkItem
from batch_pipelines.domain.pipeline import Phase, Tier
from batch_pipelines.providers.base import CompletionRequest

KEPT_TEMPLATES = 256
"""Compiled ones; a pipeline has twenty at most."""


class _Sandbox(ImmutableSandboxedEnvironment):
    """A parameter comes before a method of the same name: `item.copy` may be a text that somebody wrote."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


_ENVIRONMENT = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


def render_request(
    phase: Phase,
    model: str,
    parameters: dict[str, JsonValue],
    tier: Tier | None,
    phase_outputs: dict[str, str],
) -> CompletionRequest:
    """The call that a phase makes for one item; raises ProviderError(TEMPLATE) naming what is missing."""
    values = {"item": parameters, "tier": tier.value if tier else None, "phases": phase_outputs}
    try:
        system = _template(phase.system_prompt).render(values) if phase.system_prompt else None
        prompt = _template(phase.prompt).render(values)
    except Exception as error:  # a template can raise anything that Python can, as `"%(a)s" % {}`
        message = f"the prompt of phase {phase.name} cannot be rendered: {error}"
        raise ProviderError(ErrorCategory.TEMPLATE, message) from error
    return CompletionRequest(model, system, prompt, phase.max_tokens, phase.timeout_seconds)


def phase_request(
    job: Decided, phase: Phase, parameters: dict[str, JsonValue], tier: Tier | None, phase_outputs: dict[str, str]
) -> CompletionRequest:
    """The call that a phase of a batch job makes, with the model that it decided; raises ProviderError(TEMPLATE)."""
    return render_request(phase, job.pipeline.model_of(phase, job.options.model), parameters, tier, phase_outputs)


def item_request(job: Decided, phase: Phase, item: WorkItem) -> CompletionRequest:
    """The same for an item that still needs the phase."""
    return phase_request(job, phase, item.parameters, item.tier, item.phase_outputs)


@lru_cache(KEPT_TEMPLATES)
def _template(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)
