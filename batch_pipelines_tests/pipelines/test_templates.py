"""What is known of a template before there is an item."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.routing import Complexity
from batch_pipelines.engine import prompts
from batch_pipelines.pipelines.templates import (
    FILTERS,
    FUNCTIONS,
    BadTemplate,
    check_expression,
    check_template,
    phases_used,
    with_subject,
    without_subject,
)


@pytest.mark.parametrize(
    "source",
    [
        "Say {{ item.word }} to {{ tier }}",
        "{% for passage in passages %}{{ passage.text | marked('p') }}{% endfor %}",
        "{{ marked_passages(passages) }}",
        "{% set found = phases.find | from_json %}{{ found.name }}",
        "{% for n in range(3) %}{{ loop.index }}{% endfor %}",
        "{{ subject }}",
        "no template at all: {",
    ],
)
def test_a_right_template_passes(source: str) -> None:
    """Its variables are those of a prompt, or its own."""
    check_template(source)


@pytest.mark.parametrize(
    ("source", "line", "words"),
    [
        ("one\n{% if %}", 2, "is no Jinja template (Expected an expression"),
        ("{{ item.word }", 1, "is no Jinja template"),
        ("{% for a in item %}\n", 1, "is no Jinja template"),
        ("a\n\n{{ item.x | shout }}", 3, "No filter named 'shout'"),
        ("a\n{{ itm.word }}", 2, "uses itm, which is no variable"),
        ("{{ word }}", 1, "uses word"),
        ("{% include 'other' %}{{ x }}", 1, "uses x"),
    ],
)
def test_a_wrong_template_is_named_with_its_line(source: str, line: int, words: str) -> None:
    """Before any item is there to try it on."""
    with pytest.raises(BadTemplate) as refused:
        check_template(source)

    assert refused.value.line == line
    assert words in refused.value.problem


@pytest.mark.parametrize(("name", "remedy"), [("itm", "did you mean `item`?"), ("word", "write `item.word`")])
def test_an_unknown_variable_has_a_likely_meaning(name: str, remedy: str) -> None:
    """A typing error is mended at a glance, a forgotten `item.` too."""
    with pytest.raises(BadTemplate) as refused:
        check_template(f"{{{{ {name} }}}}")

    assert remedy in refused.value.remedy


@pytest.mark.parametrize("source", ["item.a |", "a }} {{ b", "item.a item.b", "wrod", "", "{% if x %}"])
def test_a_wrong_expression_is_refused(source: str) -> None:
    """It is one value of Jinja, without braces."""
    with pytest.raises(BadTemplate):
        check_expression(source)


def test_a_right_expression_passes() -> None:
    """As the fields of a record are written."""
    check_expression("item.title | upper")
    check_expression("(phases.find | from_json).name")


def test_the_phases_that_a_template_names_are_found() -> None:
    """By either way of writing; what is not written out is not guessed."""
    source = "{{ phases.a }}{{ phases['b'] | upper }}{{ item.phases }}{% for c in phases %}{{ phases[c] }}{% endfor %}"

    assert phases_used(source) == {"a", "b"}


def _rendered(source: str, parameters: dict[str, object], outputs: dict[str, str] | None = None) -> str:
    subject = prompts.Subject(parameters, None, Complexity.SIMPLE, outputs or {})  # type: ignore[arg-type]
    return prompts.render(Phase(name="a", task_type="chat"), source, subject)


@pytest.mark.parametrize(
    ("parameters", "name", "text"),
    [
        ({"text": "the text", "content": "no", "id": 3}, "text", "the text"),
        ({"content": "the content", "title": "no"}, "content", "the content"),
        ({"text": 12}, "text", "12"),
        ({"topic": "Rain"}, "item", '{\n  "topic": "Rain"\n}'),
    ],
)
def test_a_first_phase_works_on_the_text_of_its_item(parameters: dict[str, object], name: str, text: str) -> None:
    """`subject` is its `text`, else its `content`, else all of it, marked as data (B4)."""
    rendered = _rendered(with_subject("Do: {{ subject }}", ()), parameters)

    assert rendered.startswith(f"Do: <{name}-")
    assert rendered.splitlines()[1:-1] == text.splitlines()


def test_a_later_phase_works_on_what_it_comes_after() -> None:
    """On all of them where there are several, each marked under its name (B3, B4)."""
    rendered = _rendered(with_subject("{{ subject }}", ("a", "b")), {"text": "no"}, {"a": "A", "b": "B", "c": "C"})

    assert [line.split("-")[0] for line in rendered.splitlines()] == ["<a", "A", "</a", "", "<b", "B", "</b"]


def test_what_is_embedded_is_not_marked() -> None:
    """A model that makes vectors follows no instructions, and marks would be part of the meaning."""
    assert _rendered(with_subject("{{ subject }}", (), is_marked=False), {"text": "the text"}) == "the text"
    assert _rendered(with_subject("{{ subject }}", ("a",), is_marked=False), {}, {"a": "A"}) == "A"


@pytest.mark.parametrize(
    "source", ["Task: {{ subject }}", "{% if item.x %}\n{{ subject | upper }}{% endif %}", "plain"]
)
def test_the_subject_can_be_taken_out_again(source: str) -> None:
    """So that the same template can be used in another place."""
    assert without_subject(with_subject(source, ("a", "b"))) == source
    assert with_subject(with_subject(source, ("a",)), ("b",)) == with_subject(source, ("a",))


def test_templates_are_checked_with_what_they_are_rendered_with() -> None:
    """A filter or a function that one side forgot would let mistakes through, or refuse what is right."""
    for name in FILTERS:
        assert name in prompts._ENVIRONMENT.filters
    for name in FUNCTIONS:
        assert name in prompts._ENVIRONMENT.globals
