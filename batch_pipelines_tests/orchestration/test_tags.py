"""Run tags set by hand go before the config (D1)."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.control.overriding import Overrides
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob, Plan
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.assets import SERVICES, pipeline_assets
from batch_pipelines.orchestration.services import services, utc_now
from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, TIER_TAG, overrides_of, tags_of
from batch_pipelines.orchestration.worker import run_config
from batch_pipelines.settings import load_settings
from batch_pipelines_tests.control.samples import TIERED, items, plan


def test_tags_ask_for_a_tier_and_a_concurrency() -> None:
    """Other tags ask for nothing."""
    assert overrides_of({TIER_TAG: "template", CONCURRENCY_TAG: "9", "other": "x"}) == Overrides("template", 9)
    assert overrides_of({"dagster/priority": "1"}) == Overrides()


@pytest.mark.parametrize("value", ["many", "-1", "1.5", ""])
def test_a_tag_without_meaning_is_refused(value: str) -> None:
    """The error names the tag and the value."""
    with pytest.raises(InvalidInput, match=f"run tag {CONCURRENCY_TAG}: '{value}' is not a whole number"):
        overrides_of({CONCURRENCY_TAG: value})


def materialize_plan(job: BatchJob, tags: dict[str, str]) -> dg.ExecuteInProcessResult:
    """A run of the asset `plan` for an existing batch job."""
    return dg.materialize(
        pipeline_assets(TIERED)[:1], resources={SERVICES: services}, run_config=run_config(job), tags=tags
    )


@pytest.fixture
def ledger(home: Path) -> Iterator[Ledger]:
    """The ledger that a run in this process opens too."""
    with Ledger.open(load_settings().ledger_url, utc_now) as opened:
        yield opened
