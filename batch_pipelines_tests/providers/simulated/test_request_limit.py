"""Limits per minute."""

from __future__ import annotations

from batch_pipelines.domain.limits import LimitKind
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.simulated.request_limit import LimitBucket, RequestLimits
from batch_pipelines_tests.clock import START


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


def test_a_bucket_may_be_smaller_than_a_minute() -> None:
    """Two seconds of 600 a minute are a burst of 20, then ten pass a second (D3)."""
    limits = RequestLimits({LimitKind.REQUESTS: 600}, burst_seconds=2, now=0.0)

    assert sum(passes(limits, 0, 0.0) for _ in range(30)) == 20
    assert sum(passes(limits, 0, 1.0) for _ in range(30)) == 10


def test_input_is_charged_when_it_comes_and_corrected_when_it_is_answered() -> None:
    """What was read from the prompt cache does not count, what was written to it does (D3)."""
    limits = RequestLimits({LimitKind.INPUT_TOKENS: 6_000}, None, now=0.0)
    assert passes(limits, 5_000, 0.0)
    assert not passes(limits, 2_000, 0.0)

    usage = Usage(input_tokens=1_000, cache_read_input_tokens=3_500, cache_creation_input_tokens=500)
    limits.settle(5_000, usage, 0.0)

    assert limits.admit(0, 0.0)[LimitKind.INPUT_TOKENS].remaining == 4_500


def test_output_is_charged_as_it_was_produced() -> None:
    """A request passes while any output is left, and those after it wait until it is paid (D3)."""
    limits = RequestLimits({LimitKind.OUTPUT_TOKENS: 600}, None, now=0.0)
    assert passes(limits, 0, 0.0)
    limits.settle(0, Usage(output_tokens=700), 0.0)

    refused = limits.admit(0, 0.0)[LimitKind.OUTPUT_TOKENS]

    assert (refused.admitted, refused.remaining, refused.retry_after_seconds) == (False, 0, 11)


def test_a_refused_request_takes_nothing_of_any_limit() -> None:
    """Where one limit refuses, the others are as before."""
    limits = RequestLimits({LimitKind.REQUESTS: 5, LimitKind.INPUT_TOKENS: 600}, None, now=0.0)
    assert passes(limits, 600, 0.0)

    assert not passes(limits, 10, 0.0)

    assert limits.admit(0, 0.0)[LimitKind.REQUESTS].remaining == 3


def test_a_request_larger_than_a_bucket_needs_a_full_one() -> None:
    """It passes, and leaves a debt."""
    limits = RequestLimits({LimitKind.INPUT_TOKENS: 600}, 1.0, now=0.0)
    assert passes(limits, 5_000, 0.0)

    assert not passes(limits, 1, 60.0)


def test_remaining_tokens_are_told_in_thousands() -> None:
    """As the real server's headers do; requests are told exactly."""
    per_minute = {LimitKind.REQUESTS: 50, LimitKind.INPUT_TOKENS: 30_000, LimitKind.OUTPUT_TOKENS: 8_400}
    limits = RequestLimits(per_minute, None, now=0.0)

    headers = limits.headers(limits.admit(700, 0.0), START)

    assert headers == {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-requests-reset": "2026-11-22T12:00:01Z",
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-input-tokens-remaining": "29000",
        "anthropic-ratelimit-input-tokens-reset": "2026-11-22T12:00:01Z",
        "anthropic-ratelimit-output-tokens-limit": "8400",
        "anthropic-ratelimit-output-tokens-remaining": "8000",
        "anthropic-ratelimit-output-tokens-reset": "2026-11-22T12:00:00Z",
    }


def passes(limits: RequestLimits, input_tokens: int, now: float) -> bool:
    """Whether a request of so much input is let in."""
    return all(admission.admitted for admission in limits.admit(input_tokens, now).values())
