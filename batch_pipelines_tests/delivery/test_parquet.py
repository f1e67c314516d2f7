"""Tests of batch_pipelines.delivery.parquet."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.delivery import parquet
from batch_pipelines.delivery.columns import columns_of
from batch_pipelines.delivery.parquet import write_parquet
from batch_pipelines.delivery.rows import Row


def written(*rows: Row) -> Any:
    """A file of these rows, opened."""
    file = io.BytesIO()
    count = write_parquet(file, rows, columns_of(rows), {"simulated": "true"})
    assert count == len(rows)
    return pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_every_row_fits_the_columns() -> None:
    """Whatever the first rows looked like: what comes late, is missing or mixed has its place (F7)."""
    rows: list[Row] = [
        {"id": "a", "n": 1, "mixed": 1, "none": None},
        {"id": "b", "n": 2.5, "mixed": "x", "late": [1, 2], "object": {"k": [1]}, "big": 2**63},
    ]

    table = written(*rows).read()

    assert table.schema.remove_metadata() == pa.schema(
        {
            "id": pa.string(),
            "n": pa.float64(),
            "mixed": pa.string(),
            "none": pa.string(),
            "late": pa.list_(pa.int64()),
            "object": pa.string(),
            "big": pa.string(),
        }
    )
    assert table.to_pylist() == [
        {"id": "a", "n": 1.0, "mixed": "1", "none": None, "late": None, "object": None, "big": None},
        {
            "id": "b",
            "n": 2.5,
            "mixed": '"x"',
            "none": None,
            "late": [1, 2],
            "object": '{"k": [1]}',
            "big": "9223372036854775808",
        },
    ]


@pytest.mark.parametrize("vectors", [([0.25, 1], [2, 3]), ([1, 2**40], [3, 4])], ids=["numbers", "whole"])
def test_vectors_are_lists_of_floats_of_four_bytes(vectors: tuple[list[float], ...]) -> None:
    """Also where all of their numbers are whole; other lists keep every digit (B5)."""
    table = written(*({"vector": vector, "place": [13.404954, 52.520008]} for vector in vectors)).read()

    assert table.schema.field("vector").type == pa.list_(pa.float32())
    assert table.column("vector").to_pylist() == [list(map(float, vector)) for vector in vectors]
    assert table.column("place")[0].as_py() == [13.404954, 52.520008]


def test_the_file_says_what_it_is_of() -> None:
    """In its metadata, so that a table of outputs does not lose where it came from."""
    assert written({"id": "a"}).schema_arrow.metadata == {b"simulated": b"true"}


def test_rows_are_written_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that only some of them are in memory at a time, and none is lost between them."""
    monkeypatch.setattr(parquet, "BATCH_ROWS", 10)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 2_000)

    file = written(*({"id": f"item_{number}", "text": "x" * 50} for number in range(95)))

    assert 2 < file.num_row_groups < 10
    assert file.read().column("id").to_pylist() == [f"item_{number}" for number in range(95)]
