"""Tests of batch_pipelines.control.delivering."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.delivering import deliver, with_delivery
from batch_pipelines.domain.delivery import Delivery, DeliveryNote
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.task_types import PhaseKind, TaskType
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.orchestration.services import Services
from batch_pipelines_tests.records import planned_job, run_job, services_in

ITEMS = [{"id": "a", "title": "Tea"}, {"id": "b", "title": "=1+1"}]
PLAIN = Pipeline(name="keep", phases=(Phase(name="keep", task_type=TaskType.RECORD, kind=PhaseKind.RECORD),))


@pytest.fixture
def services(home: Path) -> Iterator[Services]:
    """A ledger and an engine."""
    opened = services_in(home)
    yield opened
    opened.close()


def test_a_plan_makes_the_path_whole(tmp_path: Path) -> None:
    """A relative one starts where the spec is; the spec's goes before the pipeline's, and an address stays."""
    own = PLAIN.model_copy(update={"delivery": Delivery(to="own.csv")})

    def planned(wanted: Delivery | None, pipeline: Pipeline = own) -> str | None:
        delivery = with_delivery(pipeline, wanted, tmp_path).delivery
        return delivery and delivery.to

    assert planned(None) == str(tmp_path / "own.csv")
    assert planned(Delivery(to="{job}/{pipeline}.md")) == str(tmp_path / "{job}" / "{pipeline}.md")
    assert planned(Delivery(to="s3://bucket/a.parquet")) == "s3://bucket/a.parquet"
    assert planned(None, PLAIN) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"to": "a.xlsx"}, "delivery.to: 'a.xlsx' has an ending that tells no format; end it with .jsonl, .csv"),
        ({"to": "a.csv", "group_by": "x"}, "delivery.group_by: 'x' is set, but only a report is grouped, and this is"),
        ({"to": "a.csv", "to_index": True}, "delivery.to_index: True is set, but no phase of keep makes vectors"),
        ({"to": "{date}.csv"}, "has {date}, which stands for nothing; use {job} or {pipeline}"),
        ({"to": "ftp://host/a.csv"}, "is an address of no kind that is known"),
        ({"to": "folder", "format": "csv"}, "/folder' is a folder; name a file"),
        ({"to": "file/a.csv"}, "/file is no folder; name another path"),
    ],
)
def test_a_delivery_that_cannot_be_carried_out_is_refused_before_anything_runs(
    tmp_path: Path, fields: dict[str, Any], complaint: str
) -> None:
    """By the field that is to be mended, and before a cent is spent."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    with pytest.raises(InvalidInput) as refused:
        with_delivery(PLAIN, Delivery.model_validate(fields), tmp_path)

    assert complaint in str(refused.value)


def test_a_batch_job_keeps_its_delivery_and_is_delivered(services: Services, tmp_path: Path) -> None:
    """To a path with its id; the ledger knows where the file is and how many rows it has (B5, F7)."""
    job = planned_job(services, tmp_path, items=ITEMS, delivery={"to": "out/{pipeline}_{job}.csv"})
    assert services.ledger.last_delivery(job.id) is None

    job = run_job(services, job)
    assert job.pipeline.delivery is not None
    delivered = deliver(services.ledger, job, job.pipeline.delivery)

    path = tmp_path / "out" / f"own_phases_{job.id}.csv"
    assert (job.status, job.simulated) == (JobStatus.COMPLETED, False)
    assert path.read_bytes().decode() == "id,title\r\na,Tea\r\nb,'=1+1\r\n"
    assert (delivered.path, delivered.rows, delivered.repeats, delivered.vectors) == (str(path), 2, 0, None)
    assert services.ledger.last_delivery(job.id) == DeliveryNote(to=str(path), rows=2, problem=None)


def test_a_delivery_that_fails_is_noted_and_can_be_made_again(services: Services, tmp_path: Path) -> None:
    """The results are in the ledger, so nothing has to be done anew."""
    job = run_job(services, planned_job(services, tmp_path, items=ITEMS, delivery={"to": "out/a.jsonl"}))
    assert job.pipeline.delivery is not None
    (tmp_path / "out").touch()

    with pytest.raises(InvalidInput, match=r"delivery.to: .* cannot be written: "):
        deliver(services.ledger, job, job.pipeline.delivery)
    note = services.ledger.last_delivery(job.id)
    assert note is not None
    assert note.rows is None
    assert "cannot be written" in (note.problem or "")

    (tmp_path / "out").unlink()
    deliver(services.ledger, job, job.pipeline.delivery)
    note = services.ledger.last_delivery(job.id)
    assert note is not None
    assert (note.rows, note.problem) == (2, None)


def test_what_there_is_of_a_job_that_has_not_ended_can_be_delivered(services: Services, tmp_path: Path) -> None:
    """For whoever asks for it: nothing is completed yet, and the file says so."""
    job = planned_job(services, tmp_path, items=ITEMS)

    delivered = deliver(services.ledger, job, Delivery(to=str(tmp_path / "a.jsonl"), content="results"))

    rows = [json.loads(line) for line in Path(delivered.path).read_text().splitlines()]
    assert [(row["item_id"], row["status"], row["simulated"]) for row in rows] == [
        ("a", "pending", False),
        ("b", "pending", False),
    ]
