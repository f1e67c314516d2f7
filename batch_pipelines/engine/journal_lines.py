"""The lines of a journal: JSON, because a journal may be read by a later version than wrote it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from batch_pipelines.domain.answers import AnswerKey
from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory, ProviderError
from batch_pipelines.domain.retrieval import Source
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.trial import Purpose, Trial
from batch_pipelines.domain.usage import Usage

CallKey = tuple[int, str, int, datetime]
"""Item row, phase, number and start of an attempt."""
LOST = "the run died before the answer came"


@dataclass(frozen=True, slots=True)
class Begun:
    """A call that is about to be made."""

    row: int
    item_id: str
    phase: str
    number: int
    started_at: datetime
    model: str
    simulated: bool
    worst_case_usd: Decimal
    purpose: Purpose = Purpose.ANSWER

    @property
    def key(self) -> CallKey:
        """What makes it the same call as one that ended."""
        return (self.row, self.phase, self.number, self.started_at)

    def as_lost(self) -> Report:
        """The attempt of a call of which nobody knows how it ended; its duration, too, is unknown and counts as 0."""
        attempt = Attempt(
            number=self.number,
            started_at=self.started_at,
            duration_ms=0.0,
            model=self.model,
            simulated=self.simulated,
            usage=None,
            cost_usd=None,
            worst_case_usd=self.worst_case_usd,
            request_id=None,
            stop_reason=None,
            error_category=ErrorCategory.CONNECTION,
            error_message=LOST,
            purpose=self.purpose,
        )
        return Report(self.row, self.item_id, self.phase, self.started_at, attempt=attempt)


def key_of(report: Report) -> CallKey:
    """What makes the attempt of a report the same call as one that began."""
    assert report.attempt is not None, "only calls stand in a journal"
    return (report.row, report.phase, report.attempt.number, report.attempt.started_at)


def begun_line(call: Begun) -> bytes:
    """The line for a call that is about to be made."""
    return _line(
        {
            "row": call.row,
            "item_id": call.item_id,
            "phase": call.phase,
            "number": call.number,
            "started_at": call.started_at.isoformat(),
            "model": call.model,
            "simulated": call.simulated,
            "worst_case_usd": str(call.worst_case_usd),
            "purpose": call.purpose,
        }
    )


def ended_line(report: Report) -> bytes:
    """The line for a call that ended."""
    attempt, error, key = report.attempt, report.item_error, report.answer_key
    assert attempt is not None, "only calls stand in a journal"
    usage = attempt.usage
    return _line(
        {
            "row": report.row,
            "item_id": report.item_id,
            "phase": report.phase,
            "at": report.at.isoformat(),
            "trigger": report.trigger,
            "output": report.output,
            "item_error": error and [error.category, error.message],
            "answer_key": key and [key.digest, key.parts],
            "trial": report.trial and report.trial.model_dump(mode="json"),
            "sources": [source.model_dump() for source in report.sources],
            "attempt": {
                "number": attempt.number,
                "started_at": attempt.started_at.isoformat(),
                "duration_ms": attempt.duration_ms,
                "model": attempt.model,
                "simulated": attempt.simulated,
                "usage": usage and usage.model_dump(),
                "cost_usd": None if attempt.cost_usd is None else str(attempt.cost_usd),
                "worst_case_usd": str(attempt.worst_case_usd),
                "request_id": attempt.request_id,
                "stop_reason": attempt.stop_reason,
                "error_category": attempt.error_category,
                "error_message": attempt.error_message,
                "purpose": attempt.purpose,
            },
        }
    )


def read_line(line: bytes) -> Begun | Report:
    """What a line says."""
    values = json.loads(line)
    if "attempt" in values:
        return _report(values)
    values["started_at"] = datetime.fromisoformat(values["started_at"])
    values["worst_case_usd"] = Decimal(values["worst_case_usd"])
    values["purpose"] = Purpose(values["purpose"])
    return Begun(**values)


def _report(values: dict[str, Any]) -> Report:
    trigger, error, key = values.pop("trigger"), values.pop("item_error"), values.pop("answer_key")
    trial, sources = values.pop("trial"), values.pop("sources")
    return Report(
        at=datetime.fromisoformat(values.pop("at")),
        trigger=trigger and ItemTrigger(trigger),
        attempt=_attempt(values.pop("attempt")),
        item_error=error and ProviderError(ErrorCategory(error[0]), error[1]),
        answer_key=key and AnswerKey(key[0], tuple((name, digest) for name, digest in key[1])),
        trial=trial and Trial(**trial),
        sources=tuple(Source(**source) for source in sources),
        **values,
    )


def _attempt(values: dict[str, Any]) -> Attempt:
    usage, cost, category = values.pop("usage"), values.pop("cost_usd"), values.pop("error_category")
    return Attempt(
        started_at=datetime.fromisoformat(values.pop("started_at")),
        usage=usage and Usage(**usage),
        cost_usd=None if cost is None else Decimal(cost),
        worst_case_usd=Decimal(values.pop("worst_case_usd")),
        error_category=category and ErrorCategory(category),
        purpose=Purpose(values.pop("purpose")),
        **values,
    )


def _line(values: dict[str, Any]) -> bytes:
    # An answer may hold half a surrogate pair, which UTF-8 proper has no bytes for.
    return json.dumps(values, ensure_ascii=False).encode(errors="surrogatepass") + b"\n"
