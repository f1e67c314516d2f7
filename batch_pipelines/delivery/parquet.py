"""Rows as Parquet; vectors as lists of 32-bit floats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import JsonValue

from batch_pipelines.delivery.columns import JSON, Kind, Scalar, as_json, is_vectors
from batch_pipelines.delivery.rows import Row

BATCH_ROWS = 200
"""Made into columns at a time: as Python has it, a vector takes thirty bytes for each of its numbers."""
GROUP_BYTES = 32 * 1024 * 1024
"""Of rows that are written together: large enough to be read fast, small enough to be held."""

SCALARS: dict[Scalar, Any] = {
    Scalar.NOTHING: pa.string(),
    Scalar.BOOLEAN: pa.bool_(),
    Scalar.INTEGER: pa.int64(),
    Scalar.NUMBER: pa.float64(),
    Scalar.TEXT: pa.string(),
    Scalar.MIXED: pa.string(),
}


def write_parquet(file: BinaryIO, rows: Iterable[Row], columns: Mapping[str, Kind], facts: Mapping[str, str]) -> int:
    """Write rows that fit the columns; returns how many there were. `facts` go into the metadata of the file."""
    schema = pa.schema([pa.field(name, type_of(name, kind)) for name, kind in columns.items()], dict(facts))
    count = 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(rows, columns, schema):
            writer.write_table(group)
            count += group.num_rows
    return count


def type_of(name: str, kind: Kind) -> Any:
    """Arrow's type of a column."""
    if is_vectors(name, kind):
        return pa.list_(pa.float32())
    return pa.list_(SCALARS[kind.scalar]) if kind.is_list else SCALARS[kind.scalar]


def _groups(rows: Iterable[Row], columns: Mapping[str, Kind], schema: Any) -> Iterator[Any]:
    """Tables of rows that are written together."""
    source = iter(rows)
    batches: list[Any] = []
    while batch := list(islice(source, BATCH_ROWS)):
        arrays = [_array(name, kind, [row.get(name) for row in batch]) for name, kind in columns.items()]
        batches.append(pa.RecordBatch.from_arrays(arrays, schema=schema))
        if sum(each.nbytes for each in batches) >= GROUP_BYTES:
            yield pa.Table.from_batches(batches)
            batches = []
    if batches:
        yield pa.Table.from_batches(batches)


def _array(name: str, kind: Kind, values: list[JsonValue]) -> Any:
    """Values of a column as Arrow has them."""
    if kind == JSON:
        values = [None if value is None else as_json(value) for value in values]
    elif kind.scalar is Scalar.NUMBER or is_vectors(name, kind):
        # Arrow refuses to round a large whole number, Python does not mind.
        values = [[_float(each) for each in value] if isinstance(value, list) else _float(value) for value in values]
    return pa.array(values, type_of(name, kind))


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
