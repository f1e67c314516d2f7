"""Every prompt that can be tried before a cent is spent is tried, on every item (B3, B10)."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.control.submission import first_prompts_check
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import PlannedItem
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.routing import Tier
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines_tests.control.samples import MODEL


def phase(name: str = "write", prompt: str = "About {{ item.topic }}.", **fields: Any) -> Phase:
    """A phase that needs a topic."""
    return Phase.model_validate({"name": name, "task_type": TaskType.CHAT, "prompt": prompt} | fields)


def record(name: str = "entry", **fields: Any) -> Phase:
    """A phase that calls nobody."""
    return Phase(name=name, task_type="record", kind=PhaseKind.RECORD, **fields)


def pipeline(*phases: Phase) -> Pipeline:
    """A pipeline of these phases."""
    return Pipeline(name="talk", model=MODEL, phases=phases)


def item(item_id: str = "poor", tier: Tier | None = None, **parameters: Any) -> PlannedItem:
    """An item with these parameters."""
    return PlannedItem(item_id=item_id, tier=tier, parameters=parameters)


def refused(phases: tuple[Phase, ...], given: PlannedItem) -> InvalidInput:
    """Why an item does not fit."""
    with pytest.raises(InvalidInput) as caught:
        first_prompts_check(pipeline(*phases))(given)
    return caught.value


JOIN = phase("join", prompt="{{ phases.one }}{{ phases.two }}", after=("one", "two"))


@pytest.mark.parametrize(
    ("phases", "missing"),
    [
        ((phase(),), "topic"),
        ((phase(prompt="Hi", system_prompt="You know {{ item.field }}."),), "field"),
        ((phase(prompt="Hi", use_rag=True, retrieval={"query": "{{ item.place }}"}),), "place"),
        ((phase("one", prompt="Hi", after=()), phase("two", after=()), JOIN), "topic"),
        ((JOIN, phase("one", prompt="Hi", after=()), phase("two", after=())), "topic"),
        ((record(fields={"fine": "tier", "head": "item.title"}),), "title"),
        ((phase("one", prompt="Hi", after=()), record("two", fields={"a": "item.a"}, after=()), JOIN), "'a'"),
    ],
    ids=["prompt", "system prompt", "query", "second root", "root at the end", "record", "a record beside"],
)
def test_every_phase_that_needs_no_output_is_tried(phases: tuple[Phase, ...], missing: str) -> None:
    """The item and what it lacks are named, and what to do (B10)."""
    error = refused(phases, item("poor"))

    assert (error.field, error.value) == ("items", "poor")
    assert missing in error.problem
    assert error.remedy == "give the item that parameter, or set it in shared_parameters"


@pytest.mark.parametrize(
    "phases",
    [
        (phase(prompt="Hi"), phase("later", prompt="{{ item.missing }} {{ phases.write }}")),
        (phase(prompt="Hi"), record(fields={"a": "item.missing", "b": "phases.write"})),
        (phase(prompt="{{ item.missing | default('x') }}"),),
        (phase(prompt="Hi {% for passage in passages %}{{ passage.text }}{% endfor %}", use_rag=True),),
        (record(),),
    ],
    ids=["later prompt", "later record", "default", "passages", "plain record"],
)
def test_what_cannot_be_tried_yet_is_left_to_its_turn(phases: tuple[Phase, ...]) -> None:
    """What an earlier phase gives is not there; passages are looked up when they are needed."""
    first_prompts_check(pipeline(*phases))(item())


def test_the_tier_of_an_item_is_seen() -> None:
    """A prompt may need something of one tier only (B6)."""
    check = first_prompts_check(pipeline(phase(prompt="{% if tier == 'edge_case' %}{{ item.twist }}{% endif %}Hi")))

    check(item(tier=Tier.TEMPLATE))
    with pytest.raises(InvalidInput, match="twist"):
        check(item(tier=Tier.EDGE_CASE))


def test_items_that_fit_pass() -> None:
    """And only the one that does not is named."""
    check = first_prompts_check(pipeline(phase()))

    check(item("good", topic="Tea"))
    with pytest.raises(InvalidInput, match="items: 'second'"):
        check(item("second", topics="Tea"))
