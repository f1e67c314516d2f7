"""Tests of batch_pipelines.delivery.table."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from batch_pipelines.delivery.table import cell, write_csv


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('=HYPERLINK("http://x","y")', '\'=HYPERLINK("http://x","y")'),
        ("+1+1", "'+1+1"),
        ("-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),  # noqa: RUF001  # a spreadsheet takes it for an equals sign
        ("-inf", "'-inf"),
        ("-1_000", "'-1_000"),
        ("-", "'-"),
        ("-5", "-5"),
        ("+3.5e-7", "+3.5e-7"),
        ("-1,234.50", "-1,234.50"),
        ("a = b", "a = b"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_no_text_becomes_a_formula(text: str, shown: str) -> None:
    """A spreadsheet shows it; numbers with a sign stay numbers (G3)."""
    assert cell(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, ""), (True, "true"), (-5, "-5"), (0.1, "0.1"), (["=1"], '["=1"]'), ({"a": "é"}, '{"a": "é"}')],
)
def test_other_values_are_written_as_json(value: Any, shown: str) -> None:
    """So that a program can read them again; a null is an empty cell."""
    assert cell(value) == shown


def test_rows_are_read_back_as_they_were() -> None:
    """Names of columns are as harmless as cells, and quotes and line ends stay inside theirs (F7, G3)."""
    file = io.BytesIO()

    count = write_csv(file, [{"id": "a", "=x": 'says "no"\nand, goes'}, {"id": "b"}], ["id", "=x"])

    assert count == 2
    assert list(csv.reader(io.StringIO(file.getvalue().decode(), newline=""))) == [
        ["id", "'=x"],
        ["a", 'says "no"\nand, goes'],
        ["b", ""],
    ]
