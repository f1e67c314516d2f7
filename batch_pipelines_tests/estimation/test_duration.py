"""Tests of batch_pipelines.estimation.duration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from batch_pipelines.domain.estimate import TimeEstimate
from batch_pipelines.estimation.duration import Pace, estimate_time, formatted

UNLIMITED = Pace(requests_per_minute=None)

paces = st.builds(
    Pace,
    seconds_per_call=st.floats(0.01, 300),
    requests_per_minute=st.none() | st.integers(1, 10_000),
    input_tokens_per_minute=st.none() | st.integers(1_000, 10_000_000),
    output_tokens_per_minute=st.none() | st.integers(1_000, 10_000_000),
    overhead=st.floats(0, 1),
)
counts = st.integers(1, 10_000)
phases = st.integers(1, 10)


def timed(
    items: int = 90, calls: int = 1, concurrency: int = 3, pace: Pace | None = None, tokens: tuple[int, int] = (0, 0)
) -> TimeEstimate:
    """The estimate with the defaults of requirement C3, unless said otherwise."""
    return estimate_time(items, items * calls, concurrency, pace or Pace(), *tokens)


@pytest.mark.parametrize(
    ("items", "calls", "concurrency", "seconds", "text"),
    [
        (90, 1, 3, 660, "11 minutes"),
        (10, 3, 3, 220, "4 minutes"),
        (30, 3, 3, 660, "11 minutes"),
        (90, 3, 3, 1980, "33 minutes"),
        (90, 3, 5, 1188, "20 minutes"),
    ],
)
def test_source_tables(items: int, calls: int, concurrency: int, seconds: float, text: str) -> None:
    """The model gives both source tables from its parameters (C3)."""
    time = timed(items, calls, concurrency)

    assert time.seconds == seconds
    assert time.minutes == pytest.approx(seconds / 60, rel=1e-5)
    assert time.formatted == text
    assert time.effective_concurrency == concurrency
    assert not time.rate_limit_applied


def test_items_per_minute_agree_with_the_time() -> None:
    """The rate includes the overhead as the time does: rate times minutes is the number of items (C3)."""
    time = timed()

    assert time.items_per_minute == 8.182
    assert time.items_per_minute * time.minutes == pytest.approx(90, rel=1e-3)


def test_request_limit_cuts_the_concurrency() -> None:
    """At 50 requests per minute, calls of 20 seconds cannot be more than 16.67 at once (C3)."""
    time = timed(items=500, concurrency=50)

    assert (time.effective_concurrency, time.rate_limit_applied) == (16.67, True)
    assert time.seconds == 660


def test_limit_that_is_just_met_cuts_nothing() -> None:
    """A limit that lets exactly the wanted calls through is not applied."""
    assert not timed(concurrency=10, pace=Pace(requests_per_minute=30)).rate_limit_applied


@pytest.mark.parametrize(
    ("pace", "concurrency"),
    [
        (Pace(requests_per_minute=None, input_tokens_per_minute=12_000), 2),
        (Pace(requests_per_minute=None, output_tokens_per_minute=9_000), 1),
        (Pace(requests_per_minute=3, input_tokens_per_minute=12_000, output_tokens_per_minute=90_000), 1),
        (Pace(requests_per_minute=None, input_tokens_per_minute=1_000, output_tokens_per_minute=90_000), 0.1667),
    ],
)
def test_token_limits_cut_the_concurrency(pace: Pace, concurrency: float) -> None:
    """The tightest limit decides; here calls have 2,000 tokens of input and 3,000 of output on average."""
    time = timed(items=90, concurrency=5, pace=pace, tokens=(180_000, 270_000))

    assert (time.effective_concurrency, time.rate_limit_applied) == (concurrency, True)
    assert time.seconds == pytest.approx(90 * 20 / concurrency * 1.1, rel=1e-3)


def test_concurrency_never_exceeds_the_items() -> None:
    """Two items keep two calls busy, and each item still takes its calls one after the other."""
    time = timed(items=2, calls=3, concurrency=50, pace=UNLIMITED)

    assert (time.effective_concurrency, time.rate_limit_applied) == (2, False)
    assert time.seconds == 66


@pytest.mark.parametrize(("items", "hours"), [(180, None), (183, 1.01667)])
def test_hours_are_given_over_one_hour(items: int, hours: float | None) -> None:
    """Up to and with one hour there are no hours (C3)."""
    pace = Pace(overhead=0, requests_per_minute=None)

    assert timed(items=items, concurrency=1, pace=pace).hours == hours


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.02, "1 second"),
        (1.4, "1 second"),
        (8, "8 seconds"),
        (59.6, "1 minute"),
        (61, "1 minute 1 second"),
        (90, "1 minute 30 seconds"),
        (119.4, "1 minute 59 seconds"),
        (119.6, "2 minutes"),
        (150, "3 minutes"),
        (660, "11 minutes"),
        (3569, "59 minutes"),
        (3599, "1 hour"),
        (3900, "1 hour 5 minutes"),
        (7200, "2 hours"),
        (3_636_060, "1,010 hours 1 minute"),
    ],
)
def test_durations_in_words(seconds: float, text: str) -> None:
    """A duration reads as people say it."""
    assert formatted(seconds) == text


def test_short_calls_are_not_rounded_to_nothing() -> None:
    """The simulated provider's calls take milliseconds, and the figures still say something."""
    time = timed(items=9, pace=Pace(seconds_per_call=0.0002, requests_per_minute=None))

    assert (time.seconds, time.minutes, time.formatted) == (0.00066, 0.000011, "1 second")


@given(items=counts, calls=phases, concurrency=counts, more=counts, pace=paces, tokens=st.integers(0, 10**8))
def test_more_concurrency_is_never_slower(
    items: int, calls: int, concurrency: int, more: int, pace: Pace, tokens: int
) -> None:
    """Raising the concurrency cannot lengthen the estimate."""
    before, after = (
        timed(items, calls, wanted, pace, (tokens, tokens)) for wanted in (concurrency, concurrency + more)
    )

    assert after.seconds <= before.seconds
    assert after.effective_concurrency >= before.effective_concurrency


@given(items=counts, more=counts, calls=phases, concurrency=counts, pace=paces, each=st.integers(0, 10_000))
def test_more_items_are_never_faster(
    items: int, more: int, calls: int, concurrency: int, pace: Pace, each: int
) -> None:
    """Items of the same size only add time; equal within rounding where all of them run at once."""
    few, many = (timed(n, calls, concurrency, pace, (n * each, n * each)) for n in (items, items + more))

    assert many.seconds >= few.seconds * (1 - 1e-5)


@given(items=counts, calls=phases, concurrency=counts, pace=paces)
def test_no_estimate_breaks_its_own_limits(items: int, calls: int, concurrency: int, pace: Pace) -> None:
    """Calls at once stay within concurrency and items, requests within their limit, and no item is cut short."""
    time = timed(items, calls, concurrency, pace)

    assert 0 < time.effective_concurrency <= min(items, concurrency)
    assert time.seconds >= calls * pace.seconds_per_call * (1 - 1e-5)
    if pace.requests_per_minute:
        assert items * calls / time.minutes <= pace.requests_per_minute * (1 + 1e-4)


@pytest.mark.parametrize("field", ["seconds_per_call", "requests_per_minute", "input_tokens_per_minute"])
def test_pace_without_speed_is_refused(field: str) -> None:
    """A call that takes no time, or a limit of nothing, is no pace."""
    with pytest.raises(ValidationError):
        Pace(**{field: 0})


def test_nothing_to_call_takes_no_time() -> None:
    """There is no rate to speak of then, and nothing is divided by zero."""
    time = estimate_time(0, 0, 3, Pace(input_tokens_per_minute=1), 0, 0)

    assert (time.seconds, time.minutes, time.hours, time.formatted) == (0, 0, None, "no time")
    assert (time.items_per_minute, time.effective_concurrency, time.rate_limit_applied) == (None, 0, False)


def test_calls_that_items_share_unevenly_count_as_they_are() -> None:
    """Ten items with fifteen calls between them take as long as fifteen calls."""
    assert estimate_time(10, 15, 3, Pace(), 0, 0).seconds == timed(15, 1).seconds
