"""Items from a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines_tests.inputs.samples import read, source_of


def rows(folder: Path, data: bytes, **fields: Any) -> list[dict[str, Any]]:
    """The items of a file with this content."""
    folder.joinpath("a.csv").write_bytes(data)
    return read(folder, csv="a.csv", **fields)


def test_csv_is_a_header_and_one_item_a_row(tmp_path: Path) -> None:
    """An empty cell is an absent parameter; a quoted cell may hold commas and line ends (F6)."""
    data = b'\xef\xbb\xbfid,topic,emotion\r\n1,Tea,\r\n\r\n2,"a, ""b""\nc",Calm\r\n3,,\r\n'

    assert rows(tmp_path, data) == [
        {"id": "1", "topic": "Tea"},
        {"id": "2", "topic": 'a, "b"\nc', "emotion": "Calm"},
        {"id": "3"},
    ]


def test_a_row_is_named_by_the_line_on_which_it_begins(tmp_path: Path) -> None:
    """Line ends in quotes and blank lines count (F6)."""
    tmp_path.joinpath("a.csv").write_bytes(b'id,text\n1,"a\nb\nc"\n\n2,d\n')

    assert [record.place for record in source_of(tmp_path, csv="a.csv").records] == ["line 2", "line 6"]


def test_a_cell_may_hold_a_long_document(tmp_path: Path) -> None:
    """Python's own limit is 131,072 characters (F6)."""
    assert len(rows(tmp_path, b"id,text\n1," + b"x" * 500_000)[0]["text"]) == 500_000


def test_another_column_may_hold_the_ids(tmp_path: Path) -> None:
    """Then there need be no column `id` (F6)."""
    assert rows(tmp_path, b"isbn,title\n978,Alice\n", id_field="isbn") == [{"isbn": "978", "title": "Alice"}]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"id,topic\n1,Tea,Milk\n", "line 2' has 3 cells, where the columns are 2; quote cells that hold commas or"),
        (b"id,topic\n1,Tea\n\n2\n", "line 4' has 1 cell, where the columns are 2"),
        (b'id,topic\n1,"a\nb"\n2,"Tea\n', "line 4' is not CSV: unexpected end of data; mend the row that begins there"),
        (b'id,topic\n1,"a"b\n', "line 2' is not CSV: ',' expected after '\"'"),
        (b"id,topic\n1,Tea\n2,\xff\n", "line 3' is not UTF-8 (byte 2); save it as UTF-8"),
        (b"\n\nid,topic,topic\n", "line 3' has several columns 'topic'; give every column a name of its own"),
        (b",id\n1,2\n", "line 1' has no name for column 1; name every column"),
        (b"name;topic\n1;Tea\n", "line 1' has no column 'id' for ids; add it, or name the column that holds ids as"),
        (b"name,topic\n1,Tea\n", "as id_field: name, topic"),
    ],
)
def test_a_broken_row_is_named(tmp_path: Path, data: bytes, complaint: str) -> None:
    """By file and line (F6)."""
    with pytest.raises(InvalidInput, match=r"a\.csv") as refused:
        rows(tmp_path, data)

    assert complaint in str(refused.value)


def test_a_condition_on_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It would let nothing through, and say nothing (F6)."""
    with pytest.raises(InvalidInput, match=r"items\.where: 'yaer' is no column of .*a\.csv.*; use one of: id, year"):
        rows(tmp_path, b"id,year\n1,2020\n", where={"yaer": 2020})
