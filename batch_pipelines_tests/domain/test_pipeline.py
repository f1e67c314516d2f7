"""What a pipeline may be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, Tier, TokenProfile
from batch_pipelines.domain.routing import Complexity

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
        ({"phases": [{**PHASE, "task_type": "Juggling!"}]}, "should match pattern"),
        ({"phases": [{**PHASE, "name": "report"}]}, "which Dagster or Python needs; add a word to it"),
        ({"phases": [{**PHASE, "name": "import"}]}, "a phase cannot be called import"),
        ({"phases": [{**PHASE, "after": ["read"]}]}, "write comes after read, which is no phase of the pipeline"),
        ({"phases": [{**PHASE, "after": ["write"]}]}, "wait for each other in a circle: write -> write"),
        ({"phases": [PHASE, {**PHASE, "name": "read", "after": []}]}, "phases write and read come last"),
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


def test_what_nobody_said_of_tokens_is_to_be_measured() -> None:
    """The expected output then is the task type's, and what is read stands for it until it is measured (C2)."""
    said = TokenProfile(input_tokens=3, output_tokens=4)
    phase = Phase(name="write", task_type="chat", output_tokens=70, tier_tokens={Tier.SCENARIO: said})

    assert [phase.is_measured(tier) for tier in (None, Tier.TEMPLATE, Tier.SCENARIO)] == [True, True, False]
    assert phase.expected_tokens(None).output_tokens == 70
    assert not Phase(name="write", task_type="chat", tokens=said).is_measured(Tier.TEMPLATE)


def _pipeline(*phases: dict[str, Any], **fields: Any) -> Pipeline:
    return Pipeline.model_validate({"name": "talk", "phases": [PHASE | phase for phase in phases], **fields})


@pytest.mark.parametrize(
    ("after", "needs", "order"),
    [
        ((None, None, None), ((), ("a",), ("b",)), "abc"),
        ((None, [], ["a", "b"]), ((), (), ("a", "b")), "abc"),
        ((["c"], ["a"], []), (("c",), ("a",), ()), "cab"),
        ((["b", "c"], None, []), (("b", "c"), ("a",), ()), None),
        ((["b", "c"], ["c"], []), (("b", "c"), ("c",), ()), "cba"),
    ],
)
def test_phases_come_after_those_they_need(after: tuple[Any, ...], needs: tuple[Any, ...], order: str | None) -> None:
    """Without `after` that is the one before in the list; in a circle there is no order (B3)."""
    phases = [{"name": name, "after": each} for name, each in zip("abc", after, strict=True)]
    if order is None:
        with pytest.raises(ValidationError, match="in a circle"):
            _pipeline(*phases)
        return
    pipeline = _pipeline(*phases)

    assert tuple(pipeline.needs.values()) == needs
    assert "".join(phase.name for phase in pipeline.in_order) == order
    assert [phase.name for phase in pipeline.phases if pipeline.is_last(phase)] == [order[-1]]


JUDGED = {"validation": {"min_score": 8, "escalations": 2}}
ROUTED: dict[str, Any] = {
    "routes": [{"complexity": "simple", "model": "small"}, {"model": "middle"}],
    "ladder": ["small", "middle", "large", "huge"],
}


@pytest.mark.parametrize(
    ("phase", "override", "complexity", "expected"),
    [
        ({}, None, Complexity.SIMPLE, ("small",)),
        ({}, None, Complexity.COMPLEX, ("middle",)),
        (JUDGED, None, Complexity.SIMPLE, ("small", "middle", "large")),
        (JUDGED, None, Complexity.COMPLEX, ("middle", "large", "huge")),
        (JUDGED | {"model": "huge"}, None, Complexity.SIMPLE, ("huge",)),
        (JUDGED | {"model": "foreign"}, None, Complexity.SIMPLE, ("foreign",)),
        (JUDGED, "chosen", Complexity.SIMPLE, ("chosen",)),
        ({"kind": "record", "prompt": None}, "chosen", Complexity.SIMPLE, ()),
        ({"kind": "embedding", "model": "vectors"}, "chosen", Complexity.SIMPLE, ("vectors",)),
    ],
)
def test_an_answer_is_asked_of_the_routed_model_and_then_of_stronger_ones(
    phase: dict[str, Any], override: str | None, complexity: Complexity, expected: tuple[str, ...]
) -> None:
    """As many as its validation allows; the batch job's own choice is never left, and makes no vectors (B7)."""
    pipeline = _pipeline(phase, **ROUTED)

    assert pipeline.cascade(pipeline.phases[0], override, complexity) == expected
    assert pipeline.model_of(pipeline.phases[0], override, complexity) == next(iter(expected), None)


@pytest.mark.parametrize(
    ("judge", "fields", "override", "expected"),
    [
        ({"model": "own"}, {"model": "m"}, "job", "own"),
        ({}, {"model": "m", "routes": [{"task_type": "judge", "model": "routed"}]}, "job", "routed"),
        ({}, {"model": "m"}, "job", "job"),
        ({}, {"model": "m"}, None, "m"),
        ({}, {"routes": [{"task_type": "chat", "model": "answers"}]}, None, "answers"),
    ],
)
def test_a_judge_is_who_the_nearest_line_says(
    judge: dict[str, Any], fields: dict[str, Any], override: str | None, expected: str
) -> None:
    """And where none says it, who answers (B7)."""
    pipeline = _pipeline({"validation": {"min_score": 8, "judges": [judge]}}, **fields)
    phase = pipeline.phases[0]

    assert pipeline.judge_model(phase, phase.validation.judges[0], override) == expected


def test_all_models_that_may_be_called_are_known_before() -> None:
    """Of any item, of stronger answers and of judges, so that each can be priced (B7, C6)."""
    pipeline = _pipeline(JUDGED, {"name": "sort", "task_type": "categorization", "model": "own"}, **ROUTED)
    plain = _pipeline({"kind": "record", "prompt": None})

    assert pipeline.models() == {"small", "middle", "large", "huge", "own"}
    assert pipeline.models("chosen") == {"chosen", "middle"}
    assert (plain.models(), plain.calls_models, pipeline.calls_models) == (frozenset(), False, True)


def test_a_phase_is_found_by_its_name() -> None:
    """And one that is not there raises KeyError."""
    pipeline = Pipeline.model_validate(PIPELINE)

    assert pipeline.phase("write") is pipeline.phases[0]
    with pytest.raises(KeyError):
        pipeline.phase("read")
