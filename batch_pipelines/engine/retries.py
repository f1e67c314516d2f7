"""Whether to call again after an error, and when. Decides; does not sleep (requirement D4)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from batch_pipelines.domain.errors import ErrorCategory, ProviderError

BASE_SECONDS = 0.5
CAP_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0
"""A provider that asks for a longer wait is not going to answer this run."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Call again after this many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not call again in this run."""


def decide(error: ProviderError, retries_made: int, retries_allowed: int, random: Random) -> RetryIn | GiveUp:
    """Exponential backoff with full jitter, and never before the provider's own `retry-after`."""
    if not error.category.nature.transient or retries_made >= retries_allowed:
        return GiveUp()
    if (error.retry_after_seconds or 0) > LONGEST_RETRY_AFTER_SECONDS:
        return GiveUp()
    backoff = random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2**retries_made))
    return RetryIn(backoff + (error.retry_after_seconds or 0))


def refusal_of(stop_reason: str | None, text: str, max_tokens: int) -> ProviderError | None:
    """Why an answer that arrived whole is not an output; None when it is one."""
    if stop_reason == "refusal":
        return ProviderError(ErrorCategory.REFUSAL, "the model declined to answer")
    if stop_reason in ("max_tokens", "model_context_window_exceeded"):
        message = f"the answer was cut off ({stop_reason}; max_tokens is {max_tokens})"
        return ProviderError(ErrorCategory.MAX_TOKENS, message)
    if not text.strip():
        return ProviderError(ErrorCategory.INVALID_RESPONSE, f"the answer is empty (stop reason {stop_reason})")
    return None
