"""Templates rendered for one item, in a sandbox (G3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.retrieval import Passage
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.engine.prompts import Subject, request_for
from batch_pipelines.providers.base import CompletionRequest
from batch_pipelines_tests.engine.samples import MODEL, phase


def render(prompt: str, parameters: dict[str, Any] | None = None, **changes: Any) -> CompletionRequest:
    """The request of a phase with this prompt, for an item of tier `scenario` whose draft is done."""
    subject = Subject(parameters or {}, Tier.SCENARIO, Complexity.SIMPLE, {"draft": "Once upon a time"})
    request = request_for(phase("write", prompt=prompt, **changes), MODEL, subject)
    assert isinstance(request, CompletionRequest)
    return request


def test_a_template_sees_item_tier_and_earlier_phases() -> None:
    """Everything that a prompt may name is there, in the system prompt too."""
    request = render(
        "{{ item.topic }}, {{ tier }}: {{ phases.draft }}\n",
        {"topic": "Rain"},
        system_prompt="You know {{ item.topic }}.",
        max_tokens=7,
        timeout_seconds=8,
    )

    assert request == CompletionRequest(MODEL, "You know Rain.", "Rain, scenario: Once upon a time", 7, 8)


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("{{ item.topic }}", "topic"),
        ("{{ phases.review }}", "review"),
        ("{{ persona }}", "persona"),
        ("{{ item.topic.name }}", "topic"),
        ("{% for word in item.words %}{{ word }}{% endfor %}", "words"),
    ],
)
def test_what_is_missing_is_named(prompt: str, told: str) -> None:
    """A prompt with a hole is never sent."""
    with pytest.raises(ProviderError, match=told) as caught:
        render(prompt)

    assert caught.value.category is ErrorCategory.TEMPLATE
    assert "phase write" in caught.value.message


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ item.__class__.__mro__ }}",
        "{{ ''.__class__.__subclasses__() }}",
        "{{ item.update({'topic': 1}) }}",
        "{{ range(1000000000) | list }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ passages[0].parse_raw(item.topic, proto='pickle', allow_pickle=true) }}",
        "{{ passages[0].model_fields }}",
        "{{ 'a' * 3000000000 }}",
        "{{ 10 ** 99999999 }}",
        "{{ '%9999999999d' % 1 }}",
        "{{ '%9999999999d' | format(1) }}",
        "{{ 'a' | center(9999999999) }}",
        "{{ 'a'.ljust(9999999999) }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{{ [1] | batch(9999999999, 0) | list }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ namespace() }}",
        "{{ lipsum(10) }}",
    ],
)
def test_the_sandbox_holds(prompt: str) -> None:
    """A template reaches nothing of Python's or ours, changes nothing, and makes nothing without bounds (G3)."""
    with pytest.raises(ProviderError) as caught:
        render(prompt, {"topic": "Rain"})

    assert caught.value.category is ErrorCategory.TEMPLATE


@pytest.mark.parametrize(
    "prompt",
    [
        "{{ 1 / 0 }}",
        "{{ '%(a)s' % {} }}",
        "{{ 'x'.encode('no such') }}",
        "{{ item.topic + 1 }}",
        "{% if %}",
        "{{ [].pop() }}",
    ],
)
def test_whatever_a_template_raises_is_the_templates_error(prompt: str) -> None:
    """Python's own errors count as the prompt's, not as a defect of ours."""
    with pytest.raises(ProviderError) as caught:
        render(prompt, {"topic": "Rain"})

    assert caught.value.category is ErrorCategory.TEMPLATE


def test_a_template_sees_plain_values_alone() -> None:
    """Everything it is given is what JSON has, so that no object of ours lends it methods (G3)."""
    passage = Passage(source="a.md", position=0, text="Rain.", score=1.0)
    subject = Subject({"topic": ["Rain"]}, Tier.SCENARIO, Complexity.SIMPLE, {"draft": "Once"}, (passage,))

    assert json.loads(json.dumps(subject.values)) == subject.values


def test_loops_are_counted_for_each_template() -> None:
    """What one has used, the next has again."""
    for _ in range(3):
        assert len(render("{% for a in range(60000) %}x{% endfor %}").prompt) == 60_000


def test_braces_in_parameters_stay_braces() -> None:
    """What users write into items is text, and never a template."""
    assert render("{{ item.topic }}", {"topic": "{{ tier }} {% if %} {#"}).prompt == "{{ tier }} {% if %} {#"


@pytest.mark.parametrize("name", ["items", "copy", "values", "get", "keys", "update"])
def test_a_parameter_may_be_named_like_a_method(name: str) -> None:
    """`item.copy` is the text that the item brings, not a method of Python's dictionaries."""
    assert render(f"{{{{ item.{name} }}}}", {name: "Rain"}).prompt == "Rain"


def test_methods_of_values_can_be_used() -> None:
    """Where no parameter has their name, they do what Jinja says."""
    assert render("{% for key, value in item.items() %}{{ key }}={{ value }};{% endfor %}", {"a": 1}).prompt == "a=1;"
