"""Reads a spec and its items from files; every mistake names file, line or field, and remedy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from pydantic import JsonValue, ValidationError

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import Spec

RawItem = dict[str, JsonValue]


def read_spec(path: Path) -> Spec:
    """The spec that a YAML file holds, or a JSON file named .json; raises InvalidInput."""
    text = _text(path, "SPEC")
    try:
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except json.JSONDecodeError as error:
        where = f"{path}, line {error.lineno}"
        raise InvalidInput("SPEC", where, f"is not JSON: {error.msg}", "mend that line") from None
    except RecursionError:
        raise InvalidInput("SPEC", str(path), "is nested too deep", "flatten it") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidInput("SPEC", f"{path}, line {line}", f"is not YAML: {error.problem}", "mend that line") from None
    except (yaml.YAMLError, ValueError) as error:
        # A date that does not exist is a ValueError.
        problem = " ".join(str(error).split())
        raise InvalidInput("SPEC", str(path), f"is not YAML: {problem}", "mend the file") from None
    if not isinstance(content, Mapping):
        raise InvalidInput("SPEC", str(path), "does not hold a mapping", "start with `pipeline: <name>`")
    return parse_spec(dict(content))


def parse_spec(content: Mapping[str, Any]) -> Spec:
    """A spec from plain values; raises InvalidInput for the first wrong field."""
    try:
        return Spec.model_validate(content)
    except ValidationError as error:
        _explain(error)


def _explain(error: ValidationError) -> NoReturn:
    """The first of pydantic's complaints as ours, with the field as users write it."""
    # Pydantic complains once for each form that `items` can have; the one that was not meant says nothing.
    first = min(error.errors(), key=lambda one: one["type"] == "list_type" and isinstance(one["input"], Mapping))
    if first["type"] == "missing":
        raise InvalidInput(_field(first["loc"]), None, "is missing", "add it to the spec") from None
    if first["type"] == "extra_forbidden":
        raise InvalidInput(
            _field(first["loc"]), first["input"], "is not a field of a spec", "correct its name or remove it"
        ) from None
    message = first["msg"].removeprefix("Value error, ")
    problem = f"is not usable ({message[:1].lower()}{message[1:]})"
    raise InvalidInput(_field(first["loc"]), first["input"], problem, "correct it in the spec") from None


def _field(location: tuple[int | str, ...]) -> str:
    """`("items", "list[dict[…]]", 3, "id")` as `items.3.id`: pydantic names the arm of a union, users do not."""
    return ".".join(str(part) for part in location if "[" not in str(part)) or "spec"


def read_items(spec: Spec, pipeline: Pipeline, folder: Path) -> Iterator[RawItem]:
    """The items a spec asks for, or the pipeline's sample; relative paths start at `folder`."""
    source = spec.items
    if isinstance(source, list):
        return iter(source)
    if source is None:
        if pipeline.sample_items is None:
            raise InvalidInput("items", None, "is missing", f"pipeline {pipeline.name} has no sample; add items")
        return _jsonl(pipeline.sample_items)
    if len(source) != 1 or not source.keys() <= READERS.keys():
        known = ", ".join(f"{{{kind}: path}}" for kind in READERS)
        raise InvalidInput("items", source, "is not a source of items", f"give a list, or one of {known}")
    ((kind, path),) = source.items()
    return READERS[kind](folder / _expanded(path))


def _expanded(path: str) -> Path:
    """The path with `~` replaced by the home of its user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise InvalidInput("items", path, "names a user that does not exist", "check the path") from None


def _jsonl(path: Path) -> Iterator[RawItem]:
    """One JSON object a line; blank lines are passed over."""
    # Not `splitlines`: JSON strings may hold other characters that it takes for the end of a line.
    for number, line in enumerate(_text(path, "items").split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            item = json.loads(line, parse_constant=_refuse_constant)
        except ValueError as error:
            problem = getattr(error, "msg", str(error))
            raise InvalidInput("items", where, f"is not JSON: {problem}", "mend or remove that line") from None
        if not isinstance(item, dict):
            raise InvalidInput("items", where, "is not a JSON object", "write {...} on that line")
        yield item


def _refuse_constant(name: str) -> NoReturn:
    """Python reads these, JSON has no such numbers, and a database would not take them."""
    raise ValueError(f"it has no number {name}")


def _csv(path: Path) -> Iterator[RawItem]:
    """A header line, then one item a line; an empty cell is an absent parameter."""
    # As a file, so that a quoted cell may go over several lines.
    rows = csv.DictReader(io.StringIO(_text(path, "items"), newline=""), strict=True)
    try:
        for row in rows:
            if None in row:
                where = f"{path}, line {rows.line_num}"
                raise InvalidInput("items", where, "has more cells than the header", "quote cells that hold commas")
            yield {name: value for name, value in row.items() if value}
    except csv.Error as error:
        raise InvalidInput("items", f"{path}, line {rows.reader.line_num}", f"is not CSV: {error}", "mend it") from None


READERS: dict[str, Callable[[Path], Iterator[RawItem]]] = {"jsonl": _jsonl, "csv": _csv}


def _text(path: Path, field: str) -> str:
    """The file's text, UTF-8 with or without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(field, str(path), "does not exist", "check the path") from None
    except OSError as error:
        raise InvalidInput(field, str(path), f"cannot be read: {error.strerror}", "check the path") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(field, str(path), f"is not UTF-8 (byte {error.start})", "save it as UTF-8") from None
    except ValueError as error:
        raise InvalidInput(field, str(path), f"is no path ({error})", "check the path") from None
