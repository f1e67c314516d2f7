"""A price book with the price of requirement C2, and a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batch_pipelines.estimation.prices import Price, PriceBook


@pytest.fixture
def at() -> datetime:
    """The moment that prices are asked for."""
    return datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def prices() -> PriceBook:
    """Stated prices for `dear` (15 and 75 USD per million tokens, as in C2) and `cheap` (a tenth of it)."""
    return PriceBook(
        [
            Price(model="dear", input_usd_per_mtok=Decimal(15), output_usd_per_mtok=Decimal(75)),
            Price(model="cheap", input_usd_per_mtok=Decimal("1.5"), output_usd_per_mtok=Decimal("7.5")),
        ]
    )
