"""Tests of batch_pipelines.estimation.money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.estimation.money import per_item, plain, spoken


@pytest.mark.parametrize(
    ("amount", "text"),
    [("3.0600", "3.06"), ("3E+1", "30"), ("100", "100"), ("0.000", "0"), ("0E-9", "0"), ("-1.50", "-1.5")],
)
def test_plain_amounts_have_neither_trailing_zeros_nor_exponents(amount: str, text: str) -> None:
    """Money in JSON reads as people write it."""
    assert str(plain(Decimal(amount))) == text


@given(st.decimals(min_value=0, max_value=10**9, places=10))
def test_plain_changes_no_value(amount: Decimal) -> None:
    """Only the notation changes."""
    assert plain(amount) == amount


@pytest.mark.parametrize(
    ("total", "count", "each"),
    [("25.50", 100, "0.255"), ("1", 3, "0.3333333333"), ("2", 3, "0.6666666667"), ("0", 7, "0")],
)
def test_average_is_exact_where_it_can_be(total: str, count: int, each: str) -> None:
    """An average that does not end is rounded to 1e-10 USD."""
    assert str(per_item(Decimal(total), count)) == each


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("33.75", "33.75 USD"),
        ("1", "1.00 USD"),
        ("12345.678", "12,345.68 USD"),
        ("0.3375", "0.338 USD"),
        ("0.0000012345", "0.00000123 USD"),
        ("0", "0.00 USD"),
    ],
)
def test_spoken_amounts_keep_what_matters(amount: str, text: str) -> None:
    """Cents are enough from one dollar on, and a small amount is not spoken as nothing."""
    assert spoken(Decimal(amount)) == text
