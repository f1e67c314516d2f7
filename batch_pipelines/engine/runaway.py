"""The breaker for items whose tokens run away: decides by what all attempts of an item used (requirement D4)."""

from __future__ import annotations

from batch_pipelines.domain.pipeline import TokenProfile
from batch_pipelines.domain.usage import Usage
from batch_pipelines.providers.base import Request

MOST_CALLS = 4
"""Worst cases of one call that an item may use in a phase. A first call and three retries, the default, do not pass it
though each is at its worst, and neither do they after an answer that was asked for again with twice the cap."""


def runs_away(used: Usage, expected: TokenProfile, request: Request) -> str | None:
    """Why an item must not be tried again in this phase; None where it may.

    `used` is the sum over all its attempts, as far as known; `request` is its last call, its cap raised or not. At its
    worst, a call uses its cap on output, and on input what the phase expects or a token for each byte of its prompts,
    if that is more.
    """
    worst_input = max(expected.input_tokens, request.sent_bytes)
    if used.output_tokens > MOST_CALLS * request.max_tokens:
        return _reason("output", used.output_tokens, request.max_tokens)
    if used.total_input_tokens > MOST_CALLS * worst_input:
        return _reason("input", used.total_input_tokens, worst_input)
    return None


def _reason(kind: str, used: int, worst: int) -> str:
    return (
        f"its calls used {used:,} {kind} tokens, over {MOST_CALLS} times the {worst:,} that one may use; "
        "see why its answers were not accepted, and mend its input or the phase"
    )
