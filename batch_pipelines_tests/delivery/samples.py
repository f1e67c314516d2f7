"""Results and a batch job for tests of files."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from batch_pipelines.delivery.rows import Results
from batch_pipelines.domain.errors import ErrorCategory, Severity
from batch_pipelines.domain.job import BatchJob, ItemError, ItemResult
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.routing import Complexity
from batch_pipelines.domain.spec import Budget, Options, Priority
from batch_pipelines.domain.task_types import PhaseKind, TaskType
from batch_pipelines.domain.transitions import ItemStatus, JobStatus
from batch_pipelines.domain.usage import Usage
from batch_pipelines_tests.clock import START


def result(item_id: str, output: Any, **changes: Any) -> ItemResult:
    """A completed item; an output that is no text is written as JSON."""
    values: dict[str, Any] = {
        "item_id": item_id,
        "position": 0,
        "tier": None,
        "complexity": Complexity.SIMPLE,
        "status": ItemStatus.COMPLETED,
        "input": {"topic": "Tea"},
        "output": output if isinstance(output, str | None) else json.dumps(output),
        "phase_outputs": {},
        "error": None,
        "attempts": 1,
        "retries": 0,
        "duration_ms": 800.0,
        "quality_score": None,
        "usage": Usage(input_tokens=10, output_tokens=20),
        "cost_usd": Decimal("0.25"),
        "model": "claude-test",
    }
    return ItemResult(**{**values, **changes})


def failure(item_id: str, message: str = "$.year: None is no number.", **changes: Any) -> ItemResult:
    """An item that did not pass a check."""
    error = ItemError(category=ErrorCategory.VALIDATION, severity=Severity.MEDIUM, message=message)
    return result(item_id, None, status=ItemStatus.FAILED, error=error, **changes)


def given(*results: ItemResult) -> Results:
    """These, as often as they are asked for."""
    return lambda: iter(results)


def job(**changes: Any) -> BatchJob:
    """A batch job over records that completed, and was no simulation."""
    keep = Phase(name="keep", task_type=TaskType.RECORD, kind=PhaseKind.RECORD)
    values: dict[str, Any] = {
        "id": "job_1",
        "name": "Books",
        "description": "",
        "project": "default",
        "pipeline": Pipeline(name="keep", phases=(keep,)),
        "tier": None,
        "options": Options(concurrency=1),
        "budget": Budget(),
        "tags": {},
        "simulated": False,
        "priority": Priority.NORMAL,
        "status": JobStatus.COMPLETED,
        "total_items": 4,
        "created_at": START,
        "started_at": START,
        "completed_at": START,
        "run_id": None,
        "error": None,
        "warnings": (),
        "estimate": None,
    }
    return BatchJob(**{**values, **changes})
