"""Pipelines may have names that Dagster refuses for jobs and ops."""

from __future__ import annotations

import keyword

import dagster as dg
import pytest

from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.orchestration.build import build_definitions
from batch_pipelines.orchestration.names import OWN_PHASES_JOB, job_name, plan_op
from batch_pipelines.settings import ExecutorName

REFUSED = ("import", "type", "config", "own_phases", *(word for word in keyword.kwlist if word.islower()))


@pytest.mark.parametrize(
    ("pipeline", "job"),
    [
        ("documents", "documents"),
        ("import", "import_"),
        ("import_", "import__"),
        ("type", "type_"),
        ("imports", "imports"),
        (OWN_PHASES_JOB, "own_phases_"),
    ],
)
def test_a_word_of_dagsters_gets_an_underscore(pipeline: str, job: str) -> None:
    """Two pipelines never share a job, and every other name stays as it is."""
    assert job_name(pipeline) == job


@pytest.mark.parametrize("name", REFUSED)
def test_a_pipeline_of_any_name_loads(name: str) -> None:
    """The job of a pipeline called `import` has the assets `import/plan` and so on (B5)."""
    phase = Phase(name="read", task_type=TaskType.ANALYSIS, prompt="{{ item.text }}")
    pipeline = Pipeline(name=name, model="claude-sonnet-5-5", phases=(phase,))

    job = build_definitions([pipeline], ExecutorName.IN_PROCESS).resolve_job_def(job_name(name))

    assert job.asset_layer.selected_asset_keys == {
        dg.AssetKey([name, asset]) for asset in ("plan", "results", "report")
    }
    assert plan_op(name) in {node.name for node in job.graph.nodes}
