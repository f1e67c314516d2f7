"""The price book: what a model's tokens cost at a moment. Estimates, budgets and bills all ask here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from batch_pipelines.domain.errors import UnknownPrice
from batch_pipelines.domain.estimate import CostBreakdown
from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation.library_prices import ANY_INPUT, quote
from batch_pipelines.estimation.money import plain
from batch_pipelines.estimation.rates import Band, Rates, usd_per_token

CACHE_READ_SHARE = Decimal("0.1")
"""Of the input price, for a price that does not say; what most of the provider's models charge."""
CACHE_CREATION_SHARE = Decimal("1.25")
"""Of the input price, for a price that does not say; the provider's rate for entries kept five minutes."""
BEFORE_ALL_DATES = date.min


FINEST_PRICE = Decimal("0.000001")
"""Per million tokens: a pico-dollar a token, the finest that the ledger keeps."""

StatedPrice = Annotated[Decimal, Field(ge=0, decimal_places=6)]


def _share_of_input(share: Decimal) -> Any:
    return lambda given: (given["input_usd_per_mtok"] * share).quantize(FINEST_PRICE)


class Price(BaseModel):
    """A price that somebody stated, in USD per million tokens; it goes before the library's.

    `model` is compared whole, with the name that a call asks for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(min_length=1)
    input_usd_per_mtok: StatedPrice
    output_usd_per_mtok: StatedPrice
    cache_read_usd_per_mtok: StatedPrice = Field(default_factory=_share_of_input(CACHE_READ_SHARE))
    cache_creation_usd_per_mtok: StatedPrice = Field(default_factory=_share_of_input(CACHE_CREATION_SHARE))
    valid_from: date | None = None
    """First UTC day it holds; None for always. It holds until a later price of the same model does."""

    @property
    def starts(self) -> date:
        """`valid_from`, comparable."""
        return self.valid_from or BEFORE_ALL_DATES

    def rates(self) -> Rates:
        """The same as rates per token, alike for inputs of any size."""
        band = Band(
            above=ANY_INPUT,
            input_usd=usd_per_token(self.input_usd_per_mtok),
            output_usd=usd_per_token(self.output_usd_per_mtok),
            cache_read_usd=usd_per_token(self.cache_read_usd_per_mtok),
            cache_creation_usd=usd_per_token(self.cache_creation_usd_per_mtok),
        )
        return Rates((band,))


class PriceBook:
    """Stated prices in front of the library's. Amounts are exact: nothing is rounded.

    Every method that takes a moment `at` takes a naive one as UTC and raises UnknownPrice for a model nobody prices at
    that moment. The first question about a model that is not stated imports the library, which takes up to 0.5 s.
    """

    def __init__(self, overrides: Iterable[Price] = ()) -> None:
        # Sorting is stable: of two prices from the same day on, the one given later is found first.
        self._overrides = sorted(overrides, key=lambda price: price.starts)[::-1]
        # Asking the library costs about 0.1 ms and the engine asks for every call, so a day's rates are kept.
        self._known: dict[tuple[str, date], Rates] = {}

    def knows(self, model: str) -> bool:
        """Whether somebody prices this model, be it from a later date on."""
        if any(price.model == model for price in self._overrides):
            return True
        # The library prices a model at every date or never: before its first date the first price holds.
        return quote(model, datetime.min.replace(tzinfo=UTC)) is not None

    def cost(self, model: str, usage: Usage, at: datetime) -> Decimal:
        """USD of one call that used this much."""
        band = self._rates(model, at).band(usage.total_input_tokens)
        return plain(band.input_side(usage) + band.output_side(usage))

    def breakdown(self, model: str, usage: Usage, at: datetime) -> CostBreakdown:
        """USD of one call by direction, the cache being on the input side; the two sum up to its cost."""
        band = self._rates(model, at).band(usage.total_input_tokens)
        return CostBreakdown(input_usd=plain(band.input_side(usage)), output_usd=plain(band.output_side(usage)))

    def upper_bound(self, model: str, input_tokens: int, max_tokens: int, at: datetime) -> Decimal:
        """USD that one call with this much input cannot exceed, however its input is cached and however long it
        answers within `max_tokens`."""
        band = self._rates(model, at).band(input_tokens)
        return plain(band.dearest_input_usd * input_tokens + band.output_usd * max_tokens)

    def _rates(self, model: str, at: datetime) -> Rates:
        day = (at.astimezone(UTC) if at.tzinfo else at).date()
        known = self._known.get((model, day))
        return known or self._look_up(model, day, at)

    def _look_up(self, model: str, day: date, at: datetime) -> Rates:
        stated = next((price for price in self._overrides if price.model == model and price.starts <= day), None)
        if stated:
            return self._known.setdefault((model, day), stated.rates())
        quoted = quote(model, at)
        if quoted is None:
            raise UnknownPrice(model)
        if quoted.all_day:
            self._known[model, day] = quoted.rates
        return quoted.rates
