"""Words the engine's news about items for the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.attempt import Purchase, Report
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.retrieval import Source
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.trial import Candidate
from batch_pipelines.engine.caller import Answer
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.given import Given
from batch_pipelines.engine.rulings import Outcome, Ruling
from batch_pipelines.engine.work import NOTHING_TRIED, Call


class Reports:
    """Words news, and hands over to the ledger what no journal has to keep; `clock` dates it."""

    def __init__(self, checkpoints: Checkpoints, clock: Callable[[], datetime], *, simulated: bool) -> None:
        self._checkpoints = checkpoints
        self._clock = clock
        self._simulated = simulated
        self._started: set[int] = set()
        """Rows of items that the ledger was told are running; of those that are not done."""

    def start(self, call: Call) -> None:
        """The item is running, unless the ledger knows that already."""
        row = call.item.row
        if not call.started and row not in self._started:
            self._started.add(row)
            self._checkpoints.add(self._news(call, trigger=ItemTrigger.START))
        call.started = True

    def ended(self, call: Call, answer: Answer, ruling: Ruling, answer_key: AnswerKey | None) -> Report:
        """A call ended; the one that gave an output carries it, and the one that ends its item says so."""
        news: dict[str, Any] = {"attempt": answer.attempt}
        if ruling.outcome is Outcome.OUTPUT:
            news |= {"output": answer.text, "trigger": _ending(call), "answer_key": answer_key}
            news["sources"] = _sources(call)
        elif ruling.outcome is Outcome.FAILURE:
            news |= {"trigger": ItemTrigger.FAIL, "item_error": ruling.error}
        return self._news(call, **news)

    def tried(self, call: Call, answer: Answer) -> Report:
        """A call ended that brought its item's trial further, and ended nothing."""
        return self._news(call, attempt=answer.attempt, trial=call.trial)

    def accept(self, call: Call, answer: Candidate, answer_key: AnswerKey | None) -> None:
        """An answer was good enough, so it is the phase's output, and the item's if the phase is the last."""
        self.start(call)
        bill, purchase = call.bill, None
        # An answer that an earlier run asked for was paid for there, and nobody knows here how dearly.
        if bill.usage is not None and bill.cost_usd is not None and call.item.trial is None:
            purchase = Purchase(answer.model, self._simulated, bill.usage, bill.cost_usd)
        self._tell_output(
            call,
            output=answer.text,
            assessment=answer.assessment,
            answer_key=answer_key if purchase else None,
            purchase=purchase,
        )

    def give(self, call: Call, given: Given) -> None:
        """An output that took no call."""
        self.start(call)
        self._tell_output(call, output=given.output, reused=given.reused, assessment=given.assessment)

    def fail(self, call: Call, error: ProviderError) -> None:
        """The item fails, and no call says why; what was tried does not count for a later try."""
        self.start(call)
        trial = None if call.trial == NOTHING_TRIED else NOTHING_TRIED
        self._checkpoints.add(self._news(call, trigger=ItemTrigger.FAIL, item_error=error, trial=trial))

    def forget(self, call: Call) -> None:
        """The item is done with."""
        self._started.discard(call.item.row)

    def _tell_output(self, call: Call, **news: Any) -> None:
        self._checkpoints.add(self._news(call, trigger=_ending(call), sources=_sources(call), **news))

    def _news(self, call: Call, **news: Any) -> Report:
        item = call.item
        return Report(row=item.row, item_id=item.item_id, phase=call.run.phase.name, at=self._clock(), **news)


def _ending(call: Call) -> ItemTrigger | None:
    return ItemTrigger.COMPLETE if call.run.is_last else None


def _sources(call: Call) -> tuple[Source, ...]:
    return tuple(passage.reference for passage in call.item.passages)
