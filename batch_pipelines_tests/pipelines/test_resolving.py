"""What a pipeline is completed with."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.routing import Complexity, Route
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.pipelines.defaults import shipped_defaults
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.resolving import JOIN, as_said, kinds_of_work, resolve, without_defaults

DEFAULTS = shipped_defaults()
NOBODY = Origin(folder=None, is_trusted=False)


def phase(name: str, task_type: str = "chat", **fields: Any) -> dict[str, Any]:
    """A phase as it is written."""
    return {"name": name, "task_type": task_type, **fields}


def resolved(*phases: dict[str, Any], **fields: Any) -> Pipeline:
    """A complete pipeline of these phases."""
    return resolve({"name": "talk", "phases": list(phases), **fields}, DEFAULTS, NOBODY, Places())


def test_a_phase_has_from_its_task_type_what_it_does_not_say() -> None:
    """Kind, prompts, cap, expected output and schema (B4)."""
    kind = DEFAULTS.task_types["categorization"]
    bare, own = resolved(
        phase("bare", "categorization"),
        phase("own", "categorization", prompt="Mine", max_tokens=7, output_schema={"type": "string"}),
    ).phases

    assert (bare.max_tokens, bare.output_tokens, bare.output_schema) == (2000, kind.output_tokens, kind.output_schema)
    assert bare.system_prompt == own.system_prompt == kind.system_prompt
    assert (own.prompt, own.max_tokens, own.output_schema) == ("Mine", 7, {"type": "string"})


def test_a_phase_can_do_without_the_schema_of_its_task_type() -> None:
    """`output_schema: null` is said, and stays (B10)."""
    assert resolved(phase("free", "categorization", output_schema=None)).phases[0].output_schema is None


def test_a_kind_of_work_of_ones_own_gives_defaults_like_a_built_in_one() -> None:
    """And one that has the name of a built-in kind changes what it says (B4)."""
    own = {
        "juggling": {"prompt": "Juggle {{ subject }}", "max_tokens": 9, "model": "clown"},
        "chat": {"max_tokens": 11},
    }
    juggle, talk = resolved(phase("juggle", "juggling"), phase("talk"), task_types=own).phases

    assert (juggle.max_tokens, talk.max_tokens) == (9, 11)
    assert juggle.prompt is not None
    assert juggle.prompt.endswith("Juggle {{ subject }}")
    assert talk.system_prompt == DEFAULTS.task_types["chat"].system_prompt


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "claude-sonnet-5-5"),
        ({"routes": [{"model": "own"}]}, "own"),
        ({"routes": [{"task_type": "code", "model": "own"}]}, "claude-sonnet-5-5"),
        ({"task_types": {"chat": {"model": "kind"}}}, "kind"),
        ({"task_types": {"chat": {"model": "kind"}}, "routes": [{"model": "own"}]}, "own"),
        ({"task_types": {"chat": {"model": "kind"}}, "model": "all"}, "kind"),
        ({"model": "all"}, "all"),
        ({"model": "all", "routes": [{"task_type": "chat", "model": "own"}]}, "own"),
    ],
)
def test_the_nearest_word_about_a_model_counts(fields: dict[str, Any], expected: str) -> None:
    """The pipeline's rows, its task types, its `model`, and only then the default rows (B7)."""
    pipeline = resolved(phase("talk"), **fields)

    assert pipeline.model_of(pipeline.phases[0], complexity=Complexity.MODERATE) == expected


def test_a_pipeline_without_a_ladder_gets_one() -> None:
    """So that an answer can be asked of a stronger model, whether or not it is routed (B7)."""
    assert resolved(phase("talk")).ladder == resolved(phase("talk"), model="all").ladder == DEFAULTS.ladder
    assert resolved(phase("talk"), ladder=["a", "b"]).ladder == ("a", "b")
    assert resolved(phase("talk"), model="all").routes == ()


def test_several_last_phases_are_joined_by_a_record() -> None:
    """Of their outputs by name, those that are JSON as values (B3)."""
    pipeline = resolved(
        phase("read", "text_cleanup"),
        phase("sum_up", "summarization", after=["read"]),
        phase("sort", "categorization", after=["read"]),
        phase("embed", "embedding_generation", after=["read"]),
    )
    joined = pipeline.phases[-1]

    assert (joined.name, joined.kind, joined.after) == (JOIN, PhaseKind.RECORD, ("sum_up", "sort", "embed"))
    assert joined.fields == {
        "sum_up": "phases.sum_up",
        "sort": "phases.sort | from_json",
        "embed": "phases.embed | from_json",
    }
    assert pipeline.is_last(joined)


def test_one_last_phase_is_enough() -> None:
    """However many come first (B3)."""
    phases = [phase("one"), phase("two", after=[]), phase("both", after=["one", "two"])]

    assert [each.name for each in resolved(*phases).phases] == ["one", "two", "both"]


def test_phases_work_on_what_they_come_after() -> None:
    """A default prompt takes those outputs, and a first phase the item (B3, B4)."""
    clean, sum_up, both = resolved(
        phase("clean", "text_cleanup"),
        phase("sum_up", "summarization", after=[]),
        phase("both", "analysis", after=["clean", "sum_up"]),
    ).phases

    assert clean.prompt is not None
    assert sum_up.prompt is not None
    assert both.prompt is not None
    assert clean.prompt.startswith("{% set subject %}{% if item.text is defined %}")
    assert sum_up.prompt.startswith("{% set subject %}{% if item.text is defined %}")
    assert both.prompt.startswith('{% set subject %}{{ phases.clean | marked("clean") }}\n\n{{ phases.sum_up')


def test_resolving_again_changes_nothing() -> None:
    """A complete pipeline completed once more is the same, as happens where a spec changes a phase (B2)."""
    own = {"juggling": {"prompt": "Juggle {{ subject }}", "model": "clown"}}
    once = resolved(
        phase("juggle", "juggling"), phase("sort", "categorization", after=[]), task_types=own, routes=[{"model": "x"}]
    )
    again = resolve(as_said(once), DEFAULTS, NOBODY, Places())

    assert again == once
    assert once.routes[:2] == (Route(model="x"), Route(task_type="juggling", model="clown"))


def test_what_a_phase_said_itself_can_be_told_from_its_defaults() -> None:
    """As both are needed where a spec gives it another task type (B2)."""
    pipeline = resolved(
        phase("sort", "categorization", max_tokens=50, validation={"min_score": 8}), phase("talk", after=["sort"])
    )
    kinds = kinds_of_work(pipeline, DEFAULTS)

    said = [without_defaults(each, kinds[each.task_type]) for each in pipeline.phases]

    assert said == [
        {"name": "sort", "task_type": "categorization", "max_tokens": 50, "validation": {"min_score": 8}},
        {"name": "talk", "task_type": "chat", "after": ("sort",)},
    ]
