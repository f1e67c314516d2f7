"""Items from a Parquet file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from batch_pipelines.addresses import BUFFER_BYTES, AnyPath, opened
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.columns import check_columns
from batch_pipelines.inputs.filtering import Filter
from batch_pipelines.inputs.source import FIELD, Record

ROWS_AT_ONCE = 256
"""In memory together: documents of a hundred thousand characters are then some 25 MB."""


def read_parquet(path: AnyPath, id_field: str, wanted: Filter) -> Iterator[Record]:
    """One item a row, of which a part is in memory at a time; a null, or a number that is none, is an absent parameter.

    Dates and times become ISO 8601 texts, decimals texts. Raises InvalidInput naming file, and row or column.
    """
    with opened(path, FIELD) as file:
        try:
            table = pq.ParquetFile(file, buffer_size=BUFFER_BYTES)
            check_columns(table.schema_arrow.names, str(path), id_field, wanted.names)
            yield from _records(table, path)
        except pa.ArrowException as error:
            problem = f"is no Parquet file that can be read ({str(error).partition(chr(10))[0]})"
            raise InvalidInput(FIELD, str(path), problem, "write it anew") from None


def _records(table: pq.ParquetFile, path: AnyPath) -> Iterator[Record]:
    number = 0
    for batch in table.iter_batches(ROWS_AT_ONCE):
        for row in batch.to_pylist():
            number += 1
            fields = {
                name: value if type(value) in (str, int, bool) else _plain(value, path, number, name)
                for name, value in row.items()
                if not _is_absent(value)
            }
            yield Record(f"row {number}", fields)


def _is_absent(value: Any) -> bool:
    """Columns of numbers say `not a number` where they have none."""
    return value is None or (type(value) is float and math.isnan(value))


def _plain(value: Any, path: AnyPath, number: int, name: str) -> JsonValue:
    """A value as JSON has it."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain(each, path, number, name) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each, path, number, name) for key, each in value.items()}
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    problem = f"has a value that JSON cannot hold in column {name!r} ({type(value).__name__})"
    raise InvalidInput(FIELD, f"{path}, row {number}", problem, "turn the column into text, or leave it out")
