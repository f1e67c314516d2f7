"""Items from the results of an earlier batch job."""

from __future__ import annotations

from pathlib import Path

import pytest

from batch_pipelines.domain.errors import ErrorCategory, InvalidInput, JobNotFound
from batch_pipelines.domain.routing import Tier
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.analytics.story import create, fail, succeed
from batch_pipelines_tests.inputs.samples import read, source_of
from batch_pipelines_tests.reports import rows_of
from batch_pipelines_tests.ways import bring


@pytest.fixture
def done(sqlite_ledger: Ledger) -> Ledger:
    """A ledger with `job_1`, which completed the first and the last of its three items."""
    job = create(sqlite_ledger, Tier.TEMPLATE, Tier.SCENARIO, None)
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    first, second, third = rows_of(sqlite_ledger, job.id)
    for reports in (
        succeed(first, 0, 1, "0.1"),
        fail(second, 1, 1, "0.1", ErrorCategory.REFUSAL),
        succeed(third, 2, 1, "0.1"),
    ):
        sqlite_ledger.record(job.id, reports)
    sqlite_ledger.move_job(job.id, JobTrigger.COMPLETE)
    return sqlite_ledger


def test_completed_items_are_items_again(done: Ledger, tmp_path: Path) -> None:
    """With their parameters, the tier they have, and their outputs as texts; failed ones stay behind (F6)."""
    outputs = {"output": "Text.", "phase_outputs": {"generate": "Text."}}

    assert read(tmp_path, job="job_1", ledger=done) == [
        {"id": "item_0", "topic": "t0", "tier": "template", **outputs},
        {"id": "item_2", "topic": "t2", **outputs},
    ]


def test_they_are_filtered_like_any_other(done: Ledger, tmp_path: Path) -> None:
    """And named by their ids in errors (F6)."""
    source = source_of(tmp_path, job="job_1", ledger=done, where={"topic": "t2"})

    assert [record.place for record in source.records] == ["item 'item_2'"]
    assert source.title == "job_1"


@pytest.mark.parametrize("status", [JobStatus.PENDING, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.RETRYING])
def test_a_job_that_is_not_over_is_refused(sqlite_ledger: Ledger, tmp_path: Path, status: JobStatus) -> None:
    """Half of its results would be taken for all of them (F6)."""
    bring(sqlite_ledger, create(sqlite_ledger, None).id, status)

    with pytest.raises(InvalidInput, match=f"items.job: 'job_1' is '{status.value}', so its results are not complete"):
        read(tmp_path, job="job_1", ledger=sqlite_ledger)


def test_a_job_of_another_project_is_refused(done: Ledger, tmp_path: Path) -> None:
    """Projects do not see each other's results (F6)."""
    with pytest.raises(InvalidInput, match=r"items\.job: 'job_1' belongs to the project 'default', and the spec"):
        read(tmp_path, job="job_1", ledger=done, project="b")


def test_a_job_that_is_not_there_is_named(done: Ledger, tmp_path: Path) -> None:
    """As by every command (F6)."""
    with pytest.raises(JobNotFound, match="no batch job 'job_7'"):
        read(tmp_path, job="job_7", ledger=done)
