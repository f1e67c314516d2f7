"""A pipeline with tiers and one without, for tests of plans."""

from __future__ import annotations

from typing import Any

from batch_pipelines.control.planning import make_plan
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.spec import Spec

MODEL = "claude-sonnet-5-5"


def pipeline(phases: int = 1, **fields: Any) -> Pipeline:
    """A pipeline without tiers whose prompts need the parameter `topic`."""
    return Pipeline(
        name="talk",
        description="A talk.",
        model=MODEL,
        phases=tuple(
            Phase(name=f"phase_{number}", task_type=TaskType.CHAT, prompt="About {{ item.topic }}.")
            for number in range(1, phases + 1)
        ),
        **fields,
    )


TIERED = pipeline(tiered=True, default_concurrency=3, max_concurrency=10)
PLAIN = pipeline()


def items(count: int, **fields: Any) -> list[dict[str, Any]]:
    """So many items with the ids i0, i1, ..."""
    return [{"id": f"i{number}", "topic": "Tea", **fields} for number in range(count)]


def plan(
    content: dict[str, Any] | None = None,
    *,
    of: Pipeline = TIERED,
    raw: list[dict[str, Any]] | None = None,
    max_items: int = 10_000,
) -> Plan:
    """The plan of a spec with these fields; three items where none are given."""
    spec = Spec.model_validate({"pipeline": of.name, **(content or {})})
    return make_plan(
        spec, of, items(3) if raw is None else raw, max_items=max_items, max_concurrency=50, simulated=True
    )
