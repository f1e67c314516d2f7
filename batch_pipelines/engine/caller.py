"""Makes one call: what it asks, what it may cost, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from batch_pipelines.domain.attempt import Attempt
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.limits import LimitReading
from batch_pipelines.domain.pipeline import Phase, TokenProfile
from batch_pipelines.domain.routing import Tier
from batch_pipelines.domain.trial import Purpose, Trial
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.retries import refusal_of
from batch_pipelines.engine.steps import next_request
from batch_pipelines.estimation.estimator import JUDGE_OUTPUT_TOKENS
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.providers.base import Completion, Provider, Request
from batch_pipelines.quality.judging import verdict_of

INPUT_MARGIN = Decimal("1.25")
"""How far a call's input may lie over what its phase expects before the worst case is too small."""
LIKELY_BYTES_PER_TOKEN = 4
"""Of a prompt in a language of Latin script; others have more bytes, so this is rather too many tokens."""
BYTES_PER_TOKEN = 8
"""What a token of an answer takes at most, as JSON in a journal; nearly always it is half of that."""
MOST_ANSWER_BYTES = 256 * 1024
"""Room made for one answer at most; a longer one finds its own, or is kept in memory where the disk is full."""
ANSWER_FRAME_BYTES = 4096
"""What stands around an answer's text there."""

NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that can be made."""

    request: Request
    expected: TokenProfile
    """What it will likely use: what its phase says, or what its prompts come to, if that is more."""
    worst_case_usd: Decimal
    purpose: Purpose = Purpose.ANSWER

    @property
    def answer_bytes(self) -> int:
        """What its answer takes in a journal, up to what room is made for beforehand."""
        return min(self.request.max_tokens * BYTES_PER_TOKEN, MOST_ANSWER_BYTES) + ANSWER_FRAME_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call; where `error` is None, `text` is the item's output of the phase."""

    attempt: Attempt
    text: str
    error: ProviderError | None
    limits: tuple[LimitReading, ...]
    """What the provider said about its limits."""

    @property
    def charged_usd(self) -> Decimal:
        """Its cost; its worst case where nobody knows."""
        cost = self.attempt.cost_usd
        return self.attempt.worst_case_usd if cost is None else cost


class Caller:
    """Makes the calls of one batch job."""

    def __init__(self, job: BatchJob, provider: Provider, prices: PriceBook, clock: Callable[[], datetime]) -> None:
        self._job = job
        self._provider = provider
        self._prices = prices
        self._clock = clock

    def prepare(self, phase: Phase, item: WorkItem, trial: Trial) -> Prepared:
        """The next call for an item and its worst case; raises ProviderError(TEMPLATE) or UnknownPrice."""
        step = next_request(self._job, phase, item, trial)
        return self._priced(step.request, step.purpose, phase, item)

    def with_cap(self, prepared: Prepared, phase: Phase, item: WorkItem, max_tokens: int) -> Prepared:
        """The same call with another cap on its output."""
        request = replace(prepared.request, max_tokens=max_tokens)
        return self._priced(request, prepared.purpose, phase, item)

    def _priced(self, request: Request, purpose: Purpose, phase: Phase, item: WorkItem) -> Prepared:
        # A token is at least a byte, so bytes bound the input from above.
        sent = request.sent_bytes
        expected = expected_tokens(request, purpose, phase, item.tier)
        most = max(sent, int(expected.input_tokens * INPUT_MARGIN))
        worst_case = self._prices.upper_bound(request.model, most, request.max_tokens, self._clock())
        return Prepared(request, expected, worst_case, purpose)

    async def ask(self, prepared: Prepared, number: int, started_at: datetime, seconds_left: float | None) -> Answer:
        """Make the call as the item's attempt of this number; every error becomes a part of the answer.

        `seconds_left` is what remains of the item's time, None where that is not limited.
        """
        request = prepared.request
        if seconds_left is not None and seconds_left < request.timeout_seconds:
            request = replace(request, timeout_seconds=max(seconds_left, 0.001))
        started = time.perf_counter()
        completion, error = await self._complete(request, prepared.purpose)
        usage = completion.usage if completion else NOTHING_USED if error and _is_free(error) else None
        attempt = Attempt(
            number=number,
            started_at=started_at,
            duration_ms=(time.perf_counter() - started) * 1000,
            model=completion.model if completion else request.model,
            simulated=completion.simulated if completion else self._job.simulated,
            usage=usage,
            cost_usd=None if usage is None else self._prices.cost(request.model, usage, started_at),
            worst_case_usd=prepared.worst_case_usd,
            request_id=completion.request_id if completion else error.request_id if error else None,
            stop_reason=completion.stop_reason if completion else None,
            error_category=error.category if error else None,
            error_message=error.message if error else None,
            purpose=prepared.purpose,
        )
        limits = completion.limits if completion else error.limits if error else ()
        return Answer(attempt, completion.text if completion else "", error, limits)

    async def _complete(self, request: Request, purpose: Purpose) -> tuple[Completion | None, ProviderError | None]:
        """What came back, and why it is not an output."""
        try:
            completion = await self._provider.complete(request)
        except ProviderError as error:
            return None, error
        except asyncio.CancelledError:
            # Only an engine that has to end cancels calls; that this one was made must still be written down.
            return None, ProviderError(ErrorCategory.CONNECTION, "the process ended before the answer came")
        except Exception as error:  # noqa: BLE001  # a defect of ours must cost one item, not the job
            return None, ProviderError(ErrorCategory.INTERNAL, f"{type(error).__name__}: {error}")
        return completion, _unusable(completion, request, purpose)


def expected_tokens(request: Request, purpose: Purpose, phase: Phase, tier: Tier | None) -> TokenProfile:
    """What a call will likely use: what its phase says, and of input what its prompts come to, if that is more."""
    likely = max(1, request.sent_bytes // LIKELY_BYTES_PER_TOKEN)
    if purpose is Purpose.JUDGEMENT:
        return TokenProfile(input_tokens=likely, output_tokens=JUDGE_OUTPUT_TOKENS)
    if phase.is_measured(tier):
        return TokenProfile(input_tokens=likely, output_tokens=phase.output_of(likely))
    said = phase.expected_tokens(tier)
    return said.model_copy(update={"input_tokens": max(said.input_tokens, likely)})


def _unusable(completion: Completion, request: Request, purpose: Purpose) -> ProviderError | None:
    """Why an answer that arrived whole is of no use; None where it is."""
    error = refusal_of(completion.stop_reason, completion.text, request.max_tokens)
    if error is not None or purpose is Purpose.ANSWER:
        return error
    try:
        verdict_of(completion.text)
    except ProviderError as unreadable:
        return unreadable
    return None


def _is_free(error: ProviderError) -> bool:
    """Whether the provider said that it did not do the work; where time ran out somewhere, it may have."""
    answered = error.http_status is not None and error.http_status >= 400
    return answered and error.category not in (ErrorCategory.TIMEOUT, ErrorCategory.CONNECTION)
