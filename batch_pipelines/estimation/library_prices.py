"""Adapter of genai-prices: its price of a model, as rates. Only the prices shipped with it are read, never the net."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from batch_pipelines.estimation.rates import Band, Rates, usd_per_token

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

PROVIDER_ID = "anthropic"
"""Always stated: without it the library guesses, and other vendors sell models of the same name at other prices."""
EMBEDDING_PROVIDER_IDS = ("voyageai", "openai", "mistral", "cohere", "google")
"""Vendors whose embedding models are priced, in this order; no two of them give a model the same name."""
EMBEDDING_MODEL = re.compile(r"embed|^voyage-")
"""Names of embedding models; other models of these vendors are nobody's here, as no provider serves them."""
NOTHING = Decimal(0)
ANY_INPUT = -1
"""`above` of a band that takes inputs of any size."""


class Quote(NamedTuple):
    """What the library says about a model at a moment."""

    rates: Rates
    all_day: bool
    """Whether the rates hold for the whole UTC day; False for prices that differ by time of day."""


def quote(model: str, at: datetime) -> Quote | None:
    """The library's rates of a model at `at` (UTC when naive), or None where it does not price the model."""
    # Importing the library reads 1.6 MB of prices and takes up to half a second; `--help` must not wait for it.
    from genai_prices import Usage, calc_price

    vendors = EMBEDDING_PROVIDER_IDS if EMBEDDING_MODEL.search(model) else (PROVIDER_ID,)
    for vendor in vendors:
        with suppress(LookupError):
            found = calc_price(Usage(), model, provider_id=vendor, genai_request_timestamp=at)
            return _quote(found.model_price, found.model, has_output=vendor == PROVIDER_ID)
    return None


def _quote(price: ModelPrice, model: ModelInfo, *, has_output: bool) -> Quote | None:
    """A price as rates; None where a part of it is missing. A vector is no output that anybody charges for."""
    if price.input_mtok is None or (has_output and price.output_mtok is None):
        return None
    return Quote(_rates(price), _holds_all_day(model))


def _rates(price: ModelPrice) -> Rates:
    """Bands that start wherever one of the library's tiers starts."""
    columns = (price.input_mtok, price.output_mtok, price.cache_read_mtok, price.cache_write_mtok)
    starts = {tier.start for column in columns for tier in getattr(column, "tiers", ())}
    return Rates(tuple(_band(price, above) for above in (ANY_INPUT, *sorted(starts))))


def _band(price: ModelPrice, above: int) -> Band:
    plain_input = _price_above(price.input_mtok, above)
    plain_output = _price_above(price.output_mtok, above)
    assert plain_input is not None, "a quote has an input price"
    # The library counts cached tokens as plain input where a model has no price of its own for them.
    read = _price_above(price.cache_read_mtok, above)
    write = _price_above(price.cache_write_mtok, above)
    return Band(
        above=above,
        input_usd=usd_per_token(plain_input),
        output_usd=NOTHING if plain_output is None else usd_per_token(plain_output),
        cache_read_usd=usd_per_token(plain_input if read is None else read),
        cache_creation_usd=usd_per_token(plain_input if write is None else write),
    )


def _price_above(column: Decimal | TieredPrices | None, above: int) -> Decimal | None:
    """USD per MTok for inputs of just over `above` tokens."""
    if column is None or isinstance(column, Decimal):
        return column
    begun = [tier.price for tier in column.tiers if tier.start <= above]
    return begun[-1] if begun else column.base


def _holds_all_day(model: ModelInfo) -> bool:
    from genai_prices.types import TimeOfDateConstraint  # imported late for the reason given in `quote`

    prices = model.prices if isinstance(model.prices, list) else []
    return not any(isinstance(price.constraint, TimeOfDateConstraint) for price in prices)
