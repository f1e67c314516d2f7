"""What tests of shipped pipelines share: where they lie, and what their items became."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.pipelines.catalogue import SHIPPED
from batch_pipelines_tests.acceptance.conftest import Deployment

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
TEXTS = ROOT.parent / "shared" / "data"
"""Public-domain texts to try things on, beside the project where they are there."""


def sample(pipeline: str) -> Path:
    """The sample items of a shipped pipeline."""
    return SHIPPED / pipeline / "sample_items.jsonl"


def texts(name: str) -> Path:
    """A file of texts; skips the test where it is not there."""
    path = TEXTS / name
    if not path.exists():
        pytest.skip(f"{name} lies beside the project only where it is developed")
    return path


def by_id(deployment: Deployment, status: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The results of a batch job by item, in which every item is completed."""
    results = {result["item_id"]: result for result in deployment.results(status["id"])}
    assert {result["status"] for result in results.values()} == {"completed"}, results
    return results


def outputs(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Their outputs, read as JSON."""
    return {item_id: json.loads(result["output"]) for item_id, result in results.items()}
