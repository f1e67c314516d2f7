"""Words the engine's news about items for the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ProviderError
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines.engine.work import Call


class Reports:
    """Hands news over to be made durable; `clock` dates it."""

    def __init__(self, checkpoints: Checkpoints, clock: Callable[[], datetime]) -> None:
        self._checkpoints = checkpoints
        self._clock = clock

    def start(self, call: Call) -> None:
        """The item is running, unless the ledger knows that already."""
        if not call.started:
            call.started = True
            self._add(call, trigger=ItemTrigger.START)

    def output(self, call: Call, attempt: Attempt, output: str) -> None:
        """The attempt gave the phase's output, and the item's if the phase is the last."""
        self._add(call, attempt=attempt, output=output, trigger=ItemTrigger.COMPLETE if call.run.is_last else None)

    def spoilt(self, call: Call, attempt: Attempt) -> None:
        """The attempt gave nothing, and there may be another."""
        self._add(call, attempt=attempt)

    def failure(self, call: Call, attempt: Attempt) -> None:
        """The attempt gave nothing, which ends the item."""
        self._add(call, attempt=attempt, trigger=ItemTrigger.FAIL)

    def unsent(self, call: Call, error: ProviderError) -> None:
        """No call could be made, which ends the item."""
        self.start(call)
        self._add(call, trigger=ItemTrigger.FAIL, unsent_error=error)

    def _add(self, call: Call, **news: Any) -> None:
        item = call.item
        report = Report(row=item.row, item_id=item.item_id, phase=call.run.phase.name, at=self._clock(), **news)
        self._checkpoints.add(report)
