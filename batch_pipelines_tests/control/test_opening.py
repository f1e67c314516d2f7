"""Which batch job a run is for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.opening import find_or_create
from batch_pipelines.control.overriding import Overrides
from batch_pipelines.control.running import open_run
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import IllegalMove, InvalidInput, JobNotFound
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings
from batch_pipelines_tests.control.samples import TIERED, items, plan


def _found(ledger: Ledger, settings: Settings | None = None, **hints: Any) -> BatchJob:
    return find_or_create(
        ledger,
        settings or Settings(),
        wanted_id=hints.get("wanted_id"),
        tagged_id=hints.get("tagged_id"),
        earlier_run_ids=hints.get("earlier_run_ids", ()),
        overrides=hints.get("overrides", Overrides()),
        spec=lambda: Spec(pipeline="talk", items=hints.get("items", items(1))),
        pipelines=(TIERED,),
        folder=Path(),
    )


def test_a_run_with_a_wanted_job_takes_that(sqlite_ledger: Ledger) -> None:
    """As the command line launches it."""
    job = submit(plan(), sqlite_ledger)

    assert _found(sqlite_ledger, wanted_id=job.id).id == job.id


def test_a_wanted_job_that_is_over_or_missing_is_refused(sqlite_ledger: Ledger) -> None:
    """No other job is made in its place."""
    job = submit(plan(), sqlite_ledger)
    sqlite_ledger.move_job(job.id, JobTrigger.CANCEL)

    with pytest.raises(IllegalMove, match="is 'cancelled' and cannot become 'running'"):
        _found(sqlite_ledger, wanted_id=job.id)
    with pytest.raises(JobNotFound):
        _found(sqlite_ledger, wanted_id="bj_0")
    assert len(sqlite_ledger.list_jobs(JobFilter())) == 1


def test_a_reexecution_goes_on_with_the_job_of_the_run_before(sqlite_ledger: Ledger) -> None:
    """Re-executing a stopped run from the Dagster UI resumes its batch job (A4)."""
    job = submit(plan(), sqlite_ledger)
    open_run(sqlite_ledger, job.id, "run-1")
    sqlite_ledger.move_job(job.id, JobTrigger.DRAIN)

    assert _found(sqlite_ledger, earlier_run_ids=("run-0", "run-1")).id == job.id


def test_a_reexecution_of_a_finished_job_makes_a_new_one(sqlite_ledger: Ledger) -> None:
    """As does a run that knows of none."""
    job = submit(plan(), sqlite_ledger)
    sqlite_ledger.move_job(job.id, JobTrigger.CANCEL)

    new = _found(sqlite_ledger, tagged_id=job.id)

    assert new.id != job.id
    assert new.total_items == 1
    assert _found(sqlite_ledger).id != new.id


@pytest.mark.parametrize("hint", ["wanted_id", "tagged_id", "earlier_run_ids", "none"])
def test_what_a_run_asks_for_takes_effect_however_its_job_was_found(sqlite_ledger: Ledger, hint: str) -> None:
    """By its id, as a re-execution, or made anew (D1)."""
    job = submit(plan(), sqlite_ledger)
    sqlite_ledger.claim_run(job.id, "run-1")
    hints: dict[str, Any] = {hint: ("run-1",) if hint == "earlier_run_ids" else job.id}

    found = _found(sqlite_ledger, overrides=Overrides("template", 7), **hints)

    assert (found.id == job.id) == (hint != "none")
    assert (found.tier, found.concurrency, found.total_items) == ("template", 7, 1)


def test_nothing_is_made_of_a_bad_spec_or_for_a_provider_that_is_away(sqlite_ledger: Ledger) -> None:
    """No half-made job is left behind."""
    with pytest.raises(InvalidInput, match="is empty"):
        _found(sqlite_ledger, items=[])
    with pytest.raises(InvalidInput, match="ANTHROPIC_BASE_URL"):
        _found(sqlite_ledger, Settings(anthropic_base_url="http://127.0.0.1:9"))

    assert sqlite_ledger.list_jobs(JobFilter()) == []
