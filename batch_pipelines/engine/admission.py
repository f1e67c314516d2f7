"""Sets aside what a call needs before it is made, and accounts for it afterwards: money, room, a journal's line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import ErrorCategory, JournalUnavailable
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.engine.caller import Answer, Prepared
from batch_pipelines.engine.journal import Journal
from batch_pipelines.engine.journal_lines import Begun
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.engine.purse import ZERO, Purse
from batch_pipelines.engine.work import Call


@dataclass(frozen=True, slots=True)
class Denied:
    """A call cannot be made now, and nothing was set aside for it."""

    seconds: float | None
    """When to ask again, because a limit has no room; None where the money does not suffice."""


class Admission:
    """Lets the calls of one batch job in; lives on the engine's event loop.

    Every call that was let in is to be settled or given up once, and its attempt, if there is one, to be kept.
    """

    def __init__(self, job: BatchJob, limiter: Limiter, journal: Journal, clock: Callable[[], datetime]) -> None:
        self.purse = Purse()
        self._job = job
        self._limiter = limiter
        self._journal = journal
        self._clock = clock
        self._models = job.pipeline.models(job.options.model)

    def grant(self, concurrency: int, allotment_usd: Decimal | None, settled_usd: Decimal) -> None:
        """So many calls may come to be in flight, for so much money; see `Purse.grant`."""
        for model in self._models:
            self._limiter.expect(model, concurrency)
        self.purse.grant(allotment_usd, settled_usd)

    def admit(self, call: Call) -> Denied | None:
        """Set everything aside, and note the call in the journal; raises JournalUnavailable, with nothing set aside."""
        prepared = _prepared(call)
        if not self.purse.reserve(call.worst_case_usd):
            return Denied(None)
        wait = self._limiter.admit(prepared.request.model, call.expected)
        if wait:
            self.purse.settle(call.worst_case_usd, ZERO)
            return Denied(wait)
        begun = self._begun(call, prepared)
        # The report of a validated phase carries the trial, and what was answered before in it.
        call.reserved_bytes = prepared.answer_bytes + call.trial.text_bytes
        try:
            self._journal.begin(begun, call.reserved_bytes)
        except JournalUnavailable:
            self.purse.settle(call.worst_case_usd, ZERO)
            self._limiter.answered(prepared.request.model, call.expected, None, ())
            raise
        call.begun = begun
        return None

    def settle(self, call: Call, answer: Answer) -> None:
        """The call ended: account for what it used, and learn from what the provider said."""
        model, error = _prepared(call).request.model, answer.error
        self.purse.settle(call.worst_case_usd, answer.charged_usd)
        if error is not None and error.category is ErrorCategory.RATE_LIMIT:
            self._limiter.refused(model, error.retry_after_seconds, answer.limits)
        else:
            self._limiter.answered(model, call.expected, answer.attempt.usage, answer.limits)

    def give_up(self, call: Call) -> None:
        """Nobody knows what became of the call."""
        self.purse.settle(call.worst_case_usd, call.worst_case_usd)

    def keep(self, call: Call, report: Report) -> None:
        """Note in the journal how the call ended; raises JournalUnavailable."""
        self._journal.end(report, call.reserved_bytes)

    def written(self, calls: int) -> None:
        """So many more ended calls are in the ledger."""
        self._journal.written(calls)

    def _begun(self, call: Call, prepared: Prepared) -> Begun:
        return Begun(
            row=call.item.row,
            item_id=call.item.item_id,
            phase=call.run.phase.name,
            number=call.item.attempts + call.attempts + 1,
            started_at=self._clock(),
            model=prepared.request.model,
            simulated=self._job.simulated,
            worst_case_usd=prepared.worst_case_usd,
            purpose=prepared.purpose,
        )


def _prepared(call: Call) -> Prepared:
    assert call.prepared is not None, "only a prepared call is admitted"
    return call.prepared
