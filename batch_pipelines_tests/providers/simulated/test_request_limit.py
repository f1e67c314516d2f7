"""The limit of requests per minute."""

from __future__ import annotations

from batch_pipelines.providers.simulated.request_limit import LimitBucket


def test_a_full_bucket_lets_its_size_through_and_then_says_when_to_come_back() -> None:
    """Over the limit a request is refused, with whole seconds until one passes (D3)."""
    limit = LimitBucket(3, now=100.0)

    answers = [limit.admit(100.0) for _ in range(4)]

    assert [answer.admitted for answer in answers] == [True, True, True, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0]
    assert answers[3].retry_after_seconds == 20


def test_waiting_as_long_as_asked_is_enough() -> None:
    """The promise of retry-after holds, and a refused request costs nothing (D3)."""
    limit = LimitBucket(7, now=0.0)
    for _ in range(7):
        limit.admit(0.0)
    refused = limit.admit(5.0)

    assert not refused.admitted
    assert limit.admit(5.0 + refused.retry_after_seconds).admitted
    assert not limit.admit(5.0 + refused.retry_after_seconds).admitted


def test_the_bucket_never_holds_more_than_a_minute() -> None:
    """A quiet hour does not add up."""
    limit = LimitBucket(2, now=0.0)

    assert [limit.admit(3600.0).admitted for _ in range(3)] == [True, True, False]


def test_the_time_until_full_is_told() -> None:
    """One request taken out of sixty per minute is back after a second."""
    assert LimitBucket(60, now=0.0).admit(0.0).full_after_seconds == 1.0
