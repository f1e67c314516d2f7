"""`export`, and what a run says about the file of its results."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from batch_pipelines.cli.running import _exit_code
from batch_pipelines.control.status import view_status
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.orchestration.services import Services
from batch_pipelines_tests.cli.conftest import Call, Finished
from batch_pipelines_tests.records import planned_job, run_job, services_in

ITEMS = [{"id": "a", "kind": "tea", "grams": 20}, {"id": "b", "kind": "=rum", "grams": 5}, {"id": "c", "kind": "tea"}]


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    """The ledger that commands see, and an engine."""
    opened = services_in(home)
    yield opened
    opened.close()


@pytest.fixture
def job(services: Services, tmp_path: Path) -> BatchJob:
    """A batch job over three records that completed; nobody delivered it yet."""
    delivery = {"to": "{job}.md", "group_by": "kind"}
    return run_job(services, planned_job(services, tmp_path, items=ITEMS, delivery=delivery))


def test_results_go_where_the_batch_job_wants_them(call: Call, job: BatchJob, tmp_path: Path) -> None:
    """Without a path, by its own delivery (F4, F7)."""
    outcome = call("export", job.id)

    assert (outcome.code, outcome.out, outcome.err) == (0, f"{tmp_path / job.id}.md: 3 rows\n", "")
    assert "| tea | 2 | 66.7 % | 0 | 20 | 20 |" in (tmp_path / f"{job.id}.md").read_text()


def test_the_ending_tells_the_format(call: Call, job: BatchJob, tmp_path: Path) -> None:
    """Of a path in the working directory; what was grouped in the report is not in a table (F7)."""
    answers = [call("export", job.id, "--to", name, "--json").json for name in ("a.csv", "b.parquet", "c.jsonl")]

    assert [answer["rows"] for answer in answers] == [3, 3, 3]
    assert answers[0] == {
        "id": job.id,
        "status": "completed",
        "path": str(tmp_path / "a.csv"),
        "rows": 3,
        "repeats": 0,
        "vectors": None,
    }
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["tea", "'=rum", "tea"]
    assert pq.read_table(tmp_path / "b.parquet").column("grams").to_pylist() == [20, 5, None]
    assert json.loads((tmp_path / "c.jsonl").read_text().splitlines()[2]) == {"id": "c", "kind": "tea"}


def test_format_content_and_groups_can_be_said(call: Call, job: BatchJob, tmp_path: Path) -> None:
    """In place of what the batch job's own delivery says."""
    assert call("export", job.id, "--to", "a.txt", "--format", "jsonl", "--content", "results").code == 0
    assert call("export", job.id, "--group-by", "grams").code == 0

    assert json.loads((tmp_path / "a.txt").read_text().splitlines()[0])["input"] == {"kind": "tea", "grams": 20}
    assert "## By grams" in (tmp_path / f"{job.id}.md").read_text()


def test_what_is_simulated_says_so(call: Call, ran: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every row of results; of a batch job whose items failed in part, all of them are there."""
    # An export is noted in the ledger, and other tests look at that of this batch job.
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in ran.home.glob("batch_pipelines.db*"):
        shutil.copy(file, copy)
    monkeypatch.setenv("DAGSTER_HOME", str(copy))
    assert call("export", ran.id, "--to", tmp_path / "a.jsonl", "--content", "results").code == 0
    assert call("export", ran.id, "--to", tmp_path / "b.jsonl").code == 0

    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["simulated"] for row in rows] == [True] * 6
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) == 4


def test_an_unfinished_job_is_exported_as_far_as_it_came(call: Call, services: Services, tmp_path: Path) -> None:
    """With a word about it on standard error."""
    pending = planned_job(services, tmp_path, items=ITEMS)

    outcome = call("export", pending.id, "--to", "a.csv")

    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'a.csv'}: 0 rows\n")
    assert "is pending; this is what it has come to so far" in outcome.err
    assert (tmp_path / "a.csv").read_bytes() == b"id\r\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "a.xlsx"], "delivery.to: 'a.xlsx' has an ending that tells no format"),
        (["--to", "a.csv", "--group-by", "kind"], "delivery.group_by: 'kind' is set, but only a report is grouped"),
        (["--format", "csv"], "delivery.group_by: 'kind' is set, but only a report is grouped"),
        (["--to", "home"], "has an ending that tells no format"),
        (["--to", "home", "--format", "csv"], "/home' is no file; name a file"),
        (["--to", "ftp://host/a.csv"], "is an address of no kind that is known"),
    ],
)
def test_what_cannot_be_written_is_explained(call: Call, job: BatchJob, arguments: list[str], complaint: str) -> None:
    """As a user's mistake, without a traceback."""
    outcome = call("export", job.id, *arguments)

    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err


def test_a_job_without_a_delivery_needs_a_path(call: Call, services: Services, tmp_path: Path) -> None:
    """Nobody guesses where to."""
    outcome = call("export", planned_job(services, tmp_path, items=ITEMS).id)

    assert outcome.code == 2
    assert "--to is missing; name a file; the batch job has no delivery of its own" in outcome.err


def test_status_and_exit_code_tell_what_became_of_the_file(
    call: Call, job: BatchJob, services: Services, tmp_path: Path
) -> None:
    """A completed batch job whose file is missing is no success (F4)."""
    (tmp_path / f"{job.id}.md").mkdir()
    assert call("export", job.id).code == 2
    failed = view_status(services.ledger, job.id)
    (tmp_path / f"{job.id}.md").rmdir()
    assert call("export", job.id).code == 0

    assert _exit_code(failed) == 1
    assert failed.delivery is not None
    assert "is no file" in (failed.delivery.problem or "")
    assert call("status", job.id, "--json").json["delivery"] == {
        "to": str(tmp_path / f"{job.id}.md"),
        "rows": 3,
        "problem": None,
    }
    assert _exit_code(view_status(services.ledger, job.id)) == 0
