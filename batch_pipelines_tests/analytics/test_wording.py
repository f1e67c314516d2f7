"""Tests of batch_pipelines.analytics.wording."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batch_pipelines.analytics.wording import (
    duration,
    milliseconds,
    money,
    percent,
    signed_duration,
    signed_money,
    tier_name,
)


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (None, False, "unknown"),
        (0.0, True, "0 %"),
        (-0.04, True, "0 %"),
        (5.33, True, "+5.3 %"),
        (-14.0, True, "-14 %"),
        (95.56, False, "95.6 %"),
        (1727.3, True, "+1,727.3 %"),
    ],
)
def test_percent(value: float | None, signed: bool, text: str) -> None:
    """Percentages have one digit after the point at most, and zero has no sign."""
    assert percent(value, signed=signed) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "unknown"), (842.4, "842 ms"), (1240.0, "1.2 s"), (119_000.0, "119.0 s"), (180_000.0, "3 minutes")],
)
def test_milliseconds(value: float | None, text: str) -> None:
    """Durations are told in the unit that suits them."""
    assert milliseconds(value) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(None, "unknown"), ("0.8", "0.80 USD"), ("0.3555", "0.356 USD"), ("1234.5", "1,234.50 USD"), ("0", "0.00 USD")],
)
def test_money(amount: str | None, text: str) -> None:
    """Amounts have cents at least, and small ones three significant digits."""
    assert money(None if amount is None else Decimal(amount)) == text


@pytest.mark.parametrize(
    ("amount", "text"), [("1.625", "+1.62 USD"), ("-0.13", "-0.13 USD"), ("0", "0.00 USD"), ("0.00042", "+0.00042 USD")]
)
def test_signed_money(amount: str, text: str) -> None:
    """A difference of money has a sign unless it is none."""
    assert signed_money(Decimal(amount)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.24, "1.2 seconds"),
        (9.0, "9.0 seconds"),
        (59.9, "59.9 seconds"),
        (61.2, "1 minute 1 second"),
        (660.0, "11 minutes"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    """Short durations are told to a tenth of a second, long ones in words."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "none"),
        (0.62, "+0.6 seconds"),
        (-21.1, "-21.1 seconds"),
        (88.0, "+1 minute 28 seconds"),
        (-660.0, "-11 minutes"),
    ],
)
def test_signed_duration(seconds: float, text: str) -> None:
    """A difference of time has a sign unless it is none."""
    assert signed_duration(seconds) == text


@pytest.mark.parametrize(("tier", "name"), [(None, "all items"), ("edge_case", "edge case")])
def test_tier_name(tier: str | None, name: str) -> None:
    """Tiers are told in words."""
    assert tier_name(tier) == name
