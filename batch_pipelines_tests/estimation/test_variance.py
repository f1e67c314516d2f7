"""Tests of batch_pipelines.estimation.variance."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batch_pipelines.estimation.variance import cost_variance, time_variance


@pytest.mark.parametrize(
    ("estimated", "actual", "difference", "percentage", "within"),
    [
        ("25.50", "25.50", "0", 0, True),
        ("25.50", "28.05", "2.55", 10, True),
        ("25.50", "28.0501", "2.5501", 10, False),
        ("25.50", "22.95", "-2.55", -10, True),
        ("25.50", "22.90", "-2.6", -10.2, False),
        ("0.30", "0.33", "0.03", 10, True),
        ("0", "0", "0", None, True),
        ("0", "0.01", "0.01", None, False),
    ],
)
def test_cost(estimated: str, actual: str, difference: str, percentage: float | None, within: bool) -> None:
    """Cost is within its margin up to 10 % either way, judged on the exact figures (C5)."""
    variance = cost_variance(Decimal(estimated), Decimal(actual))

    assert str(variance.difference_usd) == difference
    assert (variance.percentage, variance.within_margin) == (percentage, within)


@pytest.mark.parametrize(
    ("estimated", "actual", "difference", "percentage", "within"),
    [
        (660, 660, 0, 0, True),
        (660, 792, 132, 20, True),
        (660, 792.1, 132.1, 20.02, False),
        (660, 528, -132, -20, True),
        (1.1, 1.32, 0.22, 20, True),
        (0, 0, 0, None, True),
        (0, 1, 1, None, False),
    ],
)
def test_time(estimated: float, actual: float, difference: float, percentage: float | None, within: bool) -> None:
    """Time is within its margin up to 20 % either way (C5)."""
    variance = time_variance(estimated, actual)

    assert variance.difference_seconds == difference
    assert (variance.percentage, variance.within_margin) == (percentage, within)


def test_json_shapes() -> None:
    """Money is a decimal string and the field names carry the unit (C5)."""
    assert cost_variance(Decimal("10.00"), Decimal("10.50")).model_dump(mode="json") == {
        "estimated_usd": "10",
        "actual_usd": "10.5",
        "difference_usd": "0.5",
        "percentage": 5.0,
        "within_margin": True,
    }
    assert time_variance(100, 90).model_dump(mode="json") == {
        "estimated_seconds": 100.0,
        "actual_seconds": 90.0,
        "difference_seconds": -10.0,
        "percentage": -10.0,
        "within_margin": True,
    }
