"""Whether to call again, when, and with what cap: decisions by table."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.engine.retries import (
    BASE_SECONDS,
    CAP_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    GiveUp,
    RaiseCap,
    RetryIn,
    Tries,
    decide,
    refusal_of,
)

PASSING = {
    ErrorCategory.RATE_LIMIT,
    ErrorCategory.OVERLOADED,
    ErrorCategory.TIMEOUT,
    ErrorCategory.CONNECTION,
    ErrorCategory.SERVER_ERROR,
    ErrorCategory.INVALID_RESPONSE,
}
NONE_MADE = Tries(retries_made=0, retries_allowed=3, max_tokens=100)
BUSY = ProviderError(ErrorCategory.OVERLOADED, "busy")
CUT = ProviderError(ErrorCategory.MAX_TOKENS, "cut off")


@pytest.mark.parametrize("category", ErrorCategory)
def test_only_what_may_pass_is_tried_again(category: ErrorCategory) -> None:
    """An error that would come again ends the item at once; any other does not (D4)."""
    decision = decide(ProviderError(category, "no"), replace(NONE_MADE, is_cap_raised=True), Random(1))

    assert isinstance(decision, RetryIn if category in PASSING else GiveUp)


@pytest.mark.parametrize("category", [ErrorCategory.REFUSAL, ErrorCategory.SPEND_LIMIT])
def test_a_refusal_and_a_spent_account_are_final(category: ErrorCategory) -> None:
    """Neither is tried again, whatever the provider asks for and however many retries are left (D4)."""
    error = ProviderError(category, "no", retry_after_seconds=1.0, http_status=429)

    assert decide(error, replace(NONE_MADE, retries_allowed=20), Random(1)) == GiveUp()


@pytest.mark.parametrize(("made", "allowed", "again"), [(0, 0, False), (0, 1, True), (1, 1, False), (2, 3, True)])
def test_retries_are_counted(made: int, allowed: int, again: bool) -> None:
    """So many retries as the job allows, and no more."""
    decision = decide(BUSY, Tries(made, allowed, max_tokens=100), Random(1))

    assert isinstance(decision, RetryIn) is again


@given(made=st.integers(0, 19), seed=st.integers(), retry_after=st.none() | st.floats(0, LONGEST_RETRY_AFTER_SECONDS))
def test_waits_grow_within_bounds(made: int, seed: int, retry_after: float | None) -> None:
    """The wait lies evenly under a doubling bound, and comes on top of what the provider asked for."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "slow down", retry_after)

    decision = decide(error, Tries(made, 20, max_tokens=100), Random(seed))

    assert isinstance(decision, RetryIn)
    least = retry_after or 0
    assert least <= decision.seconds <= least + min(CAP_SECONDS, BASE_SECONDS * 2**made)


def test_waits_differ() -> None:
    """Calls that failed together do not come back together, and some come back almost at once: the jitter is full."""
    random = Random(1)
    waits = [decide(BUSY, Tries(3, 5, max_tokens=100), random) for _ in range(200)]

    seconds = [wait.seconds for wait in waits if isinstance(wait, RetryIn)]
    assert len(set(seconds)) == 200
    assert min(seconds) < 0.1 < 3.9 < max(seconds)


def test_too_long_a_wait_is_not_waited() -> None:
    """A provider that asks for more than ten minutes ends the item, and the reason says so."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "come back tomorrow", LONGEST_RETRY_AFTER_SECONDS + 1)

    assert decide(error, NONE_MADE, Random(1)) == GiveUp("the provider asks for a wait of 601 s, over 600 s")


@pytest.mark.parametrize(
    ("tries", "cap"),
    [
        (NONE_MADE, 200),
        (replace(NONE_MADE, is_cap_raised=True), None),
        (replace(NONE_MADE, retries_made=3), 200),
        (replace(NONE_MADE, retries_allowed=0), 200),
        (replace(NONE_MADE, seconds_left=0.1), 200),
    ],
)
def test_a_cut_answer_is_asked_for_once_more_with_twice_the_cap(tries: Tries, cap: int | None) -> None:
    """Once, up to what the provider takes, and whether or not retries are left: it is none (D4)."""
    decision = decide(CUT, tries, Random(1))

    assert decision == (GiveUp() if cap is None else RaiseCap(cap))


def test_a_full_context_window_is_no_reason_for_a_longer_answer() -> None:
    """An answer that ended because the model takes no more would end there again."""
    error = refusal_of("model_context_window_exceeded", "A tex", 100)

    assert error is not None
    assert decide(error, NONE_MADE, Random(1)) == GiveUp()


@given(seconds_left=st.floats(-10, 40), seed=st.integers(), retry_after=st.none() | st.floats(0, 30))
def test_no_wait_ends_after_the_deadline(seconds_left: float, seed: int, retry_after: float | None) -> None:
    """An item whose next try would begin too late fails now, and waits as it would have otherwise (D4)."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "slow down", retry_after)

    free = decide(error, NONE_MADE, Random(seed))
    bound = decide(error, replace(NONE_MADE, seconds_left=seconds_left), Random(seed))

    assert isinstance(free, RetryIn)
    if free.seconds < seconds_left:
        assert bound == free
    else:
        assert isinstance(bound, GiveUp)
        assert bound.reason.startswith("options.item_timeout_seconds leaves no time for another try")


@pytest.mark.parametrize(
    ("seconds_left", "reason"),
    [
        (2.0, "options.item_timeout_seconds leaves no time for another try: only 2.0 s of it were left"),
        (0.0, "options.item_timeout_seconds leaves no time for another try: all of it was used"),
    ],
)
def test_giving_up_for_time_says_so(seconds_left: float, reason: str) -> None:
    """The error alone would not tell why an item with retries left failed."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "slow down", retry_after_seconds=5)

    assert decide(error, replace(NONE_MADE, seconds_left=seconds_left), Random(1)) == GiveUp(reason)


def test_a_cut_answer_past_the_deadline_is_not_asked_for_again() -> None:
    """A higher cap needs time too."""
    decision = decide(CUT, replace(NONE_MADE, seconds_left=0.0), Random(1))

    assert isinstance(decision, GiveUp)
    assert "item_timeout_seconds" in decision.reason


@pytest.mark.parametrize(
    ("stop_reason", "text", "category"),
    [
        ("end_turn", "A text.", None),
        ("stop_sequence", "A text.", None),
        (None, "A text.", None),
        ("refusal", "", ErrorCategory.REFUSAL),
        ("refusal", "I would rather", ErrorCategory.REFUSAL),
        ("max_tokens", "A tex", ErrorCategory.MAX_TOKENS),
        ("max_tokens", "", ErrorCategory.MAX_TOKENS),
        ("model_context_window_exceeded", "A tex", ErrorCategory.CONTEXT_WINDOW),
        ("end_turn", " \n", ErrorCategory.INVALID_RESPONSE),
        (None, "", ErrorCategory.INVALID_RESPONSE),
    ],
)
def test_not_every_answer_is_an_output(stop_reason: str | None, text: str, category: ErrorCategory | None) -> None:
    """A refusal, a cut answer and an empty one are errors, though they came with status 200."""
    error = refusal_of(stop_reason, text, 100)

    assert (error.category if error else None) is category
