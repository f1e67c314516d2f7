"""Figures as a report writes them. What is unknown is written `unknown`."""

from __future__ import annotations

from decimal import Decimal

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.estimation.duration import formatted
from batch_pipelines.estimation.money import spoken

UNKNOWN = "unknown"
SHORT_SECONDS = 60


def tier_name(tier: str | None) -> str:
    """A tier for people; items without one are all of a kind."""
    return "all items" if tier is None else Tier(tier).value.replace("_", " ")


def money(amount: Decimal | None) -> str:
    """An amount with its unit, in cents at least."""
    if amount is None:
        return UNKNOWN
    number, unit = spoken(amount).split()
    whole, _, cents = number.partition(".")
    return f"{whole}.{cents:0<2} {unit}"


def signed_money(amount: Decimal) -> str:
    """A difference with its sign; zero has none."""
    return f"+{money(amount)}" if amount > 0 else money(amount)


def duration(seconds: float) -> str:
    """A duration in words; short ones with a digit after the point, as there half a second is much."""
    return f"{seconds:.1f} seconds" if seconds < SHORT_SECONDS else formatted(seconds)


def signed_duration(seconds: float) -> str:
    """A difference of durations in words, with its sign; below a tenth of a second there is none to speak of."""
    if round(abs(seconds), 1) == 0:
        return "none"
    return f"{'+' if seconds > 0 else '-'}{duration(abs(seconds))}"


def percent(value: float | None, *, signed: bool = False) -> str:
    """A percentage with one digit after the point at most."""
    if value is None:
        return UNKNOWN
    rounded = round(value, 1) + 0.0  # adding it makes -0.0 a plain zero
    text = f"{rounded:+,.1f}" if signed and rounded else f"{rounded:,.1f}"
    return f"{text.removesuffix('.0')} %"


def milliseconds(value: float | None) -> str:
    """A duration of a call in the unit that suits it."""
    if value is None:
        return UNKNOWN
    if value < 1000:
        return f"{value:.0f} ms"
    return f"{value / 1000:.1f} s" if value < 120_000 else formatted(value / 1000)


def count(number: int, noun: str) -> str:
    """`1 item`, `1,200 items`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
