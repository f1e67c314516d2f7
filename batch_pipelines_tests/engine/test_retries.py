"""Whether to call again, and when: decisions by table."""

from __future__ import annotations

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
    RetryIn,
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


@pytest.mark.parametrize("category", ErrorCategory)
def test_only_what_may_pass_is_tried_again(category: ErrorCategory) -> None:
    """An error that would come again ends the item at once; any other does not (D4)."""
    decision = decide(ProviderError(category, "no"), 0, 3, Random(1))

    assert isinstance(decision, RetryIn if category in PASSING else GiveUp)


@pytest.mark.parametrize(("made", "allowed", "again"), [(0, 0, False), (0, 1, True), (1, 1, False), (2, 3, True)])
def test_retries_are_counted(made: int, allowed: int, again: bool) -> None:
    """So many retries as the job allows, and no more."""
    decision = decide(ProviderError(ErrorCategory.OVERLOADED, "busy"), made, allowed, Random(1))

    assert isinstance(decision, RetryIn) is again


@given(made=st.integers(0, 19), seed=st.integers(), retry_after=st.none() | st.floats(0, LONGEST_RETRY_AFTER_SECONDS))
def test_waits_grow_within_bounds(made: int, seed: int, retry_after: float | None) -> None:
    """The wait lies evenly under a doubling bound, and comes on top of what the provider asked for."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "slow down", retry_after)

    decision = decide(error, made, 20, Random(seed))

    assert isinstance(decision, RetryIn)
    least = retry_after or 0
    assert least <= decision.seconds <= least + min(CAP_SECONDS, BASE_SECONDS * 2**made)


def test_waits_differ() -> None:
    """Calls that failed together do not come back together."""
    random = Random(1)
    error = ProviderError(ErrorCategory.OVERLOADED, "busy")

    assert len({decide(error, 3, 5, random) for _ in range(10)}) == 10


def test_too_long_a_wait_is_not_waited() -> None:
    """A provider that asks for more than ten minutes ends the item."""
    error = ProviderError(ErrorCategory.RATE_LIMIT, "come back tomorrow", LONGEST_RETRY_AFTER_SECONDS + 1)

    assert decide(error, 0, 3, Random(1)) == GiveUp()


@pytest.mark.parametrize(
    ("stop_reason", "text", "category"),
    [
        ("end_turn", "A text.", None),
        ("stop_sequence", "A text.", None),
        (None, "A text.", None),
        ("refusal", "", ErrorCategory.REFUSAL),
        ("refusal", "I would rather", ErrorCategory.REFUSAL),
        ("max_tokens", "A tex", ErrorCategory.MAX_TOKENS),
        ("model_context_window_exceeded", "A tex", ErrorCategory.MAX_TOKENS),
        ("end_turn", " \n", ErrorCategory.INVALID_RESPONSE),
        (None, "", ErrorCategory.INVALID_RESPONSE),
    ],
)
def test_not_every_answer_is_an_output(stop_reason: str | None, text: str, category: ErrorCategory | None) -> None:
    """A refusal, a cut answer and an empty one are errors, though they came with status 200."""
    error = refusal_of(stop_reason, text, 100)

    assert (error.category if error else None) is category
