"""Tests of batch_pipelines.delivery.rows."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.delivery.rows import Rows, output_row, value_of
from batch_pipelines.domain.delivery import Content
from batch_pipelines.domain.job import ItemResult
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines_tests.delivery.samples import failure, given, result


@pytest.mark.parametrize(
    ("output", "row"),
    [
        ({"title": "A", "year": 1}, {"id": "i", "title": "A", "year": 1}),
        ([0.5, 1], {"id": "i", "vector": [0.5, 1]}),
        ("A text", {"id": "i", "output": "A text"}),
        ("42", {"id": "i", "output": "42"}),
        ("[]", {"id": "i", "output": "[]"}),
        ("[true]", {"id": "i", "output": "[true]"}),
        ('["a"]', {"id": "i", "output": '["a"]'}),
        ('{"a": NaN}', {"id": "i", "output": '{"a": NaN}'}),
        ("{no JSON", {"id": "i", "output": "{no JSON"}),
        ("[" * 100_000, {"id": "i", "output": "[" * 100_000}),
        ('{"id": "theirs", "a": 1}', {"id": "i", "output_id": "theirs", "a": 1}),
        ('{"id": "i", "a": 1}', {"id": "i", "a": 1}),
        ("", {"id": "i", "output": ""}),
    ],
)
def test_an_output_gives_the_fields_of_its_row(output: Any, row: dict[str, Any]) -> None:
    """An object its fields, a list of numbers a vector, anything else itself (F7)."""
    assert output_row(result("i", output)) == row


def test_half_characters_are_replaced() -> None:
    """A file of UTF-8 could not hold them; a whole character in two halves stays."""
    assert value_of(r'{"a": "\ud83d\ude00 \ud83d"}') == {"a": "\U0001f600 ?"}


def rows(*results: ItemResult, content: Content = Content.OUTPUTS, distinct: bool = False) -> Rows:
    """Rows of these results, of a simulation."""
    return Rows(given(*results), content, simulated=True, distinct=distinct)


def test_outputs_are_of_completed_items_alone() -> None:
    """One that failed, or has not ended, has no row."""
    pending = result("c", None, status=ItemStatus.PENDING)

    assert [row["id"] for row in rows(result("a", "x"), failure("b"), pending)] == ["a"]


def test_results_are_of_all_items_and_say_what_is_simulated() -> None:
    """With everything known about them, the reason of a failure too (E2)."""
    first, second = rows(result("a", "x"), failure("b"), content=Content.RESULTS)

    assert first == result("a", "x").as_line() | {"simulated": True}
    assert (second["item_id"], second["status"]) == ("b", "failed")
    assert second["error"] == failure("b").as_line()["error"]


@pytest.mark.parametrize("content", Content)
def test_repeats_are_left_out_where_that_is_wanted(content: Content) -> None:
    """The first of equal outputs stays, the order of fields means nothing, and failures never repeat each other."""
    found = rows(
        result("a", '{"x": 1, "y": 2}'),
        result("b", '{"y": 2, "x": 1}'),
        result("c", '{"x": 1, "y": 3}'),
        failure("d"),
        failure("e"),
        content=content,
        distinct=True,
    )
    name = "id" if content is Content.OUTPUTS else "item_id"

    for _ in range(2):
        kept = [row[name] for row in found]
        assert kept == (["a", "c"] if content is Content.OUTPUTS else ["a", "c", "d", "e"])
        assert found.repeats == 1
