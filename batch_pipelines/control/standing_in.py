"""Texts that stand in for outputs that are not there yet, so that the prompts that need them can be measured. Pure."""

from __future__ import annotations

import json
from typing import Any

from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind

ELEMENT_CHARACTERS = 250
"""Of an element of a list, roughly; a list has as many as there is room for."""
SHALLOW = 3
"""Levels that are filled where there is no room left."""
DEEPEST = 8
"""Levels of a schema that are filled; one that refers to itself has no end."""


def stand_in(phase: Phase, characters: int) -> str:
    """A text of about so many characters that has the shape of a phase's output."""
    if phase.kind is PhaseKind.EMBEDDING:
        return "[1.0]"
    if phase.output_schema is None:
        return "x" * characters
    return json.dumps(_value(phase.output_schema, phase.output_schema, characters, DEEPEST))


def _value(schema: dict[str, Any], root: dict[str, Any], room: int, depth: int) -> Any:
    """A value that fits a schema as far as its shape goes; `room` is how many characters it should take."""
    schema = _plain(schema, root)
    if depth == 0:
        return None
    # Where there is no room, a schema that refers to itself several times would fill all the levels for nothing.
    depth = depth if room else min(depth, SHALLOW)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object" or "properties" in schema:
        return _object(schema.get("properties", {}), root, room, depth)
    if kind == "array":
        count = max(1, min(int(schema.get("minItems", 0)), room), room // ELEMENT_CHARACTERS)
        element = _value(schema.get("items", {"type": "string"}), root, room // count, depth - 1)
        return [element] * count
    return {"integer": 1, "number": 1.0, "boolean": True, "null": None}.get(str(kind), "x" * room)


def _object(properties: dict[str, Any], root: dict[str, Any], room: int, depth: int) -> dict[str, Any]:
    """Fields that share what their names leave, lists taking most of it."""
    left = max(0, room - sum(len(name) + 6 for name in properties))
    weights = {name: 8 if _plain(part, root).get("type") == "array" else 1 for name, part in properties.items()}
    share = left / max(1, sum(weights.values()))
    return {name: _value(part, root, int(share * weights[name]), depth - 1) for name, part in properties.items()}


def _plain(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """The schema that is meant where one refers to another or leaves a choice: the first."""
    for _ in range(DEEPEST):
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            schema = root.get("$defs", {}).get(name, {})
        elif choice := schema.get("anyOf") or schema.get("oneOf"):
            schema = choice[0]
        elif isinstance(kinds := schema.get("type"), list):
            schema = {**schema, "type": kinds[0]}
    return schema
