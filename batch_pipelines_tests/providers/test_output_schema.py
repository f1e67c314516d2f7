"""Output schemas on their way to the Messages API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers import output_schema
from batch_pipelines.providers.output_schema import KEPT_SCHEMAS, OutputConfigs, output_config, without_type_lists
from batch_pipelines_tests.providers.conftest import Ask, Connect, Serve

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 10}, "title": {"type": ["string", "null"]}},
    "required": ["score", "title"],
}


def test_a_schema_is_sent_in_the_shape_that_the_server_takes() -> None:
    """Constraints that it does not know go into descriptions, and objects are closed (B10)."""
    sent = output_config(SCHEMA)

    assert sent == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {
                    "score": {"type": "integer", "description": "{minimum: 1, maximum: 10}"},
                    "title": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
                "additionalProperties": False,
                "required": ["score", "title"],
            },
        }
    }


@pytest.mark.parametrize(
    ("schema", "plain"),
    [
        ({"type": "string"}, {"type": "string"}),
        (
            {"type": ["string", "integer"], "minLength": 2, "minimum": 3, "description": "d"},
            {
                "description": "d",
                "anyOf": [{"minLength": 2, "type": "string"}, {"minimum": 3, "type": "integer"}],
            },
        ),
        ({"type": ["string", "null"], "enum": ["a", None]}, {"enum": ["a", None]}),
        (
            {"type": "array", "items": {"type": ["null", "boolean"]}},
            {"type": "array", "items": {"anyOf": [{"type": "null"}, {"type": "boolean"}]}},
        ),
        (
            {"$defs": {"d": {"type": ["null", "number"]}}, "properties": {"type": {"type": "string"}}},
            {
                "$defs": {"d": {"anyOf": [{"type": "null"}, {"type": "number"}]}},
                "properties": {"type": {"type": "string"}},
            },
        ),
        ({"enum": [{"type": ["a", "b"]}]}, {"enum": [{"type": ["a", "b"]}]}),
    ],
)
def test_lists_of_types_become_unions(schema: dict[str, Any], plain: dict[str, Any]) -> None:
    """Each with the keywords of its own type; what only looks like a schema is left alone."""
    assert without_type_lists(schema) == plain


@pytest.mark.parametrize("schema", [{}, {"type": "object", "properties": {"a": {}}}, {"type": "text"}, {"anyOf": [7]}])
def test_a_schema_that_cannot_be_sent_says_so(schema: dict[str, Any]) -> None:
    """No call is made with it, and as every call would have it, the batch job stops."""
    with pytest.raises(ProviderError, match="the output schema cannot be sent") as caught:
        output_config(schema)

    assert caught.value.category is ErrorCategory.SCHEMA


def test_a_schema_is_transformed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many calls have it; no more are kept than a process needs."""
    made = []
    transform = output_schema.output_config
    monkeypatch.setattr(output_schema, "output_config", lambda schema: made.append(schema) or transform(schema))
    configs = OutputConfigs()

    assert all(configs.of(SCHEMA) is configs.of(SCHEMA) for _ in range(100))
    assert made == [SCHEMA]

    others = [dict(SCHEMA) for _ in range(KEPT_SCHEMAS)]
    for other in others:
        configs.of(other)
    assert len(configs._made) <= KEPT_SCHEMAS
    assert configs.of(others[-1]) is configs.of(others[-1])


async def test_an_answer_fits_the_schema_that_was_sent(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Over the wire, and its constraints are followed though they are sent as words (B10)."""
    completion = await connect(await serve()).complete(ask(output_schema=SCHEMA))

    answer = json.loads(completion.text)
    assert set(answer) == {"score", "title"}
    assert 1 <= answer["score"] <= 10
