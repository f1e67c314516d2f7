"""Items from a Parquet file."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.inputs.samples import read, source_of


def rows(folder: Path, table: pa.Table, **fields: Any) -> list[dict[str, Any]]:
    """The items of a file with this table."""
    pq.write_table(table, folder / "a.parquet", row_group_size=3)
    return read(folder, parquet="a.parquet", **fields)


def test_parquet_is_one_item_a_row(tmp_path: Path) -> None:
    """Over all row groups, with lists and structures as JSON has them (F6)."""
    table = pa.table(
        {
            "id": list(range(10)),
            "topic": [f"t{number}" for number in range(10)],
            "tags": [["a", "b"]] * 10,
            "who": [{"name": "Ann", "age": None}] * 10,
        }
    )

    found = rows(tmp_path, table)

    assert found == [
        {"id": number, "topic": f"t{number}", "tags": ["a", "b"], "who": {"name": "Ann", "age": None}}
        for number in range(10)
    ]
    assert [record.place for record in source_of(tmp_path, parquet="a.parquet").records][-1] == "row 10"


def test_values_that_json_has_not_become_texts(tmp_path: Path) -> None:
    """Moments, dates and times in ISO 8601, decimals digit by digit (F6)."""
    moment = dt.datetime(2026, 11, 22, 12, 30, tzinfo=dt.UTC)
    table = pa.table(
        {
            "id": ["a"],
            "at": pa.array([moment], pa.timestamp("us", "UTC")),
            "day": [dt.date(2026, 11, 22)],
            "time": [dt.time(12, 30)],
            "price": [Decimal("1.10")],
            "kind": pa.array(["x"]).dictionary_encode(),
        }
    )

    assert rows(tmp_path, table) == [
        {
            "id": "a",
            "at": "2026-11-22T12:30:00+00:00",
            "day": "2026-11-22",
            "time": "12:30:00",
            "price": "1.10",
            "kind": "x",
        }
    ]


def test_a_null_is_an_absent_parameter(tmp_path: Path) -> None:
    """And so is what pandas writes into a column of numbers where there is none (F6)."""
    table = pa.table({"id": ["a", "b"], "topic": ["Tea", None], "score": [float("nan"), 0.5]})

    assert rows(tmp_path, table) == [{"id": "a", "topic": "Tea"}, {"id": "b", "score": 0.5}]


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (pa.table({"name": ["a"]}), "a.parquet' has no column 'id' for ids; add it, or name the column that holds ids"),
        (pa.table([["a"], ["b"], ["c"]], names=["id", "x", "x"]), "a.parquet' has several columns 'x'"),
        (
            pa.table({"id": ["a", "b"], "image": [None, b"png"]}),
            "a.parquet, row 2' has a value that JSON cannot hold in column 'image' (bytes); turn the column into text",
        ),
    ],
)
def test_a_table_that_cannot_be_items_is_named(tmp_path: Path, table: pa.Table, complaint: str) -> None:
    """By file, and by row and column (F6)."""
    with pytest.raises(InvalidInput) as refused:
        rows(tmp_path, table)

    assert complaint in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"id,topic\n1,Tea\n", b"PAR1" + b"x" * 100 + b"PAR1"])
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, data: bytes) -> None:
    """Whatever the library says of it (F6)."""
    tmp_path.joinpath("a.parquet").write_bytes(data)

    with pytest.raises(InvalidInput, match=r"a\.parquet' is no Parquet file that can be read \(.+\); write it anew"):
        read(tmp_path, parquet="a.parquet")
