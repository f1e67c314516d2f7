"""Tests of batch_pipelines.markdown."""

from __future__ import annotations

import pytest

from batch_pipelines.markdown import quoted, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 300 s.", "plain words, 300 s."),
        ("two\nlines\tand | a bar", "two lines and \\| a bar"),
        ("![x](http://a) <script>", "\\!\\[x\\](http://a) \\<script\\>"),
        ("a" * 200, "a" * 159 + "…"),
    ],
)
def test_quoted(text: str, shown: str) -> None:
    """Foreign text stays on its line and in its cell, and its markup has no effect (G3)."""
    assert quoted(text) == shown


def test_table() -> None:
    """The first column is text, figures are set to the right."""
    assert table(("Tier", "Items"), [("template", "30")]) == "| Tier | Items |\n| --- | ---: |\n| template | 30 |"
