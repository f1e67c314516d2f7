"""Run tags set by hand go before the config, and before what a batch job says (D1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from batch_pipelines.control.overriding import Overrides
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.spec import Priority
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.assets import SERVICES, pipeline_assets
from batch_pipelines.orchestration.services import services
from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, TIER_TAG, overrides_of, tags_of
from batch_pipelines.orchestration.worker import run_config
from batch_pipelines.settings import load_settings
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.control.samples import TIERED, plan
from batch_pipelines_tests.ways import bring


def test_tags_ask_for_a_tier_and_a_concurrency() -> None:
    """Other tags ask for nothing."""
    assert overrides_of({TIER_TAG: "template", CONCURRENCY_TAG: "9", "other": "x"}) == Overrides("template", 9)
    assert overrides_of({"dagster/priority": "1"}) == Overrides()


@pytest.mark.parametrize("value", ["many", "-1", "1.5", ""])
def test_a_tag_without_meaning_is_refused(value: str) -> None:
    """The error names the tag and the value."""
    with pytest.raises(InvalidInput, match=f"run tag {CONCURRENCY_TAG}: '{value}' is not a whole number"):
        overrides_of({CONCURRENCY_TAG: value})


@pytest.fixture
def ledger(home: Path, clock: ManualClock) -> Iterator[Ledger]:
    """The ledger that a run in this process opens too."""
    with Ledger.open(load_settings().ledger_url, clock) as opened:
        yield opened


def run_plan(job: BatchJob, tags: dict[str, str]) -> dict[str, str]:
    """Run the asset `plan` for an existing batch job; the tags that the run has then."""
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            pipeline_assets(TIERED)[:1],
            instance=instance,
            resources={SERVICES: services},
            run_config=run_config(job),
            tags=tags,
        )
        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        return dict(run.tags)


def test_a_run_for_an_existing_job_changes_its_concurrency(ledger: Ledger) -> None:
    """The tag set by hand on a run that resumes a paused job is what the engine reads from the ledger (D1, D2)."""
    job = bring(ledger, submit(plan(), ledger).id, JobStatus.PAUSED)

    tags = run_plan(job, tags_of(job) | {CONCURRENCY_TAG: "7"})

    assert (ledger.job(job.id).concurrency, tags[CONCURRENCY_TAG]) == (7, "7")


def test_a_run_for_a_pending_job_changes_its_tier(ledger: Ledger) -> None:
    """The run carries on with the items of the tier that was set by hand, and says so in its tags (D1)."""
    job = submit(plan(), ledger)

    tags = run_plan(job, {TIER_TAG: "scenario"})

    assert [item.item_id for item in ledger.results(job.id)] == ["i1"]
    assert (ledger.job(job.id).tier, tags[TIER_TAG], tags[CONCURRENCY_TAG]) == ("scenario", "scenario", "3")


def test_a_run_of_our_own_changes_nothing(ledger: Ledger) -> None:
    """It carries the job's own values in its tags."""
    job = submit(plan({"tier": "template"}), ledger)
    before = ledger.events_after(job.id, 0)

    run_plan(job, tags_of(job))

    after = ledger.job(job.id)
    assert (after, ledger.events_after(job.id, 0)) == (job.model_copy(update={"run_id": after.run_id}), before)


def test_a_tag_that_cannot_take_effect_fails_the_run(ledger: Ledger) -> None:
    """With one sentence, before anything is spent, and the job stays as it was."""
    job = submit(plan(), ledger)

    with pytest.raises(dg.Failure, match=r"options\.concurrency: 11 is outside 1 to 10"):
        run_plan(job, {CONCURRENCY_TAG: "11", TIER_TAG: "template"})
    assert ledger.job(job.id) == job


@pytest.mark.parametrize(
    ("priority", "number"),
    [(Priority.LOW, "-1"), (Priority.NORMAL, "0"), (Priority.HIGH, "1"), (Priority.CRITICAL, "2")],
)
def test_dagsters_queue_goes_by_the_priority(sqlite_ledger: Ledger, priority: Priority, number: str) -> None:
    """A run of a batch job with a higher priority leaves the run queue earlier (A9)."""
    job = submit(plan({"options": {"priority": priority}}), sqlite_ledger)

    assert tags_of(job)["dagster/priority"] == number
