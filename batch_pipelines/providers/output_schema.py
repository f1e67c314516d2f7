"""An output schema as the Messages API takes it: the vendor's own transform, made once for each schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import anthropic

from batch_pipelines.domain.errors import ErrorCategory, ProviderError

KEPT_SCHEMAS = 64
"""A pipeline has ten at most, and one for its judges."""


class OutputConfigs:
    """`output_config` by schema. A schema is known again as the same object, which costs a call nothing."""

    def __init__(self) -> None:
        # With the schema itself, so that no other object can come by its id.
        self._made: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def of(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The parameter for a schema, which must not change afterwards; raises ProviderError(SCHEMA)."""
        known = self._made.get(id(schema))
        if known is not None:
            return known[1]
        made = output_config(schema)
        if len(self._made) >= KEPT_SCHEMAS:
            self._made.clear()
        self._made[id(schema)] = (schema, made)
        return made


def output_config(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter that holds an answer to a schema; raises ProviderError(SCHEMA) for one that cannot be sent."""
    try:
        transformed = anthropic.transform_schema(without_type_lists(dict(schema)))
    except Exception as error:  # noqa: BLE001 - the transform takes any dict, and trips over what is no schema
        reason = str(error) or type(error).__name__
        message = f"the output schema cannot be sent: {reason}"
        raise ProviderError(ErrorCategory.SCHEMA, message) from None
    return {"format": {"type": "json_schema", "schema": transformed}}


def without_type_lists(schema: Any) -> Any:
    """The schema with `type: [a, b]` written as `anyOf`, which the transform knows; it trips over the list."""
    if isinstance(schema, list):
        return [without_type_lists(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: _within(name, value) for name, value in schema.items()}
    types = plain.get("type")
    if not isinstance(types, list):
        return plain
    if "enum" in plain or "const" in plain:
        # The values that are allowed say what types they have.
        del plain["type"]
        return plain
    about = {name: plain.pop(name) for name in ("title", "description", "$defs") if name in plain}
    return {**about, "anyOf": [_of_type(plain, each) for each in types]}


SCHEMA_PLACES = frozenset({"items", "anyOf", "oneOf", "allOf"})
"""Keywords whose value is a schema or a list of schemas."""
NAMED_SCHEMA_PLACES = frozenset({"properties", "$defs"})
"""Keywords whose value has schemas by name."""
ONLY_FOR = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "string": {"minLength", "maxLength", "pattern", "format"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
}
"""Keywords that say something about one type only."""


def _within(name: str, value: Any) -> Any:
    if name in SCHEMA_PLACES:
        return without_type_lists(value)
    if name in NAMED_SCHEMA_PLACES and isinstance(value, dict):
        return {key: without_type_lists(each) for key, each in value.items()}
    return value


def _of_type(schema: dict[str, Any], type_name: str) -> dict[str, Any]:
    """The part of a schema that is about values of one type."""
    kind = "number" if type_name == "integer" else type_name
    foreign = {keyword for other, keywords in ONLY_FOR.items() if other != kind for keyword in keywords}
    return {**{name: value for name, value in schema.items() if name not in foreign}, "type": type_name}
