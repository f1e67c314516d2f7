"""Rows as CSV, with cells that no spreadsheet takes for a formula (requirement G3)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import BinaryIO

from pydantic import JsonValue

from batch_pipelines.delivery.columns import as_json
from batch_pipelines.delivery.rows import Row

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # spreadsheets know these too
"""What makes a spreadsheet compute a cell rather than show it."""
NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*([eE][+-]?[0-9]+)?")
GUARD = "'"
"""Before such a cell: spreadsheets then show the rest as text."""


def write_csv(file: BinaryIO, rows: Iterable[Row], names: Iterable[str]) -> int:
    """Write a line of column names and a line for each row; returns how many rows there were.

    A field that a row has not is an empty cell, as is a null.
    """
    names = list(names)
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.writer(text)
    writer.writerow([harmless(name) for name in names])
    count = 0
    for row in rows:
        count += 1
        writer.writerow([cell(row.get(name)) for name in names])
    # The file is its owner's to close.
    text.detach()
    return count


def cell(value: JsonValue) -> str:
    """A value as a cell shows it: texts harmless, lists and objects as JSON."""
    match value:
        case None:
            return ""
        case str():
            return harmless(value)
        case _:
            return as_json(value)


def harmless(text: str) -> str:
    """The text, guarded where a spreadsheet would compute it; a number with a sign stays one."""
    return GUARD + text if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text
