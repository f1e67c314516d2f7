"""When an item has used too much to be tried again."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.errors import ErrorCategory, Severity
from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.runaway import runs_away
from batch_pipelines.providers.base import CompletionRequest

EXPECTED = TokenProfile(input_tokens=1000, output_tokens=50)


def request(max_tokens: int = 100, prompt: str = "Short.", system: str | None = None) -> CompletionRequest:
    """A call of which only this matters."""
    return CompletionRequest("claude", system, prompt, max_tokens, 300)


@pytest.mark.parametrize(
    ("used", "is_over"),
    [
        (Usage(), False),
        (Usage(output_tokens=400), False),
        (Usage(output_tokens=401), True),
        (Usage(input_tokens=4000), False),
        (Usage(input_tokens=4001), True),
        (Usage(input_tokens=2000, cache_read_input_tokens=1000, cache_creation_input_tokens=1000), False),
        (Usage(input_tokens=2000, cache_read_input_tokens=1000, cache_creation_input_tokens=1001), True),
    ],
)
def test_four_times_the_worst_of_one_call_is_enough(used: Usage, is_over: bool) -> None:
    """Output is held against the cap, input, however it was cached, against what one call may send (D4)."""
    assert (runs_away(used, EXPECTED, request()) is not None) is is_over


@pytest.mark.parametrize("caps", sorted(set(permutations([100, 100, 100, 200]))))
def test_three_retries_at_their_worst_pass(caps: tuple[int, ...]) -> None:
    """The default of three retries is made in full, wherever among them the cap is doubled."""
    used = Usage()
    for cap in caps:
        assert runs_away(used, EXPECTED, request(cap)) is None
        used += Usage(input_tokens=1000, output_tokens=cap)


def test_three_retries_after_the_raised_cap_pass() -> None:
    """A cut answer, the same with twice the cap, and three retries that use all of it."""
    used = Usage(output_tokens=100)
    for _ in range(4):
        assert runs_away(used, EXPECTED, request(200)) is None
        used += Usage(output_tokens=200)


@given(calls=st.integers(1, 4), prompt=st.text(min_size=1), system=st.none() | st.text())
def test_a_large_item_is_no_runaway(calls: int, prompt: str, system: str | None) -> None:
    """An item far larger than its phase expects may be tried as often as a small one."""
    used = Usage(input_tokens=calls * len((prompt + (system or "")).encode()))

    assert runs_away(used, TokenProfile(input_tokens=1, output_tokens=1), request(prompt=prompt, system=system)) is None


def test_the_reason_has_the_figures_and_what_to_do() -> None:
    """It says how much was used, of what, and what one call may use."""
    reason = runs_away(Usage(output_tokens=41_000), EXPECTED, request(10_000))

    assert reason == (
        "its calls used 41,000 output tokens, over 4 times the 10,000 that one may use; "
        "see why its answers were not accepted, and mend its input or the phase"
    )


def test_a_runaway_ends_its_item_only() -> None:
    """Waiting does not help, and the others may go on (D4)."""
    nature = ErrorCategory.RUNAWAY.nature

    assert (nature.severity, nature.transient, nature.stops_job) == (Severity.HIGH, False, False)
