"""The pipelines without models: whole jobs over their samples and over other data, and what becomes of their files."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from dagster._core.definitions.reconstruct import build_reconstructable_job

from batch_pipelines.orchestration.worker import job_definition
from batch_pipelines_tests.acceptance.conftest import Deployment
from batch_pipelines_tests.records import planned_job, services_in


class NoServer:
    """Stands where others have a server that counts calls."""

    url = "http://127.0.0.1:9"


@pytest.fixture
def deployment(home: Path) -> Deployment:
    """One whose provider costs money and has no key, so that nobody can be called."""
    environment = dict(os.environ) | {
        "BATCH_PIPELINES_PROVIDER": "anthropic",
        "DAGSTER_HOME": str(home),
        "COLUMNS": "120",
    }
    server: Any = NoServer()
    return Deployment(home, server, f"sqlite:///{home / 'batch_pipelines.db'}", environment)


def run(deployment: Deployment, pipeline: str, exit_code: int = 0, **fields: Any) -> tuple[dict[str, Any], str]:
    """A batch job of the pipeline, by default over its sample; its status, and the file it delivered."""
    status = deployment.run(exit_code, **{"pipeline": pipeline, "items": None, **fields})
    assert (status["status"], status["simulated"], status["cost_usd"]) == ("completed", False, "0")
    assert status["estimate"]["total_cost_usd"] == "0"
    path = Path(status["delivery"]["to"])
    return status, path.read_text() if path.suffix != ".parquet" else ""


def test_import(deployment: Deployment) -> None:
    """A CSV with headings for people becomes Parquet with names for programs (B5, F6, F7)."""
    (deployment.home / "in.csv").write_text("id,First Name,Year of Birth\n1,Ada,1815\n2,Grace,1906\n")
    _, text = run(deployment, "import")
    status, _ = run(deployment, "import", items={"csv": "in.csv"}, delivery={"to": "out/{job}.parquet"})

    first = json.loads(text.splitlines()[0])
    assert list(first) == ["id", "title", "authors_name", "first_published", "language", "source_url"]
    assert status["delivery"]["to"] == f"{deployment.home}/out/{status['id']}.parquet"
    assert pq.read_table(status["delivery"]["to"]).to_pylist() == [
        {"id": "1", "first_name": "Ada", "year_of_birth": "1815"},
        {"id": "2", "first_name": "Grace", "year_of_birth": "1906"},
    ]


def test_export(deployment: Deployment) -> None:
    """What a finished batch job came to stands beside what went in, a column for each field (B5, F6)."""
    _, text = run(deployment, "export")
    transformed, _ = run(deployment, "transform")
    _, exported = run(deployment, "export", items={"job": transformed["id"], "where": {"language": "French"}})

    rows = list(csv.DictReader(text.splitlines()))
    assert rows[0]["category"] == "fantasy"
    assert rows[-1]["output"] == "A novel of families in the wars against Napoleon."
    assert [(row["title"], row["century"], row["words"]) for row in csv.DictReader(exported.splitlines())] == [
        ("Candide", "18", "16"),
        ("The Count of Monte Cristo", "19", "21"),
    ]


def test_transform(deployment: Deployment) -> None:
    """Expressions make fields; a spec brings its own, for its own data (B5)."""
    _, text = run(deployment, "transform")
    own = [{"name": "transform", "fields": {"**": "item", "total": "item.price * item.count"}}]
    items = [{"id": "a", "price": 2.5, "count": 4}]
    _, other = run(deployment, "transform", items=items, phases=own)

    assert json.loads(text.splitlines()[0]) == {
        "id": "pg11",
        "label": "Lewis Carroll, Alice's Adventures in Wonderland (1865)",
        "century": 19,
        "language": "english",
        "is_translated": False,
        "words": 21,
    }
    assert json.loads(other) == {"id": "a", "price": 2.5, "count": 4, "total": 10.0}


def test_report(deployment: Deployment) -> None:
    """A dataset counted by a field, for people (B5)."""
    _, text = run(deployment, "report")
    _, other = run(deployment, "report", delivery={"to": "r.md", "group_by": "author"})

    assert "| English | 6 | 50.0 % | 0 | 11,183 | 1,863.83 | 98 | 16.33 |" in text
    assert "| Jane Austen | 1 |" in other


def test_validate(deployment: Deployment) -> None:
    """Records that do not fit fail with what is wrong, so the success rate is the data's quality (B5, B9, B10)."""
    status, text = run(deployment, "validate")
    rules = {"checks": [{"schema": {"required": ["year"], "properties": {"year": {"minimum": 1850}}}}]}
    ruled, _ = run(deployment, "validate", phases=[{"name": "check", "validation": rules}])

    wrong = {
        row["item_id"]: json.loads(row["error"])["message"] for row in csv.DictReader(text.splitlines()) if row["error"]
    }
    assert wrong["pg2701"] == "$.author: '' should be non-empty."
    assert wrong["pg36"].startswith("$.year: None is not of type ")
    assert wrong["pg5200"].startswith("$.author: 'N/A' should not be valid under ")
    assert wrong["pg19942"].startswith("$.opening: ")
    assert wrong["pg1184"] == "It holds text that was read in the wrong encoding, as `Ã¨` for `è`."
    assert (status["progress"]["completed"], status["progress"]["failed"]) == (7, 5)
    failed = deployment.command("results", ruled["id"], "--json", "--status", "failed").stdout
    assert "$.year: 1813 is less than the minimum of 1850." in failed


def test_cleanup(deployment: Deployment) -> None:
    """Texts are in order, nothing empty is left, and a record that then repeats another is left out (B5)."""
    _, text = run(deployment, "cleanup")

    rows = {row["id"]: row for row in map(json.loads, text.splitlines())}
    assert "pg1184" in rows
    assert "pg1184_again" not in rows
    assert rows["pg11"]["title"] == "Alice\u2019s Adventures in Wonderland"
    assert rows["pg98"]["author"] == "Charles Dickens"
    assert "notes" not in rows["pg345"]
    assert rows["pg19942"]["tags"] == ["satire"]
    assert rows["pg1998"]["alternative_title"] == "Also sprach Zarathustra \u2013 Ein Buch f\u00fcr Alle und Keinen"


def test_a_delivery_that_fails_fails_the_run_and_reexecuting_it_delivers(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch job is completed, its `report` is not there, and Dagster's re-execution runs that alone (E4, F7)."""
    for name, value in deployment.environment.items():
        monkeypatch.setenv(name, value)
    services = services_in(deployment.home)
    job = planned_job(services, deployment.home, items=[{"id": "a"}], delivery={"to": "out/a.jsonl"})
    services.close()
    (deployment.home / "out").touch()

    failed = deployment.command("resume", job.id)
    shown = json.loads(deployment.command("status", job.id, "--json").stdout)
    (deployment.home / "out").unlink()
    with deployment.instance() as instance:
        (first,) = instance.get_runs()
        definition = build_reconstructable_job(
            job_definition.__module__, job_definition.__name__, reconstructable_args=(job.id,)
        )
        options = dg.ReexecutionOptions.from_failure(first.run_id, instance)
        again = dg.execute_job(definition, instance=instance, reexecution_options=options)
        event = instance.get_latest_materialization_event(dg.AssetKey(["own_phases", "report"]))

    assert failed.returncode == 1
    assert "Undelivered" in failed.stdout
    assert f"batch-pipelines export {job.id}" in failed.stdout
    assert shown["status"] == "completed"
    assert "cannot be written" in shown["delivery"]["problem"]
    assert first.status is dg.DagsterRunStatus.FAILURE
    assert again.success
    assert (deployment.home / "out" / "a.jsonl").read_text() == '{"id": "a"}\n'
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["delivered_rows"].value == 1
