"""Token buckets: no window of a minute exceeds its limit, and little of the limit is left unused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.ledger.buckets import Bucket, filled, seconds_until, taken
from batch_pipelines.ledger.limits import EPOCH
from batch_pipelines_tests.clock import START

FRESH = Bucket(capacity=0.0, level=0.0, updated_at=EPOCH)
MINUTE = timedelta(seconds=60)


def busiest_minute(takes: list[tuple[datetime, int]]) -> int:
    """The largest sum of takes in any 60 seconds, both ends included; takes are in the order of time."""
    most = within = first = 0
    for at, amount in takes:
        within += amount
        while takes[first][0] < at - MINUTE:
            within -= takes[first][1]
            first += 1
        most = max(most, within)
    return most


def greedy(limit: int, amounts: list[int], pauses: list[float]) -> list[tuple[datetime, int]]:
    """Takes of one who takes as soon as it is allowed, after each pause."""
    bucket, now, takes = FRESH, START, []
    for amount, pause in zip(amounts, pauses, strict=True):
        now += timedelta(seconds=pause)
        while wait := seconds_until(bucket, limit, amount, now):
            now += timedelta(seconds=wait)
        bucket = taken(bucket, limit, amount, now)
        takes.append((now, amount))
    return takes


@settings(max_examples=200, deadline=None, database=None)
@given(data=st.data(), limit=st.integers(1, 100_000))
def test_no_minute_exceeds_the_limit(data: st.DataObject, limit: int) -> None:
    """Whatever is wanted whenever, every window of 60 seconds holds at most the limit (D3)."""
    size = st.integers(1, limit)
    pause = st.one_of(st.just(0.0), st.floats(0, 5), st.floats(0, 200))
    wanted = data.draw(st.lists(st.tuples(size, pause), min_size=1, max_size=40))

    takes = greedy(limit, [amount for amount, _ in wanted], [pause for _, pause in wanted])

    assert busiest_minute(takes) <= limit


@pytest.mark.parametrize("limit", [1, 2, 7, 50, 60, 1_000, 4_000])
def test_requests_flow_at_almost_the_limit(limit: int) -> None:
    """In ten minutes of taking one by one, no minute exceeds the limit and 98 % of it is used (D3)."""
    takes = greedy(limit, [1] * (limit * 12), [0.0] * (limit * 12))
    within = [take for take in takes if take[0] < START + 10 * MINUTE]

    assert busiest_minute(within) <= limit
    assert len(within) >= 0.98 * limit * 10


@pytest.mark.parametrize(("share", "used"), [(0.001, 0.98), (0.01, 0.97), (0.05, 0.93), (0.5, 0.48), (1.0, 0.9)])
def test_large_amounts_use_what_fits(share: float, used: float) -> None:
    """Calls that take a large part of a minute's tokens leave some unused, and are never starved."""
    limit = 100_000
    amount = int(limit * share)
    count = int(12 / share)
    takes = greedy(limit, [amount] * count, [0.0] * count)
    within = [take for take in takes if take[0] < START + 10 * MINUTE]

    assert busiest_minute(within) <= limit
    assert sum(amount for _, amount in within) >= used * limit * 10


def test_a_bucket_starts_with_a_small_burst() -> None:
    """A new limit lets half a second's worth through at once, and not a minute's."""
    assert filled(FRESH, 12_000, 1, START).level == 100


def test_a_large_amount_is_forgotten_after_a_quiet_minute() -> None:
    """One large call does not slow a bucket down for ever."""
    after = taken(FRESH, 12_000, 6_000, START)
    assert after.capacity == 6_000

    assert filled(after, 12_000, 1, START + timedelta(seconds=61)).capacity == 100


def test_debts_are_paid_first() -> None:
    """What was used beyond what was taken is filled up before anything can be taken, a quiet minute or not."""
    indebted = Bucket(capacity=10.0, level=-2_400.0, updated_at=START)

    assert seconds_until(indebted, 1_200, 1, START) > 60
    assert seconds_until(indebted, 1_200, 1, START + timedelta(seconds=61)) == pytest.approx(60, abs=1)
    assert seconds_until(indebted, 1_200, 1, START + timedelta(seconds=122)) == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Machines whose clocks differ cannot fill a bucket twice."""
    empty = Bucket(capacity=10.0, level=0.0, updated_at=START)
    past = START - timedelta(seconds=30)

    assert filled(empty, 600, 1, past).level == 0
    assert filled(empty, 600, 1, past).updated_at == START


def test_a_lowered_limit_counts_at_once() -> None:
    """A bucket that was larger than the new limit shrinks to it."""
    large = Bucket(capacity=5_000.0, level=5_000.0, updated_at=START)

    assert filled(large, 100, 1, START).level == 100


def test_an_amount_that_no_minute_holds_is_refused() -> None:
    """Waiting would not help, so the caller is told."""
    with pytest.raises(InvalidInput, match="limit of 10 a minute"):
        seconds_until(FRESH, 10, 11, START)
