"""Reads the file of stated prices, the one place of this package that touches a disk."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.estimation.prices import Price

VARIABLE = "BATCH_PIPELINES_PRICES_FILE"
EXAMPLE = "- {model: my-model, input_usd_per_mtok: 15, output_usd_per_mtok: 75, valid_from: 2026-11-01}"
FIELDS = ", ".join(Price.model_fields)
NULL_TAG = "tag:yaml.org,2002:null"


class _PriceLoader(yaml.SafeLoader):
    """Leaves numbers and dates as they are written: a price never passes through a binary float, and what is no date
    is reported with its entry."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        every = yaml.SafeLoader.yaml_implicit_resolvers
        self.yaml_implicit_resolvers = {
            first: [pair for pair in pairs if pair[0] == NULL_TAG] for first, pairs in every.items()
        }


class _Entry(NamedTuple):
    """One element of the file's list."""

    where: str
    """File, line and number of the entry, for messages."""
    value: Any
    repeated: str | None
    """A field that stands in it twice; YAML itself would silently take the second."""


def load_overrides(path: Path) -> tuple[Price, ...]:
    """Prices from a YAML list of mappings with the fields of `Price`; an empty file holds none.

    Raises InvalidInput that names file, line, entry and field when the file is missing, is no such list, has a price
    that cannot be used, or prices a model twice from the same day on.
    """
    entries = _entries(path, _read(path))
    prices = tuple(_price(entry) for entry in entries)
    _refuse_twins(entries, prices)
    return prices


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InvalidInput(VARIABLE, str(path), "does not exist", "create the file, or unset the variable") from None
    except (OSError, UnicodeDecodeError) as error:
        problem = f"cannot be read ({error.__class__.__name__}: {error})"
        raise InvalidInput(VARIABLE, str(path), problem, "name a readable UTF-8 text file") from None


def _entries(path: Path, text: str) -> list[_Entry]:
    root, values = _parsed(path, text)
    if not isinstance(values, list):
        remedy = f"start each entry with a dash, such as: {EXAMPLE}"
        raise InvalidInput(f"{path}, line 1", values, "is not a list of prices", remedy)
    nodes = root.value if root else []
    return [
        _Entry(f"{path}, line {node.start_mark.line + 1}, entry {number}", value, _repeated(node))
        for number, (node, value) in enumerate(zip(nodes, values, strict=True), start=1)
    ]


def _parsed(path: Path, text: str) -> tuple[yaml.Node | None, Any]:
    """The document twice: as nodes, which know their lines, and as values."""
    loader = _PriceLoader(text)
    try:
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root else []
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else str(path)
        problem = f"is no valid YAML ({getattr(error, 'problem', None) or error})"
        raise InvalidInput(where, _line(text, mark), problem, f"write entries such as: {EXAMPLE}") from None
    finally:
        loader.dispose()


def _line(text: str, mark: yaml.Mark | None) -> str:
    """The line a YAML error points at, for the message."""
    lines = text.splitlines()
    return lines[mark.line].strip() if mark and mark.line < len(lines) else ""


def _repeated(node: yaml.Node) -> str | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    keys = [str(key.value) for key, _ in node.value]
    return next((key for key in keys if keys.count(key) > 1), None)


def _price(entry: _Entry) -> Price:
    if not isinstance(entry.value, dict):
        raise InvalidInput(entry.where, entry.value, "is not a price", f"write it such as: {EXAMPLE}")
    if entry.repeated:
        field = f"{entry.where}, {entry.repeated}"
        raise InvalidInput(field, entry.value[entry.repeated], "stands twice in the entry", "keep one of the two")
    try:
        return Price.model_validate(entry.value)
    except ValidationError as error:
        # A misspelt field says more than the field that is missing because of it.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        name = str(first["loc"][0])
        value = entry.value.get(name)
        problem = f"is not usable ({first['msg']})"
        raise InvalidInput(f"{entry.where}, {name}", value, problem, _remedy(name)) from None


def _remedy(field: str) -> str:
    if field == "model":
        return "state the model's name as the phases write it"
    if field == "valid_from":
        return "state a day such as 2026-11-01, or leave it out"
    if field in Price.model_fields:
        return "state USD per million tokens, such as 15 or 0.25"
    return f"remove it; an entry has the fields {FIELDS}"


def _refuse_twins(entries: list[_Entry], prices: tuple[Price, ...]) -> None:
    """Two prices of one model from one day on leave open which one holds."""
    seen: dict[tuple[str, date], int] = {}
    for number, (entry, price) in enumerate(zip(entries, prices, strict=True), start=1):
        earlier = seen.setdefault((price.model, price.starts), number)
        if earlier != number:
            problem = f"is priced from the same day on by entry {earlier}"
            raise InvalidInput(f"{entry.where}, model", price.model, problem, "keep one, or give them other valid_from")
