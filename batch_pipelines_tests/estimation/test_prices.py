"""Tests of batch_pipelines.estimation.prices, against the price library itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from time import tzset
from types import SimpleNamespace

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import ClauseEquals, ConditionalPrice, ModelInfo, ModelPrice, Provider, TimeOfDateConstraint
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.errors import UnknownPrice
from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation import prices as prices_module
from batch_pipelines.estimation.library_prices import Quote, quote
from batch_pipelines.estimation.prices import Price, PriceBook

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LIBRARY_MODELS = sorted(model.id for provider in providers if provider.id == "anthropic" for model in provider.models)
TIERED_MODEL = "claude-haiku-5-5"
"""Dearer as a whole above 100,000 tokens of input."""
DATED_MODEL = "claude-opus-4-6"
"""Had a dearer price for long inputs until 2026-03-13."""

counts = st.one_of(st.integers(0, 5_000), st.integers(0, 400_000))
usages = st.builds(
    Usage,
    input_tokens=counts,
    output_tokens=counts,
    cache_read_input_tokens=counts,
    cache_creation_input_tokens=counts,
)
moments = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def stated(model: str = "mine", read: str | None = None, since: date | None = None, **usd: str) -> Price:
    """A price of 3 and 15 USD per million tokens, unless said otherwise."""
    figures = {"input_usd_per_mtok": "3", "output_usd_per_mtok": "15"} | usd
    if read is not None:
        figures["cache_read_usd_per_mtok"] = read
    return Price(model=model, valid_from=since, **{name: Decimal(figure) for name, figure in figures.items()})


def by_library(model: str, usage: Usage, at: datetime) -> genai_prices.types.PriceCalculation:
    """What the library itself makes of a usage; its `input_tokens` include the cached ones."""
    counted = genai_prices.Usage(
        input_tokens=usage.total_input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_input_tokens,
        cache_write_tokens=usage.cache_creation_input_tokens,
    )
    return genai_prices.calc_price(counted, model, provider_id="anthropic", genai_request_timestamp=at)


@pytest.mark.parametrize(
    ("input_tokens", "output_tokens", "usd"),
    [(2000, 3000, "0.255"), (2500, 4000, "0.3375"), (3000, 5000, "0.42")],
)
def test_cost_of_one_conversation(
    prices: PriceBook, at: datetime, input_tokens: int, output_tokens: int, usd: str
) -> None:
    """At 15 and 75 USD per million tokens the three conversations cost what the requirement says (C2)."""
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)

    assert str(prices.cost("dear", usage, at)) == usd


@settings(deadline=None, max_examples=300)
@given(model=st.sampled_from(LIBRARY_MODELS), usage=usages, at=moments)
def test_cost_is_what_the_library_says(model: str, usage: Usage, at: datetime) -> None:
    """Rates kept for a day give exactly the library's amounts, for every model, size of input and date."""
    book, expected = PriceBook(), by_library(model, usage, at)

    assert book.cost(model, usage, at) == expected.total_price
    shares = book.breakdown(model, usage, at)
    assert (shares.input_usd, shares.output_usd) == (expected.input_price, expected.output_price)


@pytest.mark.parametrize(
    ("usage", "usd"),
    [
        (Usage(input_tokens=100_000, output_tokens=1_000), "0.0105"),
        (Usage(input_tokens=100_001, output_tokens=1_000), "0.0525005"),
        (Usage(input_tokens=1, cache_read_input_tokens=100_000, output_tokens=1_000), "0.0075005"),
        (Usage(input_tokens=1, cache_creation_input_tokens=100_000, output_tokens=1_000), "0.0650005"),
    ],
)
def test_long_inputs_are_billed_as_a_whole(usage: Usage, usd: str) -> None:
    """One token over the threshold makes the whole call dearer, output included, and cached input counts too."""
    assert PriceBook().cost(TIERED_MODEL, usage, AT) == Decimal(usd) == by_library(TIERED_MODEL, usage, AT).total_price


def test_one_book_keeps_days_apart() -> None:
    """A price that ended is still used for calls made before its end, whichever is asked for first."""
    book, usage = PriceBook(), Usage(input_tokens=200_001)

    new = book.cost(DATED_MODEL, usage, datetime(2026, 3, 13, tzinfo=UTC))
    old = book.cost(DATED_MODEL, usage, datetime(2026, 3, 12, 23, 59, tzinfo=UTC))

    assert (new, old) == (Decimal("1.000005"), Decimal("2.00001"))


@given(usage=usages)
def test_shares_sum_up_exactly(usage: Usage) -> None:
    """Input and output side together are the cost, to the last digit."""
    book = PriceBook([stated(read="0.07", input_usd_per_mtok="0.33", output_usd_per_mtok="1.7")])

    shares = book.breakdown("mine", usage, AT)

    assert shares.input_usd + shares.output_usd == book.cost("mine", usage, AT)


def test_stated_price_goes_first() -> None:
    """A stated price replaces the library's for that model and for no other."""
    book, usage = PriceBook([stated("claude-opus-5-5")]), Usage(input_tokens=1_000_000)

    assert book.cost("claude-opus-5-5", usage, AT) == 3
    assert book.cost("claude-opus-5", usage, AT) == 5


@pytest.mark.parametrize(
    ("at", "usd"),
    [
        (datetime(2026, 9, 30, 23, 59, tzinfo=UTC), 1),
        (datetime(2026, 10, 1, tzinfo=UTC), 2),
        (datetime(2026, 10, 31, 23, 59, tzinfo=UTC), 2),
        (datetime(2026, 11, 1, tzinfo=UTC), 3),
        (datetime(2026, 10, 31, 22, 30, tzinfo=timezone(timedelta(hours=-2))), 3),
        (datetime(2026, 11, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), 2),
        (datetime(2026, 11, 1), 3),
    ],
)
def test_stated_price_holds_from_its_day(at: datetime, usd: int) -> None:
    """The latest price that has begun holds; days are UTC days, and a naive moment is UTC."""
    book = PriceBook(
        [
            stated(input_usd_per_mtok="2", since=date(2026, 10, 1)),
            stated(input_usd_per_mtok="3", since=date(2026, 11, 1)),
            stated(input_usd_per_mtok="1"),
        ]
    )

    assert book.cost("mine", Usage(input_tokens=1_000_000), at) == usd


@pytest.fixture
def far_west() -> Iterator[None]:
    """The machine's local time is ten hours behind UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "FAR+10")
        tzset()
        yield
    tzset()


@pytest.mark.usefixtures("far_west")
def test_naive_moment_does_not_depend_on_the_machine() -> None:
    """A moment without a zone is UTC wherever the machine stands."""
    book = PriceBook([stated(input_usd_per_mtok="1"), stated(input_usd_per_mtok="2", since=date(2026, 11, 2))])

    assert book.cost("mine", Usage(input_tokens=1_000_000), datetime(2026, 11, 1, 20)) == 1


def test_library_holds_until_a_stated_price_begins() -> None:
    """A stated price of the future leaves the present to the library."""
    book = PriceBook([stated("claude-opus-5-5", since=date(2026, 12, 1))])

    assert book.cost("claude-opus-5-5", Usage(input_tokens=1_000_000), AT) == 4


@pytest.mark.parametrize("model", ["claude-mythos-5", "gpt-4o", "claude", "nobody's", ""])
def test_model_without_a_price_is_an_error(model: str) -> None:
    """Unknown is not zero: every question about an unpriced model raises, and names it (C6)."""
    book = PriceBook()

    assert not book.knows(model)
    for ask in (
        lambda: book.cost(model, Usage(), AT),
        lambda: book.breakdown(model, Usage(), AT),
        lambda: book.upper_bound(model, 1, 1, AT),
    ):
        with pytest.raises(UnknownPrice) as caught:
            ask()
        assert caught.value.model == model


def test_price_that_has_not_begun_is_no_price() -> None:
    """A model that only the future prices is known, but cannot be billed today."""
    book = PriceBook([stated(since=date(2026, 12, 1))])

    assert book.knows("mine")
    with pytest.raises(UnknownPrice):
        book.cost("mine", Usage(input_tokens=1), AT)


def test_known_models() -> None:
    """Stated models and the library's are known."""
    book = PriceBook([stated()])

    assert [book.knows(model) for model in ("mine", "claude-opus-5-5", "yours")] == [True, True, False]


def test_cache_prices_follow_the_input_price() -> None:
    """A price that does not mention the cache takes a tenth of the input price for reads and 1.25 of it for writes."""
    price = stated(input_usd_per_mtok="15")

    assert (price.cache_read_usd_per_mtok, price.cache_creation_usd_per_mtok) == (Decimal("1.5"), Decimal("18.75"))


@settings(deadline=None)
@given(
    model=st.sampled_from(["claude-haiku-5-5", "claude-opus-5-5", "claude-sonnet-4-5", "claude-2", "odd"]),
    usage=usages,
    unused=st.integers(0, 5_000),
)
def test_no_call_costs_more_than_its_upper_bound(model: str, usage: Usage, unused: int) -> None:
    """Whichever way its input is cached and whatever it answers, a call stays within its worst case (D6)."""
    book = PriceBook([stated("odd", read="9")])
    bound = book.upper_bound(model, usage.total_input_tokens, usage.output_tokens + unused, AT)

    assert book.cost(model, usage, AT) <= bound


def test_upper_bound_takes_the_dearer_of_input_and_cache_write() -> None:
    """A cache write costs more than plain input, so the worst case is a call that writes all its input."""
    assert PriceBook().upper_bound("claude-opus-5-5", 1_000_000, 1_000_000, AT) == 5 + 20


def test_library_is_asked_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine prices every call, so a model's rates are looked up once for each UTC day."""
    asked: list[datetime] = []

    def counting(model: str, at: datetime) -> Quote | None:
        asked.append(at)
        return quote(model, at)

    monkeypatch.setattr(prices_module, "quote", counting)
    book = PriceBook()

    for hour in range(36):
        book.cost("claude-opus-5-5", Usage(input_tokens=1), datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=hour))

    assert [at.day for at in asked] == [20, 21]


@pytest.fixture
def night_rate() -> Iterator[None]:
    """The library with one model that costs half before noon."""
    day, night = (ModelPrice(input_mtok=Decimal(usd), output_mtok=Decimal(usd)) for usd in (10, 5))
    model = ModelInfo(
        id="owl",
        match=ClauseEquals(equals="owl"),
        prices=[
            ConditionalPrice(prices=day),
            ConditionalPrice(constraint=TimeOfDateConstraint(time(0), time(12)), prices=night),
        ],
    )
    provider = Provider(id="anthropic", name="Anthropic", api_pattern="", models=[model])
    set_custom_snapshot(DataSnapshot(providers=[provider], from_auto_update=False))
    yield
    set_custom_snapshot(None)


@pytest.mark.usefixtures("night_rate")
def test_rates_that_change_within_a_day_are_not_kept() -> None:
    """A price by time of day is asked for anew, so that noon changes the bill."""
    book, usage = PriceBook(), Usage(input_tokens=1_000_000)
    morning, evening = (datetime(2026, 11, 20, hour, tzinfo=UTC) for hour in (11, 13))

    assert [book.cost("owl", usage, at) for at in (morning, evening, morning)] == [5, 10, 5]


def test_model_priced_by_anything_but_tokens_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library price without figures for input and output tokens is no price for our calls."""
    partial = SimpleNamespace(model_price=ModelPrice(input_mtok=Decimal(1)), model=None)
    monkeypatch.setattr(genai_prices, "calc_price", lambda *_, **__: partial)

    assert not PriceBook().knows("half-priced")


def test_price_library_is_imported_late() -> None:
    """The command line's help does not wait for the price library."""
    code = "import sys, batch_pipelines.estimation.estimator; sys.exit('genai_prices' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("model", "usd_per_mtok"),
    [
        ("voyage-4", "0.06"),
        ("voyage-3-large", "0.18"),
        ("text-embedding-3-small", "0.02"),
        ("mistral-embed", "0.1"),
        ("embed-v4.0", "0.12"),
        ("gemini-embedding-001", "0.15"),
    ],
)
def test_embedding_models_of_other_vendors_are_priced(model: str, usd_per_mtok: str) -> None:
    """By what they read; a vector is no output that costs (B4, C6)."""
    book = PriceBook()

    assert book.knows(model)
    assert book.cost(model, Usage(input_tokens=1_000_000), AT) == Decimal(usd_per_mtok)
    assert book.upper_bound(model, 1_000_000, 0, AT) == Decimal(usd_per_mtok)


@pytest.mark.parametrize("model", ["voyage", "embed", "my-embedder", "gpt-5", "mistral-large-latest", "rerank-v3.5"])
def test_other_models_of_these_vendors_have_no_price(model: str) -> None:
    """No provider serves them, so a name of theirs is a mistake."""
    assert not PriceBook().knows(model)
