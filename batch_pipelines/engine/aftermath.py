"""What becomes of calls and their items in one batch job: an output, another call, a failure, or a later run."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from batch_pipelines.domain.answers import AnswerCache, AnswerKey
from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import ErrorCategory, JournalUnavailable, ProviderError
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.trial import Purpose
from batch_pipelines.engine.admission import Admission
from batch_pipelines.engine.ahead import Ahead
from batch_pipelines.engine.answer_keys import answer_key
from batch_pipelines.engine.caller import Answer, Caller
from batch_pipelines.engine.checking import Problems
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.given import Given
from batch_pipelines.engine.prompts import Subject, request_of
from batch_pipelines.engine.reports import Reports
from batch_pipelines.engine.reviews import Reviews
from batch_pipelines.engine.rulings import Outcome, Ruling, Rulings
from batch_pipelines.engine.steps import is_validated
from batch_pipelines.engine.waiting import Waiting
from batch_pipelines.engine.work import Call
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.quality.cascade import Accept, GiveUp, answered, judged, next_step
from batch_pipelines.quality.judging import verdict_of


class Host(Protocol):
    """The session whose calls these are."""

    halted: bool
    """Whether nothing more is to start."""
    is_abandoned: bool
    """Whether calls in flight were given up."""

    def halt(self, kind: RequestKind, reason: str) -> None:
        """Start nothing more, and say why."""


class Aftermath:
    """Lives on the engine's event loop; every call that is handed to it ends, waits again, or is left.

    `turn` lets calls start that can.
    """

    def __init__(
        self,
        job: BatchJob,
        host: Host,
        caller: Caller,
        admission: Admission,
        checkpoints: Checkpoints,
        reports: Reports,
        waiting: Waiting,
        ahead: Ahead,
        random: Random,
        turn: Callable[[], None],
    ) -> None:
        self.reviews = Reviews(self._after_review)
        self.rulings = Rulings(job, random)
        self._job = job
        self._host = host
        self._caller = caller
        self._admission = admission
        self._checkpoints = checkpoints
        self._reports = reports
        self._waiting = waiting
        self._ahead = ahead
        self._turn = turn
        self._failed: set[int] = set()
        """Rows of items that failed here, for which another phase may still want calls."""

    def give(self, call: Call, given: Given) -> None:
        """An output, or a failure, that takes no call."""
        if given.error is not None:
            self.fail(call, given.error)
        else:
            self._reports.give(call, given)
            self._complete(call, given.output)

    def is_moot(self, call: Call) -> bool:
        """Whether the call's item failed in another phase, which ends it here too."""
        if call.item.row not in self._failed:
            return False
        call.run.end(call)
        return True

    def fail(self, call: Call, error: ProviderError) -> None:
        """Fail an item for a reason that is no call's: none could be made, or none gave what was needed."""
        self._reports.fail(call, error)
        ruling = self.rulings.failure(call, error)
        if ruling.halt is not None:
            self._host.halt(*ruling.halt)
        self._end(call, ruling.outcome)

    def conclude(self, call: Call, answer: Answer, slots: int) -> None:
        """Keep the attempt, and let happen to its item what is ruled; `slots` as `Rulings.ruling` has them."""
        host = self._host
        ruling = self.rulings.ruling(call, answer, slots, is_draining=host.halted or host.is_abandoned)
        if host.is_abandoned and ruling.outcome is not Outcome.OUTPUT:
            ruling = Ruling(Outcome.LEFT, halt=ruling.halt)
        if ruling.outcome is Outcome.OUTPUT and is_validated(call.run.phase):
            self._weigh(call, answer)
            return
        self._keep(call, self._reports.ended(call, answer, ruling, self._key_of(call)))
        if ruling.halt is not None:
            host.halt(*ruling.halt)
        if ruling.outcome is Outcome.AGAIN and not host.halted:
            self._try_again(call, ruling)
        elif ruling.outcome is Outcome.OUTPUT:
            self._complete(call, answer.text)
        else:
            self._end(call, ruling.outcome)

    def break_off(self, call: Call, error: BaseException) -> None:
        """A defect of ours stops the batch job."""
        self._host.halt(RequestKind.STOP, f"the engine failed: {error!r}")
        call.run.leave(call)

    def _weigh(self, call: Call, answer: Answer) -> None:
        """An answer of a validated phase is kept with what it used before anything is thought of it."""
        if answer.attempt.purpose is Purpose.ANSWER:
            call.trial = answered(call.trial, answer.text, answer.attempt.model)
        else:
            call.trial = judged(call.trial, verdict_of(answer.text))
        self._keep(call, self._reports.tried(call, answer))
        self.reviews.begin(call)

    def _after_review(self, call: Call, found: Problems | ProviderError | None) -> None:
        try:
            if found is None:
                call.run.leave(call)
            elif isinstance(found, ProviderError):
                self.fail(call, found)
            else:
                self._advance(call, found)
        except Exception as error:  # noqa: BLE001  # a defect that got away would leave everybody waiting for ever
            self.break_off(call, error)
        self._turn()

    def _advance(self, call: Call, problems: Problems) -> None:
        """Let happen what follows the pending answer."""
        phase, item = call.run.phase, call.item
        models = self._job.pipeline.cascade(phase, self._job.options.model, item.complexity, item.tier)
        step = next_step(phase.validation, call.trial, problems, len(models))
        if isinstance(step, Accept):
            self._reports.accept(call, step.answer, self._key_of(call))
            self._complete(call, step.answer.text)
        elif isinstance(step, GiveUp):
            self.fail(call, ProviderError(ErrorCategory.VALIDATION, step.reason))
        elif self._host.halted:
            call.run.leave(call)
        else:
            call.go_on(step.trial)
            self._waiting.put_first(call)

    def _keep(self, call: Call, report: Report) -> None:
        """In the journal at once, in the ledger soon."""
        try:
            self._admission.keep(call, report)
        except JournalUnavailable as error:
            self._host.halt(RequestKind.PAUSE, str(error))
        self._checkpoints.add(report)

    def _key_of(self, call: Call) -> AnswerKey | None:
        """Under what an output is kept; None where it is not."""
        if self._job.options.answer_cache is not AnswerCache.READ_WRITE:
            return None
        # As it was first asked: a raised cap is our own doing, and the next batch job would not find it.
        return answer_key(call.run.phase, request_of(self._job, call.run.phase, Subject.of(call.item)))

    def _try_again(self, call: Call, ruling: Ruling) -> None:
        if ruling.max_tokens is None:
            call.retries += 1
        else:
            assert call.prepared is not None, "only a prepared call is started"
            call.is_cap_raised = True
            call.prepared = self._caller.with_cap(call.prepared, call.run.phase, call.item, ruling.max_tokens)
        self._waiting.sleep(call, ruling.seconds, self._turn)

    def _complete(self, call: Call, output: str) -> None:
        """The phase has its output, with which the item may go on."""
        call.run.end(call)
        if call.run.is_last:
            self._forget(call)
        elif not self._host.halted:
            self._waiting.add(self._ahead.follow(call, output))

    def _end(self, call: Call, outcome: Outcome) -> None:
        if outcome is Outcome.FAILURE:
            call.run.end(call)
            if len(self._job.pipeline.phases) > 1:
                self._failed.add(call.item.row)
        else:
            call.run.leave(call)
        self._ahead.forget(call.item.row)
        self._forget(call)

    def _forget(self, call: Call) -> None:
        """The item is done with, or left to a later run."""
        self.rulings.forget(call)
        self._reports.forget(call)
