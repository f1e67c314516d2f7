"""Items from a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from batch_pipelines.addresses import AnyPath
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.inputs.columns import check_columns
from batch_pipelines.inputs.filtering import Filter
from batch_pipelines.inputs.lines import LONGEST_LINE_BYTES, numbered_lines
from batch_pipelines.inputs.source import FIELD, Record


def read_csv(path: AnyPath, id_field: str, wanted: Filter) -> Iterator[Record]:
    """A line of column names, then one item a row; an empty cell is an absent parameter, blank lines are passed over.

    A quoted cell may go over several lines. Raises InvalidInput naming file and line.
    """
    # The library's own limit of 131,072 characters is less than a long document; there is one for the whole process.
    csv.field_size_limit(LONGEST_LINE_BYTES)
    header: list[str] = []
    for number, cells in _numbered_rows(path):
        if not header:
            header = cells
            check_columns(header, f"{path}, line {number}", id_field, wanted.names)
            continue
        if len(cells) != len(header):
            problem = f"has {_cells(len(cells))}, where the columns are {len(header)}"
            remedy = "quote cells that hold commas or line ends, and leave no cell out"
            raise InvalidInput(FIELD, f"{path}, line {number}", problem, remedy)
        yield Record(f"line {number}", {name: cell for name, cell in zip(header, cells, strict=True) if cell})


def _numbered_rows(path: AnyPath) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the line on which it begins."""
    rows = csv.reader((line for _, line in numbered_lines(path)), strict=True)
    begin = 1
    try:
        for cells in rows:
            if cells:
                yield begin, cells
            begin = rows.line_num + 1
    except csv.Error as error:
        where = f"{path}, line {begin}"
        raise InvalidInput(FIELD, where, f"is not CSV: {error}", "mend the row that begins there") from None


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"
