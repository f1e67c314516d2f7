"""Tests of batch_pipelines.estimation.interval."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.estimation.interval import COVERAGE, ITEM_SPREAD, SHARED_BIAS, cost_interval, half_width


@pytest.mark.parametrize(("items", "share"), [(1, 0.40406), (90, 0.10635), (10_000, 0.09808)])
def test_half_width_follows_from_the_assumptions(items: int, share: float) -> None:
    """It is 1.96 times the root of bias squared plus spread squared over items (C7)."""
    assert half_width(items) == pytest.approx(share, abs=1e-5)


def test_bounds_lie_around_the_expected_cost() -> None:
    """Bounds are rounded outwards, and the coverage is stated."""
    interval = cost_interval(Decimal("25.50"), 100)

    assert (str(interval.low_usd), str(interval.high_usd)) == ("22.808544", "28.191456")
    assert interval.coverage == COVERAGE == 0.95


def test_bounds_cover_what_they_say() -> None:
    """Of many batch jobs that behave as assumed, about 95 % end inside the bounds (C7)."""
    dice, items, jobs = random.Random(7), 25, 4_000
    interval = cost_interval(Decimal(items), items)

    inside = sum(
        interval.low_usd <= Decimal(_one_job(dice, items)) <= interval.high_usd  # an item is expected to cost 1 USD
        for _ in range(jobs)
    )

    assert inside / jobs == pytest.approx(COVERAGE, abs=0.01)


def _one_job(dice: random.Random, items: int) -> float:
    bias = dice.gauss(0, SHARED_BIAS)
    return sum(1 + bias + dice.gauss(0, ITEM_SPREAD) for _ in range(items))


@given(st.decimals(min_value=0, max_value=10**6, places=10), st.integers(1, 10**6))
def test_expected_cost_is_inside(expected: Decimal, items: int) -> None:
    """Low is at most the expected cost and never negative, high at least the expected cost."""
    interval = cost_interval(expected, items)

    assert 0 <= interval.low_usd <= expected <= interval.high_usd


@given(st.integers(1, 10**6))
def test_more_items_narrow_the_bounds_down_to_the_bias(items: int) -> None:
    """Items average out; what they share does not."""
    assert 1.959 * SHARED_BIAS < half_width(items + 1) < half_width(items)
