"""How long a batch job will take (requirement C3)."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from batch_pipelines.domain.estimate import TimeEstimate

DEFAULT_SECONDS_PER_CALL = 20.0
"""Requirement C3, from S0: what a call that writes one conversation takes on average."""
DEFAULT_REQUESTS_PER_MINUTE = 50
"""Requirement C3, from S0: the rate limit where a deployment states none."""
OVERHEAD = 0.10
"""Requirement C3, from S0: the share added for retries, calls of uneven length and our own work."""

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600
NO_TIME = TimeEstimate(
    seconds=0,
    minutes=0,
    hours=None,
    formatted="no time",
    items_per_minute=None,
    effective_concurrency=0,
    rate_limit_applied=False,
)
"""Of a batch job that has nothing to call."""

ALWAYS_SHOW_SECONDS_BELOW = 2 * SECONDS_PER_MINUTE
"""From two minutes on, half a minute more or less is within what the model can promise."""


class Pace(BaseModel):
    """How fast calls go; an absent limit does not limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds_per_call: float = Field(default=DEFAULT_SECONDS_PER_CALL, gt=0)
    requests_per_minute: float | None = Field(default=DEFAULT_REQUESTS_PER_MINUTE, gt=0)
    input_tokens_per_minute: float | None = Field(default=None, gt=0)
    output_tokens_per_minute: float | None = Field(default=None, gt=0)
    overhead: float = Field(default=OVERHEAD, ge=0)


def estimate_time(
    items: int, calls: int, concurrency: int, pace: Pace, input_tokens: int, output_tokens: int
) -> TimeEstimate:
    """The time of `items` items that need `calls` calls together, `concurrency` calls at once.

    `input_tokens` and `output_tokens` are of all calls. All counts are at least 1, tokens at least 0; without calls
    there are no items either, and it takes no time.
    The model is a flow: calls in flight are as many as asked for, but never more than items, because the calls of one
    item wait for each other, and never more than the tightest rate limit lets through. Whole rounds are not counted:
    a last round that is not full is within the overhead unless there are only a few items.
    """
    if calls == 0:
        return NO_TIME
    asked = min(concurrency, items)
    allowed = _calls_per_minute(calls, pace, input_tokens, output_tokens) * pace.seconds_per_call / SECONDS_PER_MINUTE
    effective = min(asked, allowed)
    seconds = calls * pace.seconds_per_call / effective * (1 + pace.overhead)
    return TimeEstimate(
        seconds=_rounded(seconds, 6),
        minutes=_rounded(seconds / SECONDS_PER_MINUTE, 6),
        hours=_rounded(seconds / SECONDS_PER_HOUR, 6) if _rounded(seconds, 6) > SECONDS_PER_HOUR else None,
        formatted=formatted(seconds),
        items_per_minute=_rounded(items / seconds * SECONDS_PER_MINUTE, 4),
        effective_concurrency=_rounded(effective, 4),
        rate_limit_applied=allowed < asked,
    )


def _calls_per_minute(calls: int, pace: Pace, input_tokens: int, output_tokens: int) -> float:
    """What the tightest rate limit lets through for calls of average size; infinite without limits."""
    limits = [float("inf")]
    if pace.requests_per_minute:
        limits.append(pace.requests_per_minute)
    if pace.input_tokens_per_minute and input_tokens:
        limits.append(pace.input_tokens_per_minute * calls / input_tokens)
    if pace.output_tokens_per_minute and output_tokens:
        limits.append(pace.output_tokens_per_minute * calls / output_tokens)
    return min(limits)


def _rounded(value: float, digits: int) -> float:
    """To significant digits, so that a small figure is never shown as zero."""
    return float(f"{value:.{digits}g}")


def formatted(seconds: float) -> str:
    """A duration in words, as exact as an estimate deserves: 8 seconds, 11 minutes, 1 hour 5 minutes."""
    whole = max(1, _nearest(seconds))
    if whole < ALWAYS_SHOW_SECONDS_BELOW:
        minutes, rest = divmod(whole, SECONDS_PER_MINUTE)
        return _joined((minutes, "minute"), (rest, "second"))
    hours, minutes = divmod(_nearest(seconds / SECONDS_PER_MINUTE), 60)
    return _joined((hours, "hour"), (minutes, "minute"))


def _nearest(value: float) -> int:
    """The nearest whole number, halves going up: Python's `round` would make 2.5 minutes 2."""
    return int(value + 0.5)


def _joined(*parts: tuple[int, str]) -> str:
    return " ".join(f"{count:,} {unit}{'' if count == 1 else 's'}" for count, unit in parts if count)
