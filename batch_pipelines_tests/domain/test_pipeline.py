"""What a pipeline may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, Tier, TokenProfile

PHASE: dict[str, Any] = {"name": "write", "task_type": "chat", "prompt": "Hello"}
PIPELINE: dict[str, Any] = {"name": "talk", "description": "", "model": "m", "phases": [PHASE]}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"phases": []}, "at least 1 item"),
        ({"phases": [{**PHASE, "name": f"p{number}"} for number in range(11)]}, "at most 10 items"),
        ({"phases": [PHASE, PHASE]}, "write stands more than once"),
        ({"name": "Not a name"}, "should match pattern"),
        ({"max_concurrency": 201}, "less than or equal to 200"),
        ({"default_concurrency": 0}, "greater than or equal to 1"),
        ({"default_concurrency": 8, "max_concurrency": 5}, "over max_concurrency, which is 5"),
        ({"modell": "m"}, "Extra inputs"),
        ({"phases": [{**PHASE, "max_tokens": 0}]}, "greater than 0"),
        ({"phases": [{**PHASE, "task_type": "juggling"}]}, "Input should be"),
    ],
)
def test_a_pipeline_outside_its_limits_is_refused(changes: dict[str, Any], complaint: str) -> None:
    """A pipeline has 1 to 10 phases of different names and a concurrency from 1 to 200 (A13, B1)."""
    with pytest.raises(ValidationError, match=complaint):
        Pipeline.model_validate(PIPELINE | changes)


@pytest.mark.parametrize(
    ("own", "deployment", "limit"), [(None, 50, 50), (None, 200, 200), (10, 50, 10), (100, 50, 50)]
)
def test_the_lower_limit_of_pipeline_and_deployment_holds(own: int | None, deployment: int, limit: int) -> None:
    """A pipeline that says nothing starts with five calls at once and goes as far as the deployment lets it (A13)."""
    pipeline = Pipeline.model_validate(PIPELINE | {"max_concurrency": own})

    assert (pipeline.default_concurrency, pipeline.concurrency_limit(deployment)) == (5, limit)


@pytest.mark.parametrize(
    ("phase_model", "override", "expected"),
    [(None, None, "m"), ("phase", None, "phase"), ("phase", "job", "job"), (None, "job", "job")],
)
def test_the_nearest_choice_of_a_model_wins(phase_model: str | None, override: str | None, expected: str) -> None:
    """A batch job's model goes before the phase's, that before the pipeline's (B1)."""
    pipeline = Pipeline.model_validate(PIPELINE | {"phases": [{**PHASE, "model": phase_model}]})

    assert pipeline.model_of(pipeline.phases[0], override) == expected


def test_expected_tokens_are_the_tiers_own_where_it_has_some() -> None:
    """A tier that is not listed, and an item without one, take the phase's own profile (C2)."""
    own, general = TokenProfile(input_tokens=3, output_tokens=4), TokenProfile(input_tokens=1, output_tokens=2)
    phase = Phase(
        name="write", task_type=TaskType.CHAT, prompt="Hello", tokens=general, tier_tokens={Tier.EDGE_CASE: own}
    )

    assert [phase.expected_tokens(tier) for tier in (Tier.EDGE_CASE, Tier.TEMPLATE, None)] == [own, general, general]


def test_a_phase_is_found_by_its_name() -> None:
    """And one that is not there raises KeyError."""
    pipeline = Pipeline.model_validate(PIPELINE)

    assert pipeline.phase("write") is pipeline.phases[0]
    with pytest.raises(KeyError):
        pipeline.phase("read")


def test_the_task_types_are_those_of_the_requirements() -> None:
    """Fourteen kinds of work (B4)."""
    assert {task.value for task in TaskType} == {
        "code",
        "research",
        "creative",
        "analysis",
        "chat",
        "summarization",
        "translation",
        "entity_extraction",
        "ocr_cleanup",
        "xml_tagging",
        "text_cleanup",
        "categorization",
        "embedding_generation",
        "conversation",
    }
