"""Finds out which columns a table needs so that every row fits: a look at all rows before any is written. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

from pydantic import JsonValue

from batch_pipelines.delivery.rows import VECTOR, Row
from batch_pipelines.domain.errors import InvalidInput

MOST_COLUMNS = 1000
"""A table of more is most likely objects whose keys are values."""
LARGEST_INTEGER = 2**63
"""In 64 bits with a sign: the first that no longer fits."""


class Scalar(Enum):
    """What single values are."""

    NOTHING = auto()
    BOOLEAN = auto()
    INTEGER = auto()
    NUMBER = auto()
    TEXT = auto()
    MIXED = auto()
    """Of several kinds, or objects: written as JSON."""


class Kind(NamedTuple):
    """What the values of a column are."""

    scalar: Scalar
    is_list: bool = False


NOTHING = Kind(Scalar.NOTHING)
JSON = Kind(Scalar.MIXED)


def columns_of(rows: Iterable[Row]) -> dict[str, Kind]:
    """The kind that fits all values of each field, in the order in which the fields come up.

    Raises InvalidInput for more fields than a table may have columns.
    """
    columns: dict[str, Kind] = {}
    for row in rows:
        for name, value in row.items():
            known = columns.get(name)
            if known is None and len(columns) == MOST_COLUMNS:
                problem = f"has no room for the outputs, which have over {MOST_COLUMNS:,} different fields"
                raise InvalidInput("delivery.format", None, problem, "deliver as jsonl, or name the fields in a record")
            if known is not JSON:
                columns[name] = common(known or NOTHING, kind_of(value))
    return columns


def kind_of(value: JsonValue) -> Kind:
    """The kind of one value."""
    if not isinstance(value, list):
        return Kind(_scalar_of(value))
    scalar = Scalar.NOTHING
    for each in value:
        scalar = _common(scalar, _scalar_of(each))
    return JSON if scalar is Scalar.MIXED else Kind(scalar, is_list=True)


def common(first: Kind, second: Kind) -> Kind:
    """The kind that values of both kinds fit."""
    if first == second or second == NOTHING:
        return first
    if first == NOTHING:
        return second
    scalar = _common(first.scalar, second.scalar)
    return JSON if scalar is Scalar.MIXED or first.is_list != second.is_list else Kind(scalar, first.is_list)


def _scalar_of(value: JsonValue) -> Scalar:
    match value:
        case None:
            return Scalar.NOTHING
        case bool():
            return Scalar.BOOLEAN
        case int():
            return Scalar.INTEGER if -LARGEST_INTEGER <= value < LARGEST_INTEGER else Scalar.MIXED
        case float():
            return Scalar.NUMBER
        case str():
            return Scalar.TEXT
        case _:
            return Scalar.MIXED


def _common(first: Scalar, second: Scalar) -> Scalar:
    if first is second or second is Scalar.NOTHING:
        return first
    if first is Scalar.NOTHING:
        return second
    return Scalar.NUMBER if {first, second} == {Scalar.INTEGER, Scalar.NUMBER} else Scalar.MIXED


def is_vectors(name: str, kind: Kind) -> bool:
    """Whether a column holds vectors, whose numbers need no more than four bytes."""
    return name == VECTOR and kind.is_list and kind.scalar in (Scalar.INTEGER, Scalar.NUMBER)


def as_json(value: JsonValue) -> str:
    """A value as one line of JSON."""
    return json.dumps(value, ensure_ascii=False)
