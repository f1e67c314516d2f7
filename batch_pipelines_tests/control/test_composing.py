"""Phases that a spec brings along (B2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.composing import compose
from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.pipelines.catalogue import OWN_PHASES
from batch_pipelines.pipelines.defaults import shipped_defaults
from batch_pipelines.pipelines.origins import Origin
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.resolving import resolve

DEFAULTS = shipped_defaults()
ATTRIBUTES: dict[str, Any] = {
    "name": "letters",
    "tiered": True,
    "routes": [{"task_type": "chat", "model": "routed"}],
    "task_types": {"juggling": {"prompt": "Juggle {{ subject }}", "max_tokens": 77, "model": "clown"}},
    "phases": [
        {"name": "clean", "task_type": "text_cleanup", "max_tokens": 99},
        {
            "name": "sort",
            "task_type": "categorization",
            "validation": {"min_score": 7, "retries": 3, "checks": [{"python": "json:loads"}, {"least_characters": 2}]},
            "retrieval": {"passages": 3},
        },
        {"name": "answer", "task_type": "chat", "prompt": "Answer {{ phases.clean }}, which is {{ phases.sort }}"},
    ],
}
LETTERS = resolve(ATTRIBUTES, DEFAULTS, Origin(Path(), is_trusted=True), Places())


def composed(*phases: dict[str, Any], pipeline: str | None = "letters", **fields: Any) -> Pipeline:
    """The pipeline of a spec with these phases."""
    spec = parse_spec({"pipeline": pipeline, "phases": list(phases), **fields})
    return compose(spec, (LETTERS,), DEFAULTS)


def test_a_spec_without_phases_runs_the_pipeline_as_it_is() -> None:
    """And one that names it wrongly learns which there are."""
    assert compose(parse_spec({"pipeline": "letters"}), (LETTERS,), DEFAULTS) is LETTERS
    with pytest.raises(UnknownName, match="use one of: letters"):
        compose(parse_spec({"pipeline": "leters"}), (LETTERS,), DEFAULTS)


def test_a_spec_can_bring_all_its_phases() -> None:
    """They are resolved as those of a file are, under a name of their own (B2)."""
    pipeline = composed(
        {"name": "sum_up", "task_type": "summarization"},
        {"name": "sort", "task_type": "categorization", "after": []},
        pipeline=None,
        tier="scenario",
    )

    assert (pipeline.name, pipeline.tiered) == (OWN_PHASES, True)
    assert [phase.name for phase in pipeline.phases] == ["sum_up", "sort", "outputs"]
    assert pipeline.phases[0].system_prompt == DEFAULTS.task_types["summarization"].system_prompt
    assert pipeline.models() >= {"claude-haiku-5-5", "claude-sonnet-5-5"}


def test_the_same_phases_give_the_same_pipeline() -> None:
    """An entry that says nothing but its name changes nothing (B2)."""
    assert composed({"name": "clean"}, {"name": "sort"}, {"name": "answer"}) == LETTERS


def test_an_entry_says_only_what_is_different() -> None:
    """Within `validation` and `retrieval` too; the list that is given is the whole list (B2)."""
    pipeline = composed(
        {"name": "clean", "model": "other"},
        {"name": "sort", "validation": {"min_score": 9}, "retrieval": {"sources": ["a/*"]}},
    )
    clean, sort = pipeline.phases

    assert (clean.model, clean.max_tokens, clean.prompt) == ("other", 99, LETTERS.phase("clean").prompt)
    assert (sort.validation.min_score, sort.validation.retries, len(sort.validation.checks)) == (9, 3, 2)
    assert (sort.retrieval.passages, sort.retrieval.sources) == (3, ("a/*",))
    assert pipeline.last_names == ("sort",)


def test_writing_a_validation_turns_it_on() -> None:
    """Also where the pipeline turned it off (B7)."""
    off = resolve(
        {
            "name": "letters",
            "phases": [{"name": "a", "task_type": "chat", "validation": {"enabled": False, "retries": 4}}],
        },
        DEFAULTS,
        Origin(None, is_trusted=False),
        Places(),
    )
    spec = {"pipeline": "letters", "phases": [{"name": "a", "validation": {"min_score": 9}}]}

    validation = compose(parse_spec(spec), (off,), DEFAULTS).phases[0].validation

    assert (validation.enabled, validation.retries, validation.judge_count) == (True, 4, 1)


def test_another_task_type_brings_its_own_defaults() -> None:
    """What the phase said itself stays, what it had from its task type goes (B2, B4)."""
    clean, juggle = composed(
        {"name": "clean", "task_type": "ocr_cleanup"}, {"name": "sort", "task_type": "juggling"}
    ).phases

    assert clean.system_prompt == DEFAULTS.task_types["ocr_cleanup"].system_prompt
    assert clean.max_tokens == 99
    assert juggle.output_schema is None
    assert juggle.max_tokens == 77
    assert juggle.validation.min_score == 7


def test_new_phases_have_the_routes_and_task_types_of_the_pipeline() -> None:
    """They join it as if they had been written there (B2)."""
    pipeline = composed(
        {"name": "clean"}, {"name": "talk", "task_type": "chat"}, {"name": "last", "task_type": "juggling"}
    )

    assert [pipeline.model_of(phase) for phase in pipeline.phases] == ["claude-haiku-5-5", "routed", "clown"]


def test_a_phase_in_another_place_works_on_what_it_comes_after_there() -> None:
    """A default prompt follows the phase (B2, B3)."""
    clean = composed({"name": "sort"}, {"name": "clean"}).phase("clean")

    assert clean.prompt is not None
    assert clean.prompt.startswith(
        '{% set subject %}{{ phases.sort | marked("sort") }}{% endset %}Task type: text_clean'
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"promt": "x"}, "phases.1.promt is not a field that there is; did you mean `prompt`?"),
        ({"task_type": "chatt"}, "phases.1.task_type: 'chatt' is no task type; did you mean chat?"),
        ({"prompt": "one\n{{ itm }}"}, "phases.1.prompt, line 2 uses itm, which is no variable"),
        ({"prompt": "{{ phases.answer }}"}, "phases.1.prompt uses phases.answer, which is no phase"),
        ({"after": ["cleen"]}, "phases.1.after: 'cleen' is no phase of the pipeline; did you mean clean?"),
        ({"name": "clean"}, "phases.1.name: 'clean' is the name of phases.0 already"),
        ({"max_tokens": 0}, "phases.1.max_tokens: 0 should be greater than 0"),
        ({"name": "new"}, "phases.1.task_type is missing"),
        ({"name": 7}, "phases.1.name: 7 should be a valid string"),
        ({"validation": {"min_score": 11}}, "phases.1.validation.min_score: 11 should be less"),
        ({"validation": 5}, "phases.1.validation: 5 should be a valid dictionary"),
        # A spec may come from anybody
        ({"prompt": {"file": "a.jinja"}}, "phases.1.prompt names a file, which only a pipeline's own files may"),
        ({"prompt": {"file": "/etc/hostname"}}, "phases.1.prompt names a file"),
        ({"output_schema": {"file": "a.json"}}, "phases.1.output_schema names a file"),
        ({"output_schema": {"python": "os:system"}}, "phases.1.output_schema names Python code, which only"),
        ({"output_schema": {"python": "json:loads"}}, "phases.1.output_schema names Python code, which only"),
        ({"retrieval": {"query": {"file": "a"}}}, "phases.1.retrieval.query names a file"),
        ({"validation": {"checks": [{"python": "os:system"}]}}, "checks.0.python: 'os:system' names Python code"),
        ({"validation": {"checks": [{"schema": {"python": "os:x"}}]}}, "checks.0.schema names Python code"),
        ({"validation": {"judges": [{"criteria": {"file": "a"}}]}}, "judges.0.criteria names a file"),
    ],
)
def test_a_mistake_in_a_phase_of_a_spec_is_named_by_its_field(entry: dict[str, Any], words: str) -> None:
    """And files and code can be named by a pipeline's own files alone (B2, G3)."""
    with pytest.raises(InvalidInput) as refused:
        composed({"name": "clean"}, {"name": "sort"} | entry)

    assert words in str(refused.value)
    assert refused.value.remedy


def test_code_that_the_pipeline_names_may_be_used_again() -> None:
    """It was somebody trusted who named it (B9)."""
    checks = [{"python": "json:loads"}]

    assert composed({"name": "clean", "validation": {"checks": checks}}).phases[0].validation.checks[0].python


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({}, "pipeline is missing; name one, or give the spec `phases` of its own"),
        ({"phases": []}, "phases has 0 entries; there can be at least 1"),
        ({"pipeline": "letters", "phases": []}, "phases has 0 entries"),
        (
            {"phases": [{"name": f"p{number}", "task_type": "chat"} for number in range(11)]},
            "phases has 11 entries; there can be at most 10",
        ),
        ({"phases": [{"name": "a", "task_type": "chat", "after": ["a"]}]}, "phases.0.after goes round in a circle"),
    ],
)
def test_a_spec_needs_a_pipeline_or_one_to_ten_phases(spec: dict[str, Any], words: str) -> None:
    """No more than a pipeline has (A13, B1, B2)."""
    with pytest.raises(InvalidInput) as refused:
        compose(parse_spec(spec), (LETTERS,), DEFAULTS)

    assert words in str(refused.value)
