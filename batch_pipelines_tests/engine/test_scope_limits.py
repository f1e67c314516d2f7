"""Whether a call may start, as one process decides it (D3)."""

from __future__ import annotations

import pytest

from batch_pipelines.domain.limits import LimitKind, LimitReading
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.scope_limits import GROWTH_SECONDS, UNTOLD_ANSWERS, ScopeLimits
from batch_pipelines.ledger.buckets import HOLDING_SECONDS
from batch_pipelines_tests.engine.limit_world import SMALL, MemoryBuckets, Process

REQUESTS, INPUT, OUTPUT = LimitKind.REQUESTS, LimitKind.INPUT_TOKENS, LimitKind.OUTPUT_TOKENS
USED = Usage(input_tokens=1, output_tokens=1)


def unlimited(slots: int | None = None) -> ScopeLimits:
    """Limits of which nobody knows anything yet."""
    limits = ScopeLimits({}, 0.0)
    limits.slots = slots
    limits.learn({}, 0.0, 0.0)
    return limits


def start_all(limits: ScopeLimits, now: float, most: int = 1_000) -> int:
    """How many calls may start at this moment."""
    started = 0
    while started < most and not limits.admit(SMALL, now):
        started += 1
    return started


def reading(remaining: int, per_minute: int = 600, kind: LimitKind = REQUESTS) -> LimitReading:
    """A header."""
    return LimitReading(kind, per_minute, remaining)


def test_nothing_starts_before_the_ledger_was_asked() -> None:
    """It may know a limit, or a block."""
    limits = ScopeLimits({}, 0.0)
    assert limits.admit(SMALL, 0.0) > 0

    limits.learn({}, 5.0, 0.0)

    assert limits.admit(SMALL, 0.0) == 5.0
    assert limits.admit(SMALL, 5.0) == 0.0


@pytest.mark.parametrize(("slots", "first"), [(None, 20), (5, 50), (50, 50), (51, 20), (200, 20)])
def test_the_first_calls_are_few_where_many_want_to_start(slots: int | None, first: int) -> None:
    """The first answer tells before more have left (D3)."""
    assert start_all(unlimited(slots), 0.0) == first


def test_after_the_first_answer_their_number_grows_slowly() -> None:
    """One refusal is then seen before many more have left; calls that replace others need not wait (D3)."""
    limits = unlimited(200)
    start_all(limits, 0.0)
    limits.answered(SMALL, USED, (), 0.3)

    assert start_all(limits, 0.3) == 2
    assert start_all(limits, 0.3 + GROWTH_SECONDS) == 1
    for _ in range(5):
        limits.answered(SMALL, USED, (), 0.31)
    assert start_all(limits, 0.31) == 6


def test_a_call_that_was_never_sent_teaches_nothing() -> None:
    """Nobody answered it."""
    limits = unlimited(200)
    start_all(limits, 0.0)

    limits.answered(SMALL, None, (), 0.1)

    assert start_all(limits, 0.1) == 1


def test_a_refusal_stops_everything_for_as_long_as_it_says() -> None:
    """Here at once, and for the others by what the ledger is told (D3)."""
    limits = unlimited()
    limits.admit(SMALL, 0.0)

    limits.refused(3.0, (), 1.0)

    assert limits.admit(SMALL, 1.0) == 3.0
    assert limits.block_until == 4.0
    assert limits.admit(SMALL, 4.0) == 0.0


def test_a_refusal_without_a_time_stops_for_a_second() -> None:
    """That is about what the provider's buckets need."""
    limits = unlimited()
    limits.admit(SMALL, 0.0)
    limits.refused(None, (), 1.0)

    assert limits.admit(SMALL, 1.5) == pytest.approx(0.5)


def test_headers_make_a_limit_of_what_was_unlimited() -> None:
    """From the first answer on calls take from what the provider says remains, less those under way (D3)."""
    process = Process("a", MemoryBuckets(), {}, 0.0)
    assert start_all(process.limits, 0.0) == 20
    process.limits.answered(SMALL, USED, [reading(30)], 0.0)
    assert process.limits.admit(SMALL, 0.0) > 0

    process.ask(0.0)
    process.hear(0.0)

    assert start_all(process.limits, 0.0) == 30 - 19 - 1


def test_a_header_that_says_less_is_believed_at_once() -> None:
    """Somebody else uses the key: what was held for calls is gone (D3)."""
    process = told_process(remaining=100)
    assert not process.limits.admit(SMALL, 0.0)

    process.limits.answered(SMALL, USED, [reading(3)], 0.1)
    process.ask(0.1)
    process.hear(0.1)

    assert start_all(process.limits, 0.1) <= 3


def test_headers_that_say_more_for_a_while_are_believed() -> None:
    """One could be late; after two seconds of them nothing is left unused, and what is used stays within them (D3)."""
    process, now = told_process(remaining=100), 0.0
    for number in range(30):
        now += 0.1
        process.ask(now)
        process.hear(now)
        assert not process.limits.admit(SMALL, now)
        process.limits.answered(SMALL, USED, [reading(200 - number)], now)

    started = start_all(process.limits, now)
    process.ask(now)
    process.hear(now)
    assert 165 <= started + start_all(process.limits, now) <= 170


def test_what_is_held_ends_soon() -> None:
    """A process that slept uses nothing that others may count on (D3)."""
    process = told_process(remaining=100)
    assert not process.limits.admit(SMALL, HOLDING_SECONDS - 0.01)

    assert process.limits.admit(SMALL, HOLDING_SECONDS) > 0


def test_a_ledger_that_is_away_lends_nothing() -> None:
    """No call starts that needs a loan; what was to be said is said when it is back (D3)."""
    process = Process("a", MemoryBuckets(), {OUTPUT: 6_000}, 0.0)
    process.limits.admit(SMALL, 0.0)
    process.ask(0.0)
    process.hear(0.0)
    assert not process.limits.admit(SMALL, 0.0)
    process.limits.answered(SMALL, Usage(input_tokens=1, output_tokens=50), (), 0.1)
    assert process.limits.claims(0.2)[OUTPUT].charge == 49

    process.limits.lost()

    assert process.limits.admit(SMALL, 0.7) > 0
    assert process.limits.claims(0.8)[OUTPUT].charge == 49


def test_use_that_was_not_expected_is_settled() -> None:
    """Input counts without what was read from the prompt cache, with what was written to it (D3)."""
    buckets = MemoryBuckets()
    process = Process("a", buckets, {INPUT: 6_000}, 0.0)
    size = TokenProfile(input_tokens=10, output_tokens=1)
    process.limits.admit(size, 0.0)
    process.ask(0.0)
    process.hear(0.0)
    assert not process.limits.admit(size, 0.0)

    usage = Usage(input_tokens=20, cache_read_input_tokens=5_000, cache_creation_input_tokens=30, output_tokens=1)
    process.limits.answered(size, usage, (), 0.0)

    assert process.limits.claims(0.0)[INPUT].charge == 20 + 30 - 10


def test_a_refused_call_took_no_tokens() -> None:
    """They go back; the request itself counts where the limit of requests is ours (D3)."""
    process = Process("a", MemoryBuckets(), {REQUESTS: 600, OUTPUT: 60_000}, 0.0)
    size = TokenProfile(input_tokens=10, output_tokens=200)
    process.limits.admit(size, 0.0)
    process.ask(0.0)
    process.hear(0.0)
    assert not process.limits.admit(size, 0.0)

    process.limits.refused(1.0, (), 0.0)

    assert process.limits.claims(0.0)[OUTPUT].charge == -200


def test_limits_that_are_told_no_more_end() -> None:
    """A simulated provider is configured anew, an account gets other terms: no old limit stays for ever."""
    process = told_process(remaining=100)
    for _ in range(UNTOLD_ANSWERS):
        process.limits.answered(SMALL, USED, (), 0.1)

    assert process.limits.is_untold
    assert not process.limits.is_limited


def told_process(remaining: int) -> Process:
    """A process that was told a limit and holds all it could use."""
    process = Process("a", MemoryBuckets(), {}, 0.0)
    process.limits.slots = 300
    process.limits.admit(SMALL, 0.0)
    process.limits.answered(SMALL, USED, [reading(remaining)], 0.0)
    process.limits.admit(SMALL, 0.0)
    process.ask(0.0)
    process.hear(0.0)
    return process
