"""Answers that a schema shapes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from batch_pipelines.providers.simulated.conversation import ASSISTANT
from batch_pipelines.providers.simulated.refusals import ApiError
from batch_pipelines_tests.providers.simulated.asking import STORY, answer, filled, task_prompt

TEXT = {"type": "string"}
_NAMES = (
    "title summary people places entities keywords category language score confidence year quote reasons date text "
    "translation turns tags author organisation url x count word_count is_fiction notes"
)
NAMES = _NAMES.split()


def described(schemas: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """The same, sometimes with a description."""
    texts = st.sampled_from([None, "What it is.", "From 1 to 5.", "An {odd: thing} here."])
    return st.builds(lambda schema, text: {**schema, **({"description": text} if text else {})}, schemas, texts)


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, Any]:
    """A number with bounds that leave room."""
    low = draw(st.integers(-50, 50))
    schema: dict[str, Any] = {"type": draw(st.sampled_from(["integer", "number"]))}
    schema |= draw(st.sampled_from([{}, {"minimum": low}, {"exclusiveMinimum": low}]))
    schema |= draw(st.sampled_from([{}, {"maximum": low + 20}, {"exclusiveMaximum": low + 20}]))
    return schema | draw(st.sampled_from([{}, {"multipleOf": 5}]))


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    """A text with a length or a format."""
    least = draw(st.integers(0, 90))
    formats = ["date", "date-time", "time", "email", "hostname", "uri", "ipv4", "ipv6", "uuid", "duration"]
    extra = [{}, {"minLength": least}, {"maxLength": least}, {"minLength": least, "maxLength": least + 3}]
    return {**TEXT, **draw(st.sampled_from([*extra, *({"format": name} for name in formats)]))}


def leaves() -> st.SearchStrategy[dict[str, Any]]:
    """Schemas without others in them."""
    values = st.sampled_from(["fantasy", "science", "other", 1, 2.5, True, None])
    return st.one_of(
        numbers(),
        texts(),
        st.just({"type": "boolean"}),
        st.just({"type": "null"}),
        st.just({"type": ["string", "null"]}),
        st.builds(lambda value: {"const": value}, values),
        st.builds(lambda options: {"enum": options}, st.lists(values, min_size=1, unique_by=repr)),
        st.just({"$ref": "#/$defs/shared"}),
    )


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Schemas with others in them."""
    sizes = st.tuples(st.integers(0, 4), st.integers(0, 6)).map(
        lambda pair: {"minItems": pair[0], "maxItems": sum(pair)}
    )
    named = st.dictionaries(st.sampled_from(NAMES), inner, min_size=1, max_size=4)
    return st.one_of(
        st.builds(lambda items, size: {"type": "array", "items": items, **size}, inner, sizes),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda options: {"allOf": options}, st.lists(inner, min_size=1, max_size=1)),
        st.builds(
            lambda properties, left_out: {
                "type": "object",
                "properties": properties,
                "required": [name for name in properties if name not in left_out],
                "additionalProperties": False,
            },
            named,
            st.sets(st.sampled_from(NAMES)),
        ),
    )


SCHEMAS = st.recursive(described(leaves()), lambda inner: described(nested(inner)), max_leaves=8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=SCHEMAS, shared=described(leaves().filter(lambda each: "$ref" not in each)), seed=st.integers(0, 99))
def test_every_answer_fits_the_schema_that_was_asked_for(
    schema: dict[str, Any], shared: dict[str, Any], seed: int
) -> None:
    """The schema as its author wrote it, with the constraints that reach the server as words only (B10)."""
    whole = {**schema, "$defs": {"shared": shared}}
    try:
        value = filled(whole, seed=seed)
    except ApiError as error:
        assume("too many" not in error.message)
        raise

    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def of(**properties: Any) -> dict[str, Any]:
    """An object with these properties, all required."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


LIST = {"type": "array", "items": TEXT}


def test_fields_are_filled_by_what_their_names_suggest() -> None:
    """From the marked data alone."""
    value = filled(
        of(title=TEXT, people=LIST, places=LIST, keywords=LIST, language=TEXT, language_code=TEXT, quote=TEXT)
    )

    assert value["title"] == "Down the Well"
    assert {"Alice", "White Rabbit"} <= set(value["people"])
    assert value["places"] == ["London"]
    assert "rabbit" in value["keywords"]
    assert (value["language"], value["language_code"]) == ("English", "en")
    assert value["quote"].rstrip(".") in " ".join(STORY.split())


def test_entities_are_objects_of_one_name_each() -> None:
    """With the kind that the schema has a word for."""
    kinds = {"enum": ["organization", "person", "place", "other"]}
    items = of(name=TEXT, type=kinds)

    entities = {
        each["name"]: each["type"] for each in filled(of(entities={"type": "array", "items": items}))["entities"]
    }

    assert entities["Alice"] == "person"
    assert entities["London"] == "place"


def test_a_list_of_what_the_text_has_not_is_empty() -> None:
    """Unless there must be something in it."""
    asked = {"people": LIST, "places": {**LIST, "minItems": 1}}

    value = filled(of(**asked), "nothing but small letters in here, and no names at all.")

    assert value["people"] == []
    assert len(value["places"]) == 1


def test_what_the_data_states_is_taken_over() -> None:
    """Fields at the head of a document, and those of data in JSON."""
    head = "PEP: 8\nTitle: Style Guide\nAuthor: Guido\n\nCode is read more often than it is written, they say."
    record = json.dumps({"title": "Rain", "year": "1999"})

    assert filled(of(pep={"type": "integer"}, title=TEXT, author=TEXT), head) == {
        "pep": 8,
        "title": "Style Guide",
        "author": "Guido",
    }
    assert filled(of(title=TEXT, year={"type": "integer"}), record) == {"title": "Rain", "year": 1999}


def test_a_category_is_the_option_that_the_text_speaks_of() -> None:
    """In every draft, whatever the wording of the rest."""
    category = {"enum": ["gardening", "lighthouse keeping", "banking"]}

    values = [filled(of(category=category, notes=TEXT), seed=seed) for seed in range(10)]

    assert {value["category"] for value in values} == {"lighthouse keeping"}
    assert len({value["notes"] for value in values}) > 3


def test_scores_vary_by_item_within_what_was_said() -> None:
    """Whether a constraint says it or the description."""
    stated = {"type": "integer", "minimum": 1, "maximum": 10}
    said = {"type": "number", "description": "How sure you are, from 0 to 1."}

    values = [filled(of(score=stated, sureness=said), f"{STORY} {number}") for number in range(30)]

    assert len({value["score"] for value in values}) > 3
    assert all(1 <= value["score"] <= 10 and 0 <= value["sureness"] <= 1 for value in values)


def test_turns_of_a_conversation_are_a_conversation() -> None:
    """Speakers alternate, as in the free text."""
    items = of(speaker=TEXT, text=TEXT)
    prompt = "Task type: conversation\nPersona: Expert\nTopic: Rain"

    turns = json.loads(answer(prompt, schema=of(turns={"type": "array", "items": items})))["turns"]

    assert [turn["speaker"] for turn in turns[:3]] == ["Expert", ASSISTANT, "Expert"]
    assert all(len(turn["text"]) > 10 for turn in turns)


@pytest.mark.parametrize("name", ["text", "output", "xml"])
def test_the_work_itself_goes_where_the_schema_has_room_for_it(name: str) -> None:
    """A tagged text stays one within JSON."""
    value = json.loads(answer(task_prompt("xml_tagging"), schema=of(**{name: TEXT})))

    assert value[name].startswith("<text>")


def test_the_same_request_is_filled_the_same() -> None:
    """And another seed gives another answer."""
    schema = of(summary=TEXT, keywords=LIST)

    assert filled(schema) == filled(schema)
    assert len({json.dumps(filled(schema, seed=seed)) for seed in range(8)}) > 3
