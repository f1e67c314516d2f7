"""What an engine tells the ledger: attempts, and reports about items `item_0`, `item_1`, ..."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import START

WORST_CASE = Decimal("0.5")
USAGE = Usage(input_tokens=2000, output_tokens=3000, cache_read_input_tokens=100, cache_creation_input_tokens=10)
COST = Decimal("0.255000000001")
"""With a digit in the last place that the ledger keeps."""


def make_attempt(number: int = 1, **changes: Any) -> Attempt:
    """An accepted answer that cost COST and used USAGE in 800 ms."""
    values: dict[str, Any] = {
        "started_at": START,
        "duration_ms": 800.0,
        "model": "claude-test",
        "simulated": False,
        "usage": USAGE,
        "cost_usd": COST,
        "worst_case_usd": WORST_CASE,
        "request_id": "req_1",
        "stop_reason": "end_turn",
        "error_category": None,
        "error_message": None,
    }
    return Attempt(number=number, **{**values, **changes})


def failed_attempt(number: int = 1, **changes: Any) -> Attempt:
    """A call that ran into the provider's overload; nobody knows what it used."""
    known = {"usage": None, "cost_usd": None, "stop_reason": None}
    error = {"error_category": ErrorCategory.OVERLOADED, "error_message": "busy"}
    return make_attempt(number, **{**known, **error, **changes})


def make_report(row: int, phase: str = "draft", item: int = 0, **changes: Any) -> Report:
    """News about `item_<item>` at the start of time."""
    return Report(**{"row": row, "item_id": f"item_{item}", "phase": phase, "at": START, **changes})


def rows_of(ledger: Ledger, batch_job_id: str) -> list[int]:
    """The keys of all items that have not ended, by position."""
    return [work.row for work in ledger.partition_work(batch_job_id, "no_such_phase", 0, 1_000_000)]
