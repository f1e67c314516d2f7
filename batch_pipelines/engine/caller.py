"""Makes one call: what it asks, what it may cost, and what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from batch_pipelines.domain.attempt import Attempt
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.job import BatchJob, WorkItem
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.prompts import render_request
from batch_pipelines.engine.retries import refusal_of
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.providers.base import Completion, CompletionRequest, Provider

INPUT_MARGIN = Decimal("1.25")
"""How far a call's input may lie over what its phase expects before the worst case is too small."""

NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A call that can be made."""

    request: CompletionRequest
    worst_case_usd: Decimal


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a call; where `error` is None, `text` is the item's output of the phase."""

    attempt: Attempt
    text: str
    error: ProviderError | None


class Caller:
    """Makes the calls of one batch job."""

    def __init__(self, job: BatchJob, provider: Provider, prices: PriceBook, clock: Callable[[], datetime]) -> None:
        self._job = job
        self._provider = provider
        self._prices = prices
        self._clock = clock

    def prepare(self, phase: Phase, item: WorkItem) -> Prepared:
        """The request for an item and its worst case; raises ProviderError(TEMPLATE) or UnknownPrice."""
        model = self._job.pipeline.model_of(phase, self._job.options.model)
        request = render_request(phase, model, item.parameters, item.tier, item.phase_outputs)
        # A token is at least a byte, so bytes bound the input from above.
        sent = len((request.system or "").encode()) + len(request.prompt.encode())
        expected = int(phase.expected_tokens(item.tier).input_tokens * INPUT_MARGIN)
        worst_case = self._prices.upper_bound(model, max(sent, expected), phase.max_tokens, self._clock())
        return Prepared(request, worst_case)

    async def ask(self, request: CompletionRequest, number: int) -> Answer:
        """Make the call as the item's attempt of this number; every error becomes a part of the answer."""
        started_at, started = self._clock(), time.perf_counter()
        completion, error = await self._complete(request)
        usage = completion.usage if completion else NOTHING_USED if error and _is_free(error) else None
        attempt = Attempt(
            number=number,
            started_at=started_at,
            duration_ms=(time.perf_counter() - started) * 1000,
            model=completion.model if completion else request.model,
            simulated=completion.simulated if completion else False,
            usage=usage,
            cost_usd=None if usage is None else self._prices.cost(request.model, usage, started_at),
            request_id=completion.request_id if completion else error.request_id if error else None,
            stop_reason=completion.stop_reason if completion else None,
            error_category=error.category if error else None,
            error_message=error.message if error else None,
        )
        return Answer(attempt, completion.text if completion else "", error)

    async def _complete(self, request: CompletionRequest) -> tuple[Completion | None, ProviderError | None]:
        """What came back, and why it is not an output."""
        try:
            async with asyncio.timeout(request.timeout_seconds):
                completion = await self._provider.complete(request)
        except ProviderError as error:
            return None, error
        except TimeoutError:
            message = f"no answer within {request.timeout_seconds:g} seconds"
            return None, ProviderError(ErrorCategory.TIMEOUT, message)
        except asyncio.CancelledError:
            # Only an engine that has to end cancels calls; that this one was made must still be written down.
            return None, ProviderError(ErrorCategory.CONNECTION, "the process ended before the answer came")
        except Exception as error:  # noqa: BLE001  # a defect of ours must cost one item, not the job
            return None, ProviderError(ErrorCategory.INTERNAL, f"{type(error).__name__}: {error}")
        return completion, refusal_of(completion.stop_reason, completion.text, request.max_tokens)


def _is_free(error: ProviderError) -> bool:
    """Whether the provider said that it did not do the work; where time ran out somewhere, it may have."""
    answered = error.http_status is not None and error.http_status >= 400
    return answered and error.category not in (ErrorCategory.TIMEOUT, ErrorCategory.CONNECTION)
