"""Tests of batch_pipelines.delivery.columns."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.delivery.columns import JSON, MOST_COLUMNS, Kind, Scalar, columns_of
from batch_pipelines.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], Kind(Scalar.NOTHING)),
        ([True, None, False], Kind(Scalar.BOOLEAN)),
        ([1, 2], Kind(Scalar.INTEGER)),
        ([None, 1, 2.5], Kind(Scalar.NUMBER)),
        (["a", None], Kind(Scalar.TEXT)),
        (["a", 1], JSON),
        ([True, 1], JSON),
        ([1, 2**63], JSON),
        ([{"a": 1}], JSON),
        ([{"a": 1}, "a"], JSON),
        ([[1, 2], [3.5], None], Kind(Scalar.NUMBER, is_list=True)),
        ([[], ["a"]], Kind(Scalar.TEXT, is_list=True)),
        ([["a", None]], Kind(Scalar.TEXT, is_list=True)),
        ([["a", 1]], JSON),
        ([["a"], "a"], JSON),
        ([[], 1], JSON),
        ([[[1]]], JSON),
    ],
)
@pytest.mark.parametrize("is_turned", [False, True], ids=["forwards", "backwards"])
def test_a_column_is_of_the_kind_that_fits_all_values(values: list[Any], kind: Kind, is_turned: bool) -> None:
    """In whatever order they come; what has no kind in common is JSON (F7)."""
    ordered = reversed(values) if is_turned else values

    assert columns_of({"x": value} for value in ordered) == {"x": kind}


def test_columns_are_in_the_order_in_which_fields_come_up() -> None:
    """A field that only a later row has stands behind."""
    assert list(columns_of([{"b": 1}, {"a": 1, "b": 2}, {"c": 3}])) == ["b", "a", "c"]


def test_a_table_is_only_so_wide() -> None:
    """Objects whose keys are values would make a column for each."""
    with pytest.raises(InvalidInput, match="over 1,000 different fields; deliver as jsonl"):
        columns_of({str(number): 1} for number in range(MOST_COLUMNS + 1))
