"""Reads a spec from a file, and opens its items; every mistake names file and line, or field, and remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from batch_pipelines.addresses import explained
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import ItemSource, Spec
from batch_pipelines.inputs.jsonl import read_jsonl
from batch_pipelines.inputs.opening import IN_LEDGER, open_source
from batch_pipelines.inputs.source import FIELD, Source, listed
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.pipelines.reading import locate, read_yaml

FIELD_OF_FILE = "SPEC"
"""What a command calls the file of a spec."""
ITEMS_REMEDY = "give a list of objects, or say what it is, as {jsonl: path}"

Location = tuple[int | str, ...]
FindLine = Callable[[Location], int | None]


def read_spec(path: Path) -> Spec:
    """The spec that a YAML file holds, or a JSON file named .json; raises InvalidInput naming file, line and field."""
    text = _text(path)
    content, find_line = _json(text, path) if path.suffix == ".json" else _yaml(text, path)
    if not isinstance(content, Mapping):
        raise InvalidInput(FIELD_OF_FILE, str(path), "does not hold a mapping", "start with `pipeline: <name>`")
    try:
        return Spec.model_validate(content)
    except ValidationError as error:
        _explain(error, lambda location: f"{path}, line {find_line(location) or 1}: ")


def parse_spec(content: Mapping[str, Any]) -> Spec:
    """A spec from plain values; raises InvalidInput for the first wrong field."""
    try:
        return Spec.model_validate(content)
    except ValidationError as error:
        _explain(error, lambda _: "")


def _yaml(text: str, path: Path) -> tuple[Any, FindLine]:
    source = read_yaml(text, str(path), FIELD_OF_FILE)
    return source.value, source.line


def _json(text: str, path: Path) -> tuple[Any, FindLine]:
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}"
        raise InvalidInput(FIELD_OF_FILE, where, f"is not JSON: {error.msg}", "mend that line") from None
    except ValueError as error:
        raise InvalidInput(FIELD_OF_FILE, str(path), f"is not JSON: {error}", "mend the file") from None
    except RecursionError:
        raise InvalidInput(FIELD_OF_FILE, str(path), "is nested too deep", "flatten it") from None
    # JSON is YAML as far as lines go, but for its tabs.
    return content, lambda location: locate(text.replace("\t", " "), location)


def _explain(error: ValidationError, prefix: Callable[[Location], str]) -> NoReturn:
    """The first of pydantic's complaints as ours, with the field as users write it."""
    first = min(error.errors(), key=_is_of_other_form)
    # Pydantic names the form of `items` in the way to a value; users know no such names.
    location = tuple(part for part in first["loc"] if "[" not in str(part))
    field = prefix(location) + (".".join(str(part) for part in location) or "spec")
    if first["type"] == "missing":
        raise InvalidInput(field, None, "is missing", "add it to the spec") from None
    if first["type"] == "extra_forbidden":
        raise InvalidInput(field, first["input"], "is not a field of a spec", "correct its name or remove it") from None
    message = first["msg"].removeprefix("Value error, ")
    problem = f"is not usable ({message[:1].lower()}{message[1:]})"
    remedy = ITEMS_REMEDY if location == (FIELD,) else "correct it in the spec"
    raise InvalidInput(field, first["input"], problem, remedy) from None


def _is_of_other_form(complaint: ErrorDetails) -> bool:
    """Pydantic complains once for each form that `items` can have; the one that was not meant says nothing."""
    value = complaint["input"]
    if complaint["type"] == "list_type":
        return isinstance(value, Mapping)
    return complaint["type"] in ("model_type", "model_attributes_type") and isinstance(value, list | str)


def read_items(spec: Spec, pipeline: Pipeline, folder: Path, ledger: Ledger | None, most: int) -> Source:
    """The items a spec asks for, or the pipeline's sample; relative paths start at `folder`.

    The ledger is there where `needs_ledger` says so; `most` items are all that anybody wants. Raises InvalidInput.
    """
    if isinstance(spec.items, ItemSource):
        return open_source(spec.items, folder, spec.project, ledger, most)
    if spec.items is not None:
        return listed(spec.items)
    if pipeline.sample_items is None:
        raise InvalidInput(FIELD, None, "is missing", f"pipeline {pipeline.name} has no sample; add items")
    return Source(read_jsonl(pipeline.sample_items), str(pipeline.sample_items))


def needs_ledger(spec: Spec) -> bool:
    """Whether its items are in the ledger."""
    return isinstance(spec.items, ItemSource) and spec.items.kind in IN_LEDGER


def _text(path: Path) -> str:
    """The file's text, UTF-8 with or without a byte order mark."""
    try:
        with explained(path, FIELD_OF_FILE):
            return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"is not UTF-8 (byte {error.start})"
        raise InvalidInput(FIELD_OF_FILE, str(path), problem, "save it as UTF-8") from None
    except ValueError as error:
        raise InvalidInput(FIELD_OF_FILE, str(path), f"is no path ({error})", "check the path") from None
