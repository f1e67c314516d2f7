"""Renders a phase's templates for one item, in a sandbox."""

from __future__ import annotations

from functools import cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import JsonValue

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.pipeline import Phase, Tier
from batch_pipelines.providers.base import CompletionRequest

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


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
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        message = f"the prompt of phase {phase.name} cannot be rendered: {error}"
        raise ProviderError(ErrorCategory.TEMPLATE, message) from error
    return CompletionRequest(model, system, prompt, phase.max_tokens, phase.timeout_seconds)


@cache
def _template(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)
