"""Tests of batch_pipelines.delivery.writing."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch_pipelines.delivery.writing import write_results
from batch_pipelines.domain.delivery import Content, Delivery, DeliveryFormat
from batch_pipelines.domain.job import ItemResult
from batch_pipelines_tests.delivery.samples import given, job, result

ANSWERS = given(result("a", {"text": "Grün"}), result("b", "plain"), result("c", "plain"))


def written(file_format: DeliveryFormat, **fields: Any) -> tuple[bytes, tuple[int, int]]:
    """The bytes of a file of the answers, and what was counted."""
    file = io.BytesIO()
    counts = write_results(file, job(), ANSWERS, Delivery(to="x", **fields), file_format)
    return file.getvalue(), counts


def test_jsonl_has_an_object_a_line() -> None:
    """As it is, in UTF-8 (F7)."""
    content, counts = written(DeliveryFormat.JSONL)

    assert [json.loads(line) for line in content.decode().splitlines()] == [
        {"id": "a", "text": "Grün"},
        {"id": "b", "output": "plain"},
        {"id": "c", "output": "plain"},
    ]
    assert "Grün".encode() in content
    assert counts == (3, 0)


def test_a_table_has_every_field_and_no_repeats_where_that_is_wanted() -> None:
    """A look at all rows finds the fields before the first is written (F7)."""
    content, counts = written(DeliveryFormat.CSV, distinct=True)

    assert content.decode() == "id,text,output\r\na,Grün,\r\nb,,plain\r\n"
    assert counts == (2, 1)


def test_a_table_of_results_says_what_is_simulated() -> None:
    """In a column, and in Parquet beside it in the metadata."""
    content, _ = written(DeliveryFormat.PARQUET, content=Content.RESULTS)

    file = pq.ParquetFile(io.BytesIO(content))
    assert file.read().column("simulated").to_pylist() == [False] * 3
    assert file.schema_arrow.metadata == {b"batch_job_id": b"job_1", b"pipeline": b"keep", b"simulated": b"false"}


class Nowhere(io.RawIOBase):
    """Takes bytes and keeps none."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.count += len(content)
        return len(content)

    def tell(self) -> int:
        return self.count


@pytest.mark.parametrize("file_format", DeliveryFormat)
def test_memory_does_not_grow_with_the_number_of_items(
    file_format: DeliveryFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times as many results, of 3 kB each, are written in the same memory."""
    monkeypatch.setattr("batch_pipelines.delivery.parquet.GROUP_BYTES", 200_000)

    def results(count: int) -> Iterator[ItemResult]:
        return (result(f"item_{number}", {"n": number, "text": f"{number}" * 500}) for number in range(count))

    def peak(count: int) -> int:
        tracemalloc.start()
        file: Any = Nowhere()
        delivery = Delivery(to="x", group_by="text" if file_format is DeliveryFormat.MARKDOWN else None)
        write_results(file, job(), lambda: results(count), delivery, file_format)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    few, many = peak(1_000), peak(4_000)

    assert many < few + 2_000_000
