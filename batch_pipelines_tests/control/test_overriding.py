"""What a run may ask for in place of what its spec, or its batch job, says."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.control.overriding import Overrides, override_job, override_spec
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import InvalidInput, LimitExceeded
from batch_pipelines.domain.events import EventType
from batch_pipelines.domain.spec import Options, Spec
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.control.samples import PLAIN, items, plan
from batch_pipelines_tests.ways import bring

SPEC = Spec(pipeline="p", tier="all", options=Options(concurrency=2, retry_attempts=1))


def test_a_spec_keeps_all_but_tier_and_concurrency() -> None:
    """Both are replaced, and nothing where nothing is asked for (D1)."""
    options = Options(concurrency=9, retry_attempts=1)

    assert override_spec(SPEC, Overrides("template", 9)) == SPEC.model_copy(
        update={"tier": "template", "options": options}
    )
    assert override_spec(SPEC, Overrides()) == SPEC


def test_a_spec_for_a_tier_that_does_not_exist_is_refused() -> None:
    """The error names the value (D1)."""
    with pytest.raises(InvalidInput, match="tier: 'gold'"):
        override_spec(SPEC, Overrides(tier="gold"))


@pytest.mark.parametrize("wanted", [Overrides(), Overrides("all", 3), Overrides(tier="all"), Overrides(concurrency=3)])
def test_a_job_stays_where_nothing_differs(sqlite_ledger: Ledger, wanted: Overrides) -> None:
    """No event tells of a change that is none."""
    job = bring(sqlite_ledger, submit(plan(), sqlite_ledger).id, JobStatus.PAUSED)
    before = sqlite_ledger.events_after(job.id, 0)

    assert override_job(sqlite_ledger, job, wanted, 50) == job
    assert sqlite_ledger.events_after(job.id, 0) == before


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.FAILED])
def test_a_jobs_concurrency_changes_whenever_it_can_run(sqlite_ledger: Ledger, status: JobStatus) -> None:
    """Begun, resumed, gone on with after a crash, or run again after a failure (D1)."""
    job = bring(sqlite_ledger, submit(plan(), sqlite_ledger).id, status)

    changed = override_job(sqlite_ledger, job, Overrides("all", 10), 50)

    assert changed == job.model_copy(update={"options": job.options.model_copy(update={"concurrency": 10})})
    assert sqlite_ledger.events_after(job.id, 0)[-1].type is EventType.BATCH_UPDATED


@pytest.mark.parametrize("concurrency", [0, 11])
def test_a_concurrency_over_the_pipelines_limit_is_refused(sqlite_ledger: Ledger, concurrency: int) -> None:
    """As it is in a spec, and then the tier stays as well (A13)."""
    job = submit(plan(), sqlite_ledger)

    with pytest.raises(LimitExceeded, match=f"options.concurrency: {concurrency} is outside 1 to 10"):
        override_job(sqlite_ledger, job, Overrides("template", concurrency), 50)
    assert sqlite_ledger.job(job.id) == job


def test_a_pending_job_keeps_the_items_of_the_tier(sqlite_ledger: Ledger) -> None:
    """With their parameters and in their order; everything else of the job stays (D1, B6)."""
    job = submit(plan({"name": "Talks", "tags": {"team": "a"}}, raw=items(7, emotion="Calm")), sqlite_ledger)
    before = sqlite_ledger.results(job.id)

    changed = override_job(sqlite_ledger, job, Overrides("scenario", 9), 50)

    assert changed.model_dump(exclude={"tier", "total_items", "options"}) == (
        job.model_dump(exclude={"tier", "total_items", "options"})
    )
    assert (changed.tier, changed.total_items, changed.concurrency) == ("scenario", 2, 9)
    kept = sqlite_ledger.results(job.id)
    assert [(item.item_id, item.input) for item in kept] == [
        (item.item_id, item.input) for item in before if item.tier == "scenario"
    ]


@pytest.mark.parametrize(("name", "renamed"), [(None, "talk, 1 item"), ("Mine", "Mine")])
def test_a_name_that_counts_items_counts_anew(sqlite_ledger: Ledger, name: str | None, renamed: str) -> None:
    """A name that nobody gave says how many items there are; one that somebody gave is kept."""
    job = submit(plan({"name": name}), sqlite_ledger)

    assert override_job(sqlite_ledger, job, Overrides(tier="edge_case"), 50).name == renamed


@pytest.mark.parametrize(
    ("content", "wanted", "complaint"),
    [
        ({"tier": "template"}, "scenario", "is the tier of no item of batch job {id}, whose tier is 'template'"),
        ({"tier": "template"}, "all", "is the tier of no item of batch job {id}, whose tier is 'template'"),
        ({}, "gold", "is not known; use one of: template, scenario, edge_case, all"),
    ],
)
def test_a_tier_that_leaves_no_item_is_refused(
    sqlite_ledger: Ledger, content: dict[str, Any], wanted: str, complaint: str
) -> None:
    """Items of other tiers were left out when the job was made, and are not brought back (D1)."""
    job = submit(plan(content), sqlite_ledger)

    with pytest.raises(InvalidInput) as refused:
        override_job(sqlite_ledger, job, Overrides(tier=wanted), 50)

    assert complaint.format(id=job.id) in str(refused.value)
    assert sqlite_ledger.job(job.id) == job


def test_a_tier_for_a_job_without_tiers_is_refused(sqlite_ledger: Ledger) -> None:
    """As it is in a spec (B6)."""
    job = submit(plan(of=PLAIN), sqlite_ledger)

    with pytest.raises(InvalidInput, match="tier: 'template' is set, but talk has no tiers; remove it"):
        override_job(sqlite_ledger, job, Overrides(tier="template"), 50)


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.FAILED])
def test_a_started_job_keeps_its_tier(sqlite_ledger: Ledger, status: JobStatus) -> None:
    """Money may have gone into its other items; the concurrency asked for with it is not taken either (D1)."""
    job = bring(sqlite_ledger, submit(plan(), sqlite_ledger).id, status)

    with pytest.raises(InvalidInput, match=f"cannot replace 'all', with which batch job {job.id} has started"):
        override_job(sqlite_ledger, job, Overrides("template", 9), 50)
    assert sqlite_ledger.job(job.id) == job
