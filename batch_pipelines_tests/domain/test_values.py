"""Values that other parts reckon with: usage, the line of a result."""

from __future__ import annotations

from decimal import Decimal

from batch_pipelines.domain.errors import ErrorCategory, Severity
from batch_pipelines.domain.job import ItemError, ItemResult
from batch_pipelines.domain.routing import Complexity, Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.domain.usage import Usage

LINE_KEYS = {
    "item_id",
    "status",
    "input",
    "output",
    "phase_outputs",
    "error",
    "attempts",
    "retries",
    "duration_ms",
    "quality_score",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "model",
}
"""The contract's keys of a result."""


def test_usage_adds_up() -> None:
    """All input is counted, cached or not."""
    usage = Usage(input_tokens=1, output_tokens=2, cache_read_input_tokens=3, cache_creation_input_tokens=4)

    assert usage.total_input_tokens == 8
    assert usage + usage == Usage(
        input_tokens=2, output_tokens=4, cache_read_input_tokens=6, cache_creation_input_tokens=8
    )


def test_a_result_is_a_line_of_the_contract() -> None:
    """Money is a decimal string, and what is unknown is null (E2)."""
    result = ItemResult(
        item_id="a",
        position=0,
        tier=Tier.TEMPLATE,
        complexity=Complexity.SIMPLE,
        status=ItemStatus.FAILED,
        input={"topic": "Tea"},
        output=None,
        phase_outputs={},
        error=ItemError(category=ErrorCategory.REFUSAL, severity=Severity.HIGH, message="no"),
        attempts=2,
        retries=1,
        duration_ms=1.5,
        quality_score=None,
        usage=Usage(input_tokens=1, cache_read_input_tokens=2, output_tokens=3),
        cost_usd=Decimal("0.10"),
        model="m",
    )

    line = result.as_line()

    assert line.keys() >= LINE_KEYS
    assert "position" not in line
    assert line["cost_usd"] == "0.10"
    assert line["error"] == {"category": "refusal", "severity": "high", "message": "no"}
    assert (line["input_tokens"], line["output_tokens"], line["quality_score"]) == (3, 3, None)
