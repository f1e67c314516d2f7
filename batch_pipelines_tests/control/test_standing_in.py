"""Texts in place of outputs that are not there yet have their shape and about their length."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from batch_pipelines.control.standing_in import stand_in
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.pipelines.catalogue import shipped_pipelines

SCHEMAS = [phase.output_schema for pipeline in shipped_pipelines() for phase in pipeline.phases if phase.output_schema]
NESTED: dict[str, Any] = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": ["integer"]}}}},
    "type": "object",
    "properties": {
        "first": {"$ref": "#/$defs/node"},
        "kind": {"enum": ["a", "b"]},
        "one": {"const": 1},
        "either": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
        "pair": {"type": "array", "items": {"type": "number"}, "minItems": 2},
    },
}


def phase_with(schema: dict[str, Any] | None, **fields: Any) -> Phase:
    """A phase whose output has this shape."""
    return Phase(name="one", task_type="chat", prompt="?", output_schema=schema, **fields)


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize("characters", [600, 6000])
def test_it_fits_the_schema_of_a_shipped_phase(schema: dict[str, Any], characters: int) -> None:
    """So that a prompt that reads fields of it can be rendered, and comes out as long as it will be (C1)."""
    text = stand_in(phase_with(schema), characters)

    jsonschema.validate(json.loads(text), schema)
    has_list = any(part.get("type") == "array" for part in schema["properties"].values())
    assert not has_list or 0.5 * characters < len(text) < 1.5 * characters


def test_a_schema_may_refer_to_itself() -> None:
    """It is filled as deep as anybody looks (C1)."""
    value = json.loads(stand_in(phase_with(NESTED), 500))

    assert (value["kind"], value["one"], value["either"], value["pair"]) == ("a", 1, True, [1.0, 1.0])
    assert value["first"]["next"]["n"] == 1


def test_a_text_is_as_long_as_it_should_be() -> None:
    """And a vector is one (C1)."""
    assert len(stand_in(phase_with(None), 300)) == 300
    assert json.loads(stand_in(phase_with(None, kind=PhaseKind.EMBEDDING), 300)) == [1.0]
