"""Whether to call again after an error, when, and with what cap. Decides; does not sleep (requirement D4)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from batch_pipelines.domain.errors import ErrorCategory, ProviderError

BASE_SECONDS = 0.5
CAP_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 600.0
"""A provider that asks for a longer wait is not going to answer this run."""
RAISE = 2
"""How many times as long an answer may be that is asked for again because it was cut off."""


@dataclass(frozen=True, slots=True)
class Tries:
    """What was tried for one item in one phase, the call that failed just now included."""

    retries_made: int
    """Calls that followed a transient error; the one with the raised cap is none of them."""
    retries_allowed: int
    max_tokens: int
    """Cap of the call that failed."""
    is_cap_raised: bool = False
    """Whether the cap was raised before."""
    seconds_left: float | None = None
    """Until the item's deadline, not above 0 where that has passed; None where it has none."""


@dataclass(frozen=True, slots=True)
class RetryIn:
    """Call again after this many seconds; counts as a retry."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RaiseCap:
    """Call again now with this cap, which stays for all later calls of the phase; does not count as a retry."""

    max_tokens: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not call again in this run."""

    reason: str = ""
    """Why not, where the error and the number of tries do not say it."""


def decide(error: ProviderError, tries: Tries, random: Random) -> RetryIn | RaiseCap | GiveUp:
    """What follows an error: a longer answer is asked for once, and what may pass is tried again.

    Waits are exponential with full jitter, and never end before the provider's own `retry-after`.
    """
    if error.category is ErrorCategory.MAX_TOKENS:
        return _raised(tries)
    if not error.category.nature.transient or tries.retries_made >= tries.retries_allowed:
        return GiveUp()
    asked = error.retry_after_seconds or 0
    if asked > LONGEST_RETRY_AFTER_SECONDS:
        return GiveUp(f"the provider asks for a wait of {asked:.0f} s, over {LONGEST_RETRY_AFTER_SECONDS:.0f} s")
    wait = asked + random.uniform(0, min(CAP_SECONDS, BASE_SECONDS * 2**tries.retries_made))
    if tries.seconds_left is not None and wait >= tries.seconds_left:
        return _too_late(tries.seconds_left)
    return RetryIn(wait)


def _raised(tries: Tries) -> RaiseCap | GiveUp:
    """Once more with a higher cap: a second time, an answer that does not end would be paid for again."""
    raised = tries.max_tokens * RAISE
    if tries.is_cap_raised:
        return GiveUp()
    if tries.seconds_left is not None and tries.seconds_left <= 0:
        return _too_late(tries.seconds_left)
    return RaiseCap(raised)


def _too_late(seconds_left: float) -> GiveUp:
    left = f"only {seconds_left:.1f} s of it were left" if seconds_left > 0 else "all of it was used"
    return GiveUp(f"options.item_timeout_seconds leaves no time for another try: {left}")


def refusal_of(stop_reason: str | None, text: str, max_tokens: int) -> ProviderError | None:
    """Why an answer that arrived whole is not an output; None when it is one."""
    if stop_reason == "refusal":
        return ProviderError(ErrorCategory.REFUSAL, "the model declined to answer")
    if stop_reason == "max_tokens":
        return ProviderError(ErrorCategory.MAX_TOKENS, f"the answer was cut off at max_tokens, which is {max_tokens}")
    if stop_reason == "model_context_window_exceeded":
        message = "the answer was cut off where the model's context window ended; shorten the prompt"
        return ProviderError(ErrorCategory.CONTEXT_WINDOW, message)
    if not text.strip():
        return ProviderError(ErrorCategory.INVALID_RESPONSE, f"the answer is empty (stop reason {stop_reason})")
    return None
