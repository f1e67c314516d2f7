"""Which output schemas the simulated server takes, and what it says of others."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.providers.simulated.output_format import MOST_OPTIONAL, MOST_UNIONS, check_schema
from batch_pipelines.providers.simulated.refusals import ApiError
from batch_pipelines_tests.providers.conftest import Ask, Connect, Serve
from batch_pipelines_tests.providers.simulated.conftest import Call, message_body

TEXT = {"type": "string"}


def obj(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """An object as the server takes it; every property is required unless said otherwise."""
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        obj(a=TEXT),
        obj(a={"type": "array", "items": TEXT, "minItems": 1}),
        obj(a={"anyOf": [TEXT, {"type": "null"}]}),
        obj(a={"enum": ["x", 1, True, None]}, b={"const": 3}),
        obj(a={"type": "string", "format": "date"}, b={"type": ["string", "null"]}),
        {"$ref": "#/$defs/a", "$defs": {"a": obj(b={"$ref": "#/$defs/c"}), "c": TEXT}},
        {"allOf": [obj(a=TEXT)], "title": "T", "description": "D"},
        obj([], **{f"p{n}": TEXT for n in range(MOST_OPTIONAL)}),
        obj(**{f"p{n}": {"anyOf": [TEXT]} for n in range(MOST_UNIONS)}),
        {"type": "object", "additionalProperties": False},
    ],
)
def test_schemas_of_the_subset_are_taken(schema: dict[str, Any]) -> None:
    """Up to the limits, both included."""
    check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (obj(a={"type": "integer", "minimum": 1}), "property 'minimum' is not supported"),
        (obj(a={"type": "string", "maxLength": 9}), "property 'maxLength' is not supported"),
        (obj(a={"type": "array", "items": TEXT, "uniqueItems": True}), "property 'uniqueItems' is not supported"),
        (obj(a={"type": "array", "items": TEXT, "minItems": 2}), "'minItems' values other than 0 or 1"),
        (obj(a={"type": "string", "format": "phone"}), "format 'phone' is not supported"),
        (obj(a={"oneOf": [TEXT]}), "a schema needs a 'type'"),
        (obj(a={"not": TEXT, "type": "string"}), "property 'not' is not supported"),
        (obj(a={}), "a schema needs a 'type'"),
        (obj(a={"type": "text"}), "'text' is not a type"),
        (obj(a=True), "Input should be a valid JSON Schema object"),
        (obj(a={"anyOf": []}), "'anyOf' must be a non-empty list"),
        (obj(a={"enum": [{"b": 1}]}), "'enum' and 'const' take only"),
        ({"type": "object", "properties": {"a": TEXT}}, "'additionalProperties' must be explicitly set to false"),
        ({**obj(a=TEXT), "additionalProperties": TEXT}, "'additionalProperties' must be explicitly set to false"),
        (obj(["b"], a=TEXT), "'required' names the property 'b'"),
        (obj([[]], a=TEXT), "'required' must be a list of names"),
        ({"type": "object", "properties": [], "additionalProperties": False}, "'properties' must be an object"),
        (obj(a={"$ref": "#/$defs/none"}), "leads nowhere"),
        (obj(a={"$ref": "#/properties/a/type/x"}), "leads nowhere"),
        (obj(a={"$ref": "http://h/s.json"}), "external '$ref' is not supported"),
        ({"$ref": "#"}, "recursive schemas are not supported"),
        ({"$ref": "#/$defs/a", "$defs": {"a": obj(b={"$ref": "#/$defs/a"})}}, "recursive schemas are not supported"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": obj(b={"$ref": "#/$defs/c"}), "c": obj(d={"$ref": "#/$defs/a"})}},
            "recursive schemas are not supported",
        ),
        (obj(a={"$ref": "#/properties/b"}, b=obj(c={"$ref": "#"})), "recursive schemas are not supported"),
        (obj([], **{f"p{n}": TEXT for n in range(MOST_OPTIONAL + 1)}), "too many optional parameters (25)"),
        (obj(**{f"p{n}": {"anyOf": [TEXT]} for n in range(MOST_UNIONS + 1)}), "union types (17)"),
    ],
)
def test_other_schemas_are_refused_with_the_reason(schema: dict[str, Any], problem: str) -> None:
    """As the real server does (B10)."""
    with pytest.raises(ApiError) as refused:
        check_schema(schema)

    assert refused.value.status == 400
    assert refused.value.message.startswith("output_config.format.schema: ")
    assert problem in refused.value.message


@pytest.mark.parametrize(
    ("config", "status"),
    [
        (None, 200),
        ({}, 200),
        ({"effort": "low"}, 200),
        ({"format": None}, 200),
        ({"format": {"type": "text"}}, 400),
        ({"format": {"type": "json_schema"}}, 400),
        ({"format": {"type": "json_schema", "schema": "{}"}}, 400),
        ("x", 400),
        ({"format": {"type": "json_schema", "schema": obj(a=TEXT)}}, 200),
    ],
)
async def test_the_parameter_is_checked_over_the_wire(serve: Serve, call: Call, config: Any, status: int) -> None:
    """For messages and for counting tokens alike."""
    url = await serve()
    body = message_body(output_config=config)

    counted = {name: value for name, value in body.items() if name != "max_tokens"}
    assert (await call("POST", f"{url}/v1/messages", body)).status == status
    assert (await call("POST", f"{url}/v1/messages/count_tokens", counted)).status == status


async def test_a_refused_schema_stops_the_batch_job(serve: Serve, connect: Connect, ask: Ask) -> None:
    """Every call of the phase would meet it (B10, D4)."""
    many = {"type": "object", "properties": {f"p{n}": TEXT for n in range(MOST_OPTIONAL + 1)}}

    with pytest.raises(ProviderError, match="too many optional parameters") as caught:
        await connect(await serve()).complete(ask(output_schema=many))

    assert caught.value.category is ErrorCategory.SCHEMA
    assert caught.value.category.nature.stops_job
