"""Fills a schema: every value fits it, and means something where the names in it suggest what."""

from __future__ import annotations

import random
import re
from typing import Any

from batch_pipelines.providers.simulated.drafting import Draft
from batch_pipelines.providers.simulated.output_format import resolved
from batch_pipelines.providers.simulated.shaping.formats import DATE, formatted, slug_of
from batch_pipelines.providers.simulated.shaping.hints import hints_of
from batch_pipelines.providers.simulated.shaping.lists import Focus, foci_for
from batch_pipelines.providers.simulated.shaping.numbers import number_for
from batch_pipelines.providers.simulated.shaping.strings import Wanted, fitted, text_for
from batch_pipelines.providers.simulated.tasks.material import Material

NULL_SHARE = 0.1
"""How often a value that may be null is."""
OPTIONAL_SHARE = 0.8
"""How often a property is there that need not be."""
FEWEST_ELEMENTS, MOST_ELEMENTS = 2, 5
GRADES = re.compile(r"confiden|certain|priorit|level|severity|sentiment|difficult|quality|urgen")
"""Names of choices whose words say how much, which the words of a text do not tell."""
TRIES = 4
"""For each element of a list, to be another than those before."""


class Filler:
    """Makes values of one schema for one request; `work` drafts what the task type would answer in free text."""

    def __init__(self, schema: dict[str, Any], material: Material, work: Draft | None) -> None:
        self._root = schema
        self._material = material
        self._work = work

    def document(self, source: random.Random) -> Any:
        """A value of the whole schema."""
        return self._value(self._root, "", {}, source)

    def _value(self, schema: dict[str, Any], name: str, focus: Focus, source: random.Random) -> Any:
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._option(schema["enum"], name, focus)
        if "anyOf" in schema:
            rest = {keyword: value for keyword, value in schema.items() if keyword != "anyOf"}
            return self._value({**rest, **self._variant(schema["anyOf"], name, source)}, name, focus, source)
        kind = schema["type"]
        if isinstance(kind, list):
            variants = [{**schema, "type": each} for each in kind]
            return self._value(self._variant(variants, name, source), name, focus, source)
        return self._of_type(kind, schema, name, focus, source)

    def _of_type(self, kind: str, schema: dict[str, Any], name: str, focus: Focus, source: random.Random) -> Any:
        if kind == "object":
            return self._object(schema, focus, source)
        if kind == "array":
            return self._array(schema, name, source)
        if kind == "string":
            return self._string(schema, name, focus, source)
        if kind in ("integer", "number"):
            return number_for(name, schema, self._material, source)
        return None if kind == "null" else source.random() < 0.5

    def _plain(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with what it refers to, and all of `allOf`, written into it."""
        while "$ref" in schema:
            rest = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
            schema = {**resolved(schema["$ref"], self._root), **rest}
        parts = schema.get("allOf", ())
        schema = {keyword: value for keyword, value in schema.items() if keyword != "allOf"}
        for part in parts:
            plain = self._plain(part)
            both = {**schema.get("properties", {}), **plain.get("properties", {})}
            required = [*schema.get("required", ()), *plain.get("required", ())]
            schema = {**schema, **plain, **({"properties": both, "required": required} if both else {})}
        return schema

    def _variant(self, variants: list[dict[str, Any]], name: str, source: random.Random) -> dict[str, Any]:
        plain = [self._plain(each) for each in variants]
        nulls = [each for each in plain if each.get("type") == "null"]
        others = [each for each in plain if each.get("type") != "null"]
        is_unknown = "date" in name.lower() and not DATE.search(self._material.text)
        if nulls and (not others or is_unknown or source.random() < NULL_SHARE):
            return nulls[0]
        return source.choice(others)

    def _option(self, options: list[Any], name: str, focus: Focus) -> Any:
        """The same in every draft, as what a text is about is no matter of wording."""
        texts = [option for option in options if isinstance(option, str)]
        told = focus.get(name.lower())
        if told is not None and texts:
            return max(texts, key=lambda option: _common_start(option.lower(), told.lower()))
        fitting = None if GRADES.search(name.lower()) else self._material.best_fit(texts)
        if fitting is not None:
            return fitting
        said = [option for option in options if option is not None] or options
        return self._material.pick(said, name)

    def _object(self, schema: dict[str, Any], focus: Focus, source: random.Random) -> dict[str, Any]:
        required = set(schema.get("required", ()))
        return {
            name: self._value(part, name, focus, source)
            for name, part in schema.get("properties", {}).items()
            if name in required or source.random() < OPTIONAL_SHARE
        }

    def _array(self, schema: dict[str, Any], name: str, source: random.Random) -> list[Any]:
        hints = hints_of(schema)
        items = self._plain(schema.get("items", {"type": "string"}))
        least = int(hints.get("minItems", schema.get("minItems", 0)))
        most = int(hints.get("maxItems", max(MOST_ELEMENTS, least)))
        foci = foci_for(name, items, self._material, source)
        wanted = source.randint(FEWEST_ELEMENTS, MOST_ELEMENTS) if foci is None else len(foci)
        count = min(max(wanted, least), most)
        foci = foci or []
        values: list[Any] = []
        for attempt in range(count * TRIES):
            focus = foci[attempt] if attempt < len(foci) else {}
            value = self._value(items, name, focus, source)
            if value not in values:
                values.append(value)
            if len(values) >= count:
                break
        # Fewer different ones exist than there must be, as of booleans.
        while len(values) < least:
            values.append(self._value(items, name, {}, source))
        return values

    def _string(self, schema: dict[str, Any], name: str, focus: Focus, source: random.Random) -> str:
        form = schema.get("format")
        if form is not None:
            made = formatted(form, slug_of(self._material.title), self._material.text, source)
            if made is not None:
                return made
        hints = hints_of(schema)
        most = int(hints["maxLength"]) if "maxLength" in hints else None
        wanted = Wanted(self._material, source, str(schema.get("description", "")), most)
        return fitted(text_for(name, wanted, focus, self._work), int(hints.get("minLength", 0)), most)


def _common_start(first: str, second: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((index for index, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))
