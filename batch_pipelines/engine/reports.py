"""Words the engine's news about items for the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from batch_pipelines.domain.answers import AnswerKey, KeptAnswer
from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.engine.caller import Answer
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.rulings import Outcome, Ruling
from batch_pipelines.engine.work import Call


class Reports:
    """Words news, and hands over to the ledger what no journal has to keep; `clock` dates it."""

    def __init__(self, checkpoints: Checkpoints, clock: Callable[[], datetime]) -> None:
        self._checkpoints = checkpoints
        self._clock = clock

    def start(self, call: Call) -> None:
        """The item is running, unless the ledger knows that already."""
        if not call.started:
            call.started = True
            self._checkpoints.add(self._news(call, trigger=ItemTrigger.START))

    def ended(self, call: Call, answer: Answer, ruling: Ruling, answer_key: AnswerKey | None) -> Report:
        """A call ended; the one that gave an output carries it, and the one that ends its item says so."""
        news: dict[str, Any] = {"attempt": answer.attempt}
        if ruling.outcome is Outcome.OUTPUT:
            news |= {"output": answer.text, "trigger": _ending(call), "answer_key": answer_key}
        elif ruling.outcome is Outcome.FAILURE:
            news |= {"trigger": ItemTrigger.FAIL, "item_error": ruling.error}
        return self._news(call, **news)

    def reuse(self, call: Call, kept: KeptAnswer) -> None:
        """A kept answer is the phase's output, and the item's if the phase is the last."""
        self.start(call)
        self._checkpoints.add(self._news(call, output=kept.output, trigger=_ending(call), reused=True))

    def unsent(self, call: Call, error: ProviderError) -> None:
        """No call could be made, which ends the item."""
        self.start(call)
        self._checkpoints.add(self._news(call, trigger=ItemTrigger.FAIL, item_error=error))

    def _news(self, call: Call, **news: Any) -> Report:
        item = call.item
        return Report(row=item.row, item_id=item.item_id, phase=call.run.phase.name, at=self._clock(), **news)


def _ending(call: Call) -> ItemTrigger | None:
    return ItemTrigger.COMPLETE if call.run.is_last else None
