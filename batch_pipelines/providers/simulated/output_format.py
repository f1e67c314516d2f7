"""Which output schemas the Messages API takes: a subset of JSON Schema, and the limits of how much of it."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from batch_pipelines.providers.simulated.refusals import ApiError, invalid

WHERE = "output_config.format.schema"
MOST_OPTIONAL = 24
"""Properties that need not be there, over the whole schema."""
MOST_UNIONS = 16
"""Values of one of several shapes, over the whole schema."""
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
ANYWHERE = frozenset(
    {"type", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "title", "description", "default"}
    | {"examples", "$schema", "$id", "$comment"}
)
"""Keywords that any schema may have."""
BY_TYPE: dict[str, frozenset[str]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "minItems"}),
    "string": frozenset({"format"}),
}
"""Keywords of one type; all others are refused, as `minimum` or `maxLength`."""


def schema_in(body: dict[str, Any]) -> dict[str, Any] | None:
    """The output schema of a request, or None; raises ApiError 400 as the real server does."""
    config = body.get("output_config")
    if config is None:
        return None
    form = config.get("format") if isinstance(config, dict) else config
    if form is None:
        return None
    if not isinstance(form, dict) or form.get("type") != "json_schema":
        raise invalid("output_config.format: Input should be an object of type 'json_schema'")
    schema = form.get("schema")
    if not isinstance(schema, dict):
        raise _refused("Field required")
    check_schema(schema)
    return schema


def check_schema(schema: dict[str, Any]) -> None:
    """Nothing for a schema that is taken; raises ApiError 400 for any other."""
    parts = list(_parts(schema))
    for part in parts:
        _check_part(part, schema)
    optional = sum(len(set(part.get("properties", {})) - set(part.get("required", ()))) for part in parts)
    if optional > MOST_OPTIONAL:
        raise _refused(f"Schemas contain too many optional parameters ({optional}); the limit is {MOST_OPTIONAL}")
    unions = sum("anyOf" in part or isinstance(part.get("type"), list) for part in parts)
    if unions > MOST_UNIONS:
        raise _refused(f"Schemas contain too many parameters with union types ({unions}); the limit is {MOST_UNIONS}")
    _check_recursion(schema)


def resolved(reference: str, root: dict[str, Any]) -> Any:
    """What a reference within a schema points to; raises KeyError where nothing is there, or it lies elsewhere."""
    if reference == "#":
        return root
    if not reference.startswith("#/"):
        raise KeyError(reference)
    value: Any = root
    for step in reference[2:].split("/"):
        if not isinstance(value, dict):
            raise KeyError(reference)
        value = value[step.replace("~1", "/").replace("~0", "~")]
    return value


def _refused(problem: str) -> ApiError:
    return invalid(f"{WHERE}: {problem}")


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and every schema in it; raises ApiError for what stands in the place of one and is none."""
    if not isinstance(schema, dict):
        raise _refused("Input should be a valid JSON Schema object")
    yield schema
    for name in ("properties", "$defs", "definitions"):
        named = schema.get(name, {})
        if not isinstance(named, dict):
            raise _refused(f"'{name}' must be an object")
        for each in named.values():
            yield from _parts(each)
    for name in ("anyOf", "allOf"):
        for each in _listed(schema, name):
            yield from _parts(each)
    if "items" in schema:
        yield from _parts(schema["items"])


def _listed(schema: dict[str, Any], name: str) -> list[Any]:
    if name not in schema:
        return []
    if not isinstance(schema[name], list) or not schema[name]:
        raise _refused(f"'{name}' must be a non-empty list")
    return list(schema[name])


def _check_part(part: dict[str, Any], root: dict[str, Any]) -> None:
    types = part["type"] if isinstance(part.get("type"), list) else [part["type"]] if "type" in part else []
    for each in types:
        if not isinstance(each, str) or each not in TYPES:
            raise _refused(f"'{each}' is not a type")
    if not types and not {"enum", "const", "anyOf", "allOf", "$ref"} & set(part):
        raise _refused("a schema needs a 'type', 'anyOf', 'allOf', '$ref', 'enum' or 'const'")
    _check_keywords(part, types)
    if "object" in types:
        _check_object(part)
    if "$ref" in part:
        _check_reference(part["$ref"], root)
    values = [*_listed(part, "enum"), part.get("const")]
    if any(isinstance(value, dict | list) for value in values):
        raise _refused("'enum' and 'const' take only strings, numbers, booleans and null")


def _check_keywords(part: dict[str, Any], types: list[str]) -> None:
    allowed = ANYWHERE.union(*(BY_TYPE.get(each, frozenset()) for each in types))
    kind = "', '".join(types) or "any"
    for keyword in part:
        if keyword not in allowed:
            raise _refused(f"For '{kind}' type, property '{keyword}' is not supported")
    if part.get("minItems", 0) not in (0, 1):
        raise _refused("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
    if str(part.get("format", "date")) not in FORMATS:
        raise _refused(f"For 'string' type, format '{part['format']}' is not supported")


def _check_object(part: dict[str, Any]) -> None:
    if part.get("additionalProperties") is not False:
        raise _refused("For 'object' type, 'additionalProperties' must be explicitly set to false")
    required = part.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise _refused("'required' must be a list of names")
    unknown = [name for name in required if name not in part.get("properties", {})]
    if unknown:
        raise _refused(f"'required' names the property '{unknown[0]}', which is not in 'properties'")


def _check_reference(reference: Any, root: dict[str, Any]) -> None:
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise _refused("external '$ref' is not supported")
    try:
        target = resolved(reference, root)
    except KeyError:
        target = None
    if not isinstance(target, dict):
        raise _refused(f"'$ref' to '{reference}' leads nowhere")


def _check_recursion(schema: dict[str, Any]) -> None:
    """Each reference leads to those that stand in its target."""
    leads = {name: _references(resolved(name, schema)) for name in _references(schema)}
    sorter = TopologicalSorter(leads)
    try:
        sorter.prepare()
    except CycleError:
        raise _refused("recursive schemas are not supported") from None
    if "#" in leads:
        raise _refused("recursive schemas are not supported")


def _references(schema: dict[str, Any]) -> set[str]:
    return {part["$ref"] for part in _parts(schema) if "$ref" in part}
