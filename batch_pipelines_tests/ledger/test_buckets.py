"""Token buckets that are lent out of; what they hold to over time is tested in engine/test_shared_minutes.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from batch_pipelines.ledger.buckets import (
    AHEAD_SECONDS,
    Bucket,
    Limit,
    Wish,
    after,
    coming,
    filled,
    holding,
    most_at_once,
    rate,
    reserve,
    seconds_until,
)
from batch_pipelines.ledger.limits import EPOCH
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.clock import after as later

FRESH = Bucket(capacity=0.0, level=0.0, updated_at=EPOCH)
OURS = Limit(12_000, is_set=True)
TOLD = Limit(600, is_set=False)


def test_a_bucket_starts_with_a_small_burst() -> None:
    """A new limit lets half a second's worth through at once, and not a minute's."""
    assert filled(FRESH, OURS, 1, 0, START).level == 101


def test_level_and_holdings_never_exceed_the_capacity() -> None:
    """While something is held, only so much comes in that giving it back makes no burst."""
    found = filled(Bucket(101, 0, START), OURS, 1, lent=80, now=later(10))

    assert (found.level, found.capacity) == (21, 101)


def test_a_large_amount_is_forgotten_after_a_quiet_minute() -> None:
    """One large call slows a bucket down as long as a window can have it, and no longer."""
    large = Bucket(6_100, 100, START)

    assert filled(large, OURS, 1, 0, later(60)).capacity == 6_100
    assert filled(large, OURS, 1, 0, later(62)).capacity == 101
    assert filled(large, OURS, 1, 300, later(62)).capacity == 300


def test_a_larger_capacity_fills_more_slowly() -> None:
    """Burst and rate together stay under the limit of a window."""
    assert rate(OURS, 101) * 60 == pytest.approx(11_841, abs=2)
    assert rate(OURS, 6_100) * 60 == pytest.approx(5_871, abs=2)
    assert rate(TOLD, 6_100) == 10


def test_debts_are_paid_first() -> None:
    """What was used beyond what was taken comes in before anything is lent, a quiet minute or not."""
    limit, one = Limit(1_200, is_set=True), Wish(least=1, most=1, held=0)
    indebted = Bucket(capacity=11.0, level=-2_400.0, updated_at=START)

    assert seconds_until(indebted, limit, one, 0, START) == pytest.approx(61.3)
    assert seconds_until(indebted, limit, one, 0, later(62)) == pytest.approx(60, abs=2)
    assert seconds_until(indebted, limit, one, 0, later(122)) == 0


def test_a_clock_that_goes_back_gives_nothing() -> None:
    """Machines whose clocks differ cannot fill a bucket twice."""
    empty = Bucket(capacity=10.0, level=0.0, updated_at=START)
    found = filled(empty, TOLD, 1, 0, START - timedelta(seconds=30))

    assert (found.level, found.updated_at) == (0, START)


def test_a_clock_far_ahead_stops_nobody() -> None:
    """One that is wrong by minutes is taken for now: others need not wait until theirs has come so far."""
    ahead = Bucket(capacity=10.0, level=0.0, updated_at=later(600))

    found = filled(ahead, TOLD, 1, 0, START)

    assert (found.level, found.updated_at) == (0, START)
    assert filled(found, TOLD, 1, 0, later(1)).level == pytest.approx(10)


def test_a_lowered_limit_counts_at_once() -> None:
    """A bucket that was larger than the new limit shrinks to it."""
    large = Bucket(capacity=5_000.0, level=5_000.0, updated_at=START)

    assert filled(large, Limit(100, is_set=True), 1, 0, START).level == 100
    assert filled(large, Limit(100, is_set=False), 1, 0, START).level == 100


def test_what_comes_in_within_a_moment_is_lent_ahead() -> None:
    """Of an empty bucket a quarter of a second's worth is lent, to be used as it comes in."""
    empty = Bucket(capacity=101.0, level=0.0, updated_at=START)
    wish = Wish(least=1, most=1_000, held=0)

    holds = holding(empty, OURS, wish, 0, START)
    left = after(empty, OURS, wish, holds, 0, START)

    assert holds == int(rate(OURS, 101) * AHEAD_SECONDS) == 49
    assert coming(left, OURS) == 49
    assert holding(left, OURS, wish, holds, START) == 0


def test_what_a_process_uses_meanwhile_is_not_taken_back() -> None:
    """Even out of a bucket in debt a process keeps what it is using while it asks."""
    indebted = Bucket(capacity=101.0, level=-500.0, updated_at=START)

    assert holding(indebted, OURS, Wish(least=0, most=10, held=10, kept=7), 10, START) == 7


@pytest.mark.parametrize(
    ("capacity", "kept_back"), [(0, 0.5), (2, 0.5), (20, 1.0), (600, 1.0)], ids=["even", "small", "burst", "minute"]
)
def test_a_providers_bucket_is_never_emptied_where_it_allows_bursts(capacity: float, kept_back: float) -> None:
    """One request is left as calls arrive unevenly; a provider that never shows any remaining still gets calls."""
    assert reserve(TOLD, capacity) == kept_back
    assert most_at_once(TOLD, Bucket(capacity, 0, START)) >= 1


def test_many_calls_need_more_of_a_reserve() -> None:
    """At a thousand a second, fifty may arrive within the time by which calls are uneven."""
    assert reserve(Limit(60_000, is_set=False), 60_000) == 50
    assert reserve(OURS, 12_000) == 0


def test_where_no_burst_is_allowed_calls_keep_their_distance() -> None:
    """A provider that never shows any remaining refuses of two calls that arrive too close the second."""
    assert 60 / rate(Limit(60, is_set=False), 0) == pytest.approx(61.2)


def test_a_providers_bucket_is_as_large_as_it_showed() -> None:
    """However long it rests, no more is lent at once than a header ever said remained."""
    bucket = Bucket(capacity=20.0, level=3.0, updated_at=START)

    assert filled(bucket, TOLD, 1, 0, later(1)).level == 13
    assert filled(bucket, TOLD, 1, 0, later(100)).level == 20
