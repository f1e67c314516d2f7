"""Amounts of money as people and JSON read them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
CENT = Decimal("0.01")
SMALLEST_SHARE = Decimal("1e-10")
"""USD; a token priced at 0.0001 USD per million costs exactly this, so the price of a call needs no finer step."""


def plain(amount: Decimal) -> Decimal:
    """The same amount without trailing zeros and without a positive exponent: 3.0600 is 3.06, and 3E+1 is 30."""
    return amount.normalize() + ZERO


def per_item(total: Decimal, count: int) -> Decimal:
    """USD of one item on average, rounded to 1e-10 USD; exact where all items cost the same. `count` is at least 1."""
    return plain((total / count).quantize(SMALLEST_SHARE, rounding=ROUND_HALF_EVEN))


def spoken(amount: Decimal) -> str:
    """An amount for a sentence: in cents from one dollar on, below that with three significant digits."""
    if abs(amount) >= 1 or amount == 0:
        return f"{amount.quantize(CENT):,f} USD"
    return f"{plain(Decimal(f'{amount:.3g}')):f} USD"
