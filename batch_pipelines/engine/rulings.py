"""Decides what becomes of an item after a call: its output, another call, its failure, or a later run (D4, A6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.spec import ErrorHandling
from batch_pipelines.engine.caller import Answer
from batch_pipelines.engine.retries import GiveUp, RaiseCap, Tries, decide
from batch_pipelines.engine.runaway import runs_away
from batch_pipelines.engine.work import Call
from batch_pipelines.ledger.requests import RequestKind

OUTAGE_ERRORS = 3
"""Connections that fail in a row, beyond one for each slot, before the fault is not the items' but the provider's."""


class Outcome(StrEnum):
    """What becomes of an item in its phase."""

    OUTPUT = "output"
    """The answer is the phase's output."""
    AGAIN = "again"
    """It is asked for once more."""
    FAILURE = "failure"
    """The item failed."""
    LEFT = "left"
    """A later run goes on with it."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of an item, and whether its batch job must drain."""

    outcome: Outcome
    seconds: float = 0.0
    """With AGAIN: how long to wait."""
    max_tokens: int | None = None
    """With AGAIN: the cap from now on; None where it stays."""
    error: ProviderError | None = None
    """With FAILURE: why the item fails."""
    halt: tuple[RequestKind, str] | None = None
    """Why the batch job must drain."""


class Rulings:
    """Rules on the answers of one batch job in one process; `random` spreads retries."""

    def __init__(self, job: BatchJob, random: Random) -> None:
        self._options = job.options
        self._random = random
        self._unanswered = 0
        """Connections that failed in a row."""
        self._seconds: dict[int, float] = {}
        """By item row, what its calls and the waits between them took; only where that is limited."""

    def seconds_left(self, call: Call) -> float | None:
        """What remains of the item's time, in which waiting for a slot does not count; None where it is not limited."""
        limit = self._options.item_timeout_seconds
        return None if limit is None else limit - self._seconds.get(call.item.row, 0.0)

    def ruling(self, call: Call, answer: Answer, slots: int, *, is_draining: bool) -> Ruling:
        """What becomes of the item; `slots` is how many calls the batch job may have in flight."""
        self._count(call, answer.attempt.duration_ms / 1000)
        ruling = self._ruled(call, answer, slots, is_draining)
        self._count(call, ruling.seconds)
        return ruling

    def _ruled(self, call: Call, answer: Answer, slots: int, is_draining: bool) -> Ruling:
        error = answer.error
        is_unanswered = error is not None and error.category is ErrorCategory.CONNECTION
        self._unanswered = self._unanswered + 1 if is_unanswered else 0
        if error is None:
            return Ruling(Outcome.OUTPUT)
        if error.category.nature.stops_job:
            return Ruling(Outcome.LEFT, halt=(RequestKind.STOP, str(error)))
        if call.is_cap_raised and error.category is ErrorCategory.INVALID_REQUEST:
            message = f"the answer was cut off at max_tokens, and twice as many are refused ({error.message})"
            return self.failure(call, ProviderError(ErrorCategory.MAX_TOKENS, message))
        decision = decide(error, self._tries(call), self._random)
        if isinstance(decision, GiveUp):
            if self._unanswered > slots + OUTAGE_ERRORS:
                reason = f"the provider cannot be reached ({error.message})"
                return Ruling(Outcome.LEFT, halt=(RequestKind.PAUSE, reason))
            why = f"{error.message}; {decision.reason}" if decision.reason else error.message
            return self.failure(call, ProviderError(error.category, why))
        if runaway := _runaway(call):
            return self.failure(call, ProviderError(ErrorCategory.RUNAWAY, runaway))
        if is_draining:
            return Ruling(Outcome.LEFT)
        if isinstance(decision, RaiseCap):
            return Ruling(Outcome.AGAIN, max_tokens=decision.max_tokens)
        return Ruling(Outcome.AGAIN, seconds=decision.seconds)

    def failure(self, call: Call, error: ProviderError) -> Ruling:
        """The item fails, and the batch job with it where its options say so."""
        halt = None
        if self._options.error_handling is ErrorHandling.STOP:
            halt = (RequestKind.STOP, f"item {call.item.item_id} failed ({error})")
        return Ruling(Outcome.FAILURE, error=error, halt=halt)

    def forget(self, call: Call) -> None:
        """The item is done with."""
        self._seconds.pop(call.item.row, None)

    def _count(self, call: Call, seconds: float) -> None:
        if self._options.item_timeout_seconds is not None:
            self._seconds[call.item.row] = self._seconds.get(call.item.row, 0.0) + seconds

    def _tries(self, call: Call) -> Tries:
        assert call.prepared is not None, "only a call that was made is ruled on"
        own = call.run.phase.retry_attempts
        return Tries(
            retries_made=call.retries,
            retries_allowed=self._options.retry_attempts if own is None else own,
            is_cap_raised=call.is_cap_raised,
            max_tokens=call.prepared.request.max_tokens,
            seconds_left=self.seconds_left(call),
        )


def _runaway(call: Call) -> str | None:
    assert call.prepared is not None, "only a call that was made is ruled on"
    return runs_away(call.used, call.expected, call.prepared.request)
