"""Pydantic's complaints as ours: the field as its author wrote it, where it stands, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import NAME_PATTERN
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.reading import Location

WANTED = {"string_type": "put it in quotes", "dict_type": "write fields under it", "tuple_type": "write a list"}
"""What to do about a value of a wrong type, by pydantic's name of the error."""

KEY = "[key]"
"""What pydantic adds to the way where the key of a dict is wrong."""
NAME_RULE = "use lower-case letters, digits and underscores, a letter first, at most 63"


def complaint(error: ValidationError, model: type[BaseModel], places: Places) -> InvalidInput:
    """The one of pydantic's complaints about a value for `model` that is most to the point."""
    # A misspelt field is the cause where another is then missing.
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    location = tuple(step for step in first["loc"] if step != KEY)
    kind = first["type"]
    if kind == "extra_forbidden":
        return _unknown_field(model, location, places)
    if kind == "missing":
        return InvalidInput(places.name(location), None, "is missing", "add it")
    if kind == "mistake":
        return _mistake(first, location, places)
    if kind in ("too_long", "too_short"):
        return _wrong_count(first, location, places)
    if kind == "string_pattern_mismatch" and first["ctx"]["pattern"] == NAME_PATTERN:
        return InvalidInput(places.name(location), first["input"], "cannot be a name", NAME_RULE)
    remedy = WANTED.get(kind, "correct it")
    return InvalidInput(places.name(location), _said(first["input"]), _sentence(first), remedy)


def _said(value: Any) -> Any:
    """A value to show; of one that holds others its kind says enough."""
    return None if isinstance(value, Mapping | list | tuple) else value


def _sentence(found: ErrorDetails) -> str:
    """`Input should be a valid string` as `should be a valid string`."""
    text = found["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if found["type"] == "value_error":
        return f"is not usable ({text})"
    return f"{text[:1].lower()}{text[1:]}"


def _unknown_field(model: type[BaseModel], location: Location, places: Places) -> InvalidInput:
    known = sorted(_known_fields(model, location[:-1]))
    close = get_close_matches(str(location[-1]), known, 1)
    remedy = f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)}"
    return InvalidInput(places.name(location), None, "is not a field that there is", remedy)


def _mistake(found: ErrorDetails, location: Location, places: Places) -> InvalidInput:
    """What one of our own validators found, with the line within a text or the file that it came from."""
    context = found["ctx"]
    problem, remedy, line, file = (context[name] for name in ("problem", "remedy", "line", "file"))
    if file is not None:
        return InvalidInput(f"{file}, line {line}: {places.field(location)}", None, problem, remedy)
    value = _said(found["input"]) if line is None else None
    return InvalidInput(places.name(location, text_line=line), value, problem, remedy)


def _wrong_count(found: ErrorDetails, location: Location, places: Places) -> InvalidInput:
    value, context = found["input"], found["ctx"]
    count = len(value) if isinstance(value, list | tuple | dict) else context.get("actual_length")
    limit = f"at most {context['max_length']}" if "max_length" in context else f"at least {context['min_length']}"
    return InvalidInput(places.name(location), None, f"has {count} entries", f"there can be {limit}")


def _known_fields(model: type[BaseModel], location: Location) -> set[str]:
    """Names of fields at a location of a value for `model`, as authors write them."""
    models = {model}
    for step in location:
        annotations = [
            field.annotation
            for each in models
            for name, field in each.model_fields.items()
            if step in (name, field.alias)
        ]
        # A position or a key of a dict leads to the models that the annotation around it holds, found already.
        if annotations:
            models = {found for annotation in annotations for found in _models_in(annotation)}
    return {field.alias or name for each in models for name, field in each.model_fields.items()}


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and annotation is not NoneType and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)
