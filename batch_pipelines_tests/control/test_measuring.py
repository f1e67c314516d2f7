"""What calls will read, measured on a sample of the items (C1, C2)."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.control.estimating import estimate_plan
from batch_pipelines.control.measuring import CHARACTERS_PER_TOKEN, PASSAGE_TOKENS, measure
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.settings import Settings
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.control.samples import MODEL, plan

SIMPLE, MODERATE, COMPLEX = (ItemGroup(None, complexity) for complexity in Complexity)


def phase(name: str = "write", prompt: str = "{{ item.text }}", **fields: Any) -> Phase:
    """A phase that says nothing about what its calls use, with 100 tokens of output."""
    values = {"name": name, "task_type": TaskType.CHAT, "prompt": prompt, "output_tokens": 100}
    return Phase.model_validate(values | fields)


def record(name: str = "entry", **fields: Any) -> Phase:
    """A phase that calls nobody."""
    return Phase(name=name, task_type="record", kind=PhaseKind.RECORD, **fields)


def planned(*phases: Phase, texts: tuple[str, ...] = ("x" * 400,), **fields: Any) -> Plan:
    """A plan for items with these texts."""
    pipeline = Pipeline(name="talk", model=MODEL, phases=phases, **fields)
    return plan({}, of=pipeline, raw=[{"id": f"i{number}", "text": text} for number, text in enumerate(texts)])


def tokens(*phases: Phase, texts: tuple[str, ...] = ("x" * 400,), **fields: Any) -> dict[str, TokenProfile]:
    """By phase, what is expected of items that are all of one group."""
    wanted = planned(*phases, texts=texts, **fields)
    return {name: profile for (name, _), profile in measure(wanted, wanted.sample).items()}


def test_a_prompt_is_measured_as_it_is_rendered() -> None:
    """Four characters are a token; the system prompt counts too."""
    assert tokens(phase()) == {"write": TokenProfile(input_tokens=100, output_tokens=100)}
    assert tokens(phase(system_prompt="y" * 200))["write"].input_tokens == 150
    assert tokens(phase(prompt="Hi"))["write"].input_tokens == 1


def test_the_mean_over_the_items_counts() -> None:
    """Of those of one group."""
    assert tokens(phase(), texts=("x" * 400, "x" * 800, "x" * 1200))["write"].input_tokens == 200


def test_groups_are_measured_apart() -> None:
    """Long items do not make short ones dear: each group has its own figure (B7)."""
    wanted = planned(phase(), texts=("x" * 400, "x" * 8000, "x" * 80_000))

    found = measure(wanted, wanted.sample)

    assert {group: profile.input_tokens for (_, group), profile in found.items()} == {
        SIMPLE: 100,
        MODERATE: 2000,
        COMPLEX: 20_000,
    }


def test_tiers_are_measured_apart() -> None:
    """As their prompts differ (B6)."""
    tiered = Pipeline(
        name="talk",
        model=MODEL,
        tiered=True,
        phases=(phase(prompt="{{ 'x' * (4000 if tier == 'edge_case' else 40) }}"),),
    )
    wanted = plan({}, of=tiered, raw=[{"id": f"i{number}", "text": "x"} for number in range(3)])

    found = {group.tier: profile.input_tokens for (_, group), profile in measure(wanted, wanted.sample).items()}

    assert found == {Tier.TEMPLATE: 10, Tier.SCENARIO: 10, Tier.EDGE_CASE: 1000}


@pytest.mark.parametrize(("length", "expected"), [(400, 150), (4000, 600), (40_000, 1000)])
def test_output_may_follow_input(length: int, expected: int) -> None:
    """A translation is as long as what is translated, up to the cap of the phase."""
    fields = {"output_per_input": 0.5, "max_tokens": 1000}

    assert tokens(phase(**fields), texts=("x" * length,))["write"].output_tokens == expected


def test_a_later_phase_reads_what_earlier_ones_are_expected_to_write() -> None:
    """Its prompt has their outputs in it (B3)."""
    found = tokens(
        phase("draft", output_tokens=500),
        phase("review", prompt="{{ phases.draft }}", output_tokens=50),
        phase("final", prompt="{{ phases.draft }}{{ phases.review }}{{ item.text }}"),
    )

    assert {name: profile.input_tokens for name, profile in found.items()} == {
        "draft": 100,
        "review": 500,
        "final": 650,
    }


def test_the_graph_decides_what_comes_before() -> None:
    """Not the order in the list (B3)."""
    found = tokens(
        phase("join", prompt="{{ phases.one }}{{ phases.two }}", after=("one", "two")),
        phase("one", after=(), output_tokens=300),
        phase("two", after=(), output_tokens=200),
    )

    assert found["join"].input_tokens == 500


def test_records_take_part_and_are_not_measured() -> None:
    """A prompt after a record reads what is in it."""
    found = tokens(
        record("entry", fields={"text": "item.text ~ item.text"}, after=()),
        phase(prompt="{{ (phases.entry | from_json).text }}"),
    )

    assert found == {"write": TokenProfile(input_tokens=200, output_tokens=100)}


def test_a_stand_in_that_does_not_do_is_reckoned_around() -> None:
    """A prompt that takes an output apart cannot be rendered yet; all that it could be made from counts."""
    found = tokens(
        phase("draft", output_tokens=500),
        phase("review", prompt="{{ (phases.draft | from_json).title }} {{ item.text }}"),
    )

    assert 500 + 100 <= found["review"].input_tokens < 500 + 100 + 50


def test_a_record_of_outputs_that_are_not_there_stops_nothing() -> None:
    """What comes after it is measured all the same."""
    found = tokens(
        phase("draft"),
        record("entry", fields={"title": "(phases.draft | from_json).title"}),
        phase("review", prompt="{{ (phases.entry | from_json).title }} {{ item.text }}"),
    )

    assert found["review"].input_tokens >= 100


def test_schemas_and_passages_are_read_too() -> None:
    """They are sent, so they are paid for (B8, B10)."""
    schema = {"type": "object", "properties": {"title": {"type": "string", "description": "d" * 400}}}

    plain, shaped = tokens(phase()), tokens(phase(output_schema=schema))
    looked_up = tokens(phase(use_rag=True, retrieval={"passages": 3}))

    assert shaped["write"].input_tokens >= plain["write"].input_tokens + 100
    assert looked_up["write"].input_tokens == plain["write"].input_tokens + 3 * PASSAGE_TOKENS


@pytest.mark.parametrize(("length", "factor"), [(100_000, 10), (1_000_000, 100)])
def test_the_estimate_of_long_documents_follows_their_length(length: int, factor: int) -> None:
    """Input that is ten times as long costs ten times as much, to a hair (C2)."""
    short, long = (
        estimate_plan(planned(phase(), texts=("x" * each,) * 3), Settings(), START) for each in (10_000, length)
    )

    assert long.total_input_tokens == factor * short.total_input_tokens == 3 * length // CHARACTERS_PER_TOKEN
    assert long.breakdown.input_usd == factor * short.breakdown.input_usd


def test_an_estimate_says_of_a_phase_what_it_says_itself() -> None:
    """Whatever was measured."""
    said = phase(tokens={"input_tokens": 7, "output_tokens": 3})

    assert estimate_plan(planned(said), Settings(), START).total_input_tokens == 7


def test_measuring_takes_a_sample() -> None:
    """Not all of a million items; a few that are evenly spread say it (C1)."""
    wanted = planned(phase(), texts=("x" * 400, "x" * 800) * 1000)

    assert len(wanted.sample) <= 500
    assert measure(wanted, wanted.sample)["write", SIMPLE].input_tokens == pytest.approx(150, abs=50)
