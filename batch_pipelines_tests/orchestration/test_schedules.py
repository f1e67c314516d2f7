"""A pipeline's schedule becomes Dagster's, with the spec as the config of its runs (F2)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.orchestration.build import build_definitions
from batch_pipelines.orchestration.config import PlanConfig
from batch_pipelines.orchestration.schedules import schedules_of
from batch_pipelines.pipelines.catalogue import read_pipeline
from batch_pipelines.settings import ExecutorName


def written(folder: Path, name: str = "notes", **schedule: Any) -> Path:
    """A folder with a pipeline that has this schedule, which begins in line 7 of its file."""
    folder.mkdir(exist_ok=True)
    text = (
        f"type: batch_pipelines.BatchPipeline\nattributes:\n  name: {name}\n  phases:\n"
        "    - {name: read, task_type: analysis, prompt: '{{ item.text }}'}\n\n"
    )
    lines = yaml.safe_dump({"schedule": schedule}, sort_keys=False).splitlines() if schedule else []
    (folder / "defs.yaml").write_text(text + "".join(f"  {line}\n" for line in lines))
    return folder


def evaluated(folder: Path) -> tuple[dg.ScheduleDefinition, dg.RunRequest]:
    """The schedule of the pipeline in a folder, and the run that it asks for on a Sunday in November."""
    pipeline = read_pipeline(folder)
    schedules = schedules_of(pipeline, folder)
    definitions = build_definitions([pipeline], ExecutorName.IN_PROCESS, schedules)
    schedule = definitions.resolve_schedule_def(schedules[0].name)
    assert isinstance(schedule, dg.ScheduleDefinition)
    at = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    with dg.build_schedule_context(scheduled_execution_time=at, repository_def=definitions.get_repository_def()) as it:
        (request,) = schedule.evaluate_tick(it).run_requests or ()
    return schedule, request


def test_a_schedule_runs_its_spec(tmp_path: Path) -> None:
    """It is off until it is turned on, keeps its own time, and its runs make the batch job that its spec asks for."""
    spec = {
        "project": "library",
        "items": {"jsonl": "today.jsonl", "where": {"kind": ["a", None]}, "limit": 3},
        "options": {"priority": "high", "error_handling": "continue"},
        "budget": {"max_cost_usd": "0.10"},
    }
    folder = written(tmp_path / "notes", cron="0 2 * * *", timezone="Europe/Berlin", spec=spec)

    schedule, request = evaluated(folder)

    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "Europe/Berlin")
    assert schedule.job_name == "notes"
    asked = PlanConfig(**request.run_config["ops"]["notes__plan"]["config"]).to_spec("notes")
    items = {**spec["items"], "jsonl": str(folder / "today.jsonl")}  # type: ignore[dict-item]
    assert asked.model_dump(mode="json", exclude_defaults=True) == {
        **spec,
        "pipeline": "notes",
        "items": items,
        "options": {"priority": "high"},
        "budget": {"max_cost_usd": "0.1"},
    }


def test_a_schedule_without_a_spec_runs_the_sample(tmp_path: Path) -> None:
    """Of a pipeline called `import` too, whose job has another name."""
    schedule, request = evaluated(written(tmp_path / "import", "import", cron="@daily"))

    assert (schedule.job_name, schedule.execution_timezone) == ("import_", "UTC")
    assert PlanConfig(**request.run_config["ops"]["import__plan"]["config"]).to_spec("import").items is None


@pytest.mark.parametrize(
    ("kept", "items"),
    [
        (True, {"jsonl": "/data/today.jsonl"}),
        (True, {"csv": "s3://bucket/today.csv"}),
        (True, {"job": "bj_1"}),
        (False, {"files": "letters/*.pdf"}),
    ],
)
def test_paths_start_at_the_pipelines_folder(tmp_path: Path, kept: bool, items: dict[str, str]) -> None:
    """Relative ones do; ids and addresses stay as they are."""
    folder = written(tmp_path / "notes", cron="@daily", spec={"items": items})
    ((source, address),) = items.items()

    _, request = evaluated(folder)

    config = request.run_config["ops"]["notes__plan"]["config"]["items_from"]
    assert config[source] == address if kept else str(folder / address)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"cron": "every night"}, r"line 8: schedule\.cron: 'every night' is no cron schedule"),
        ({"cron": "0 25 * * *"}, r"line 8: schedule\.cron: '0 25 \* \* \*' is no cron schedule"),
        (
            {"cron": "@daily", "timezone": "Mars/Olympus"},
            r"line 9: schedule\.timezone: 'Mars/Olympus' is no time zone",
        ),
        (
            {"cron": "@daily", "spec": {"project": "x", "itmes": []}},
            r"line 11: schedule\.spec\.itmes: \[\] is not a field of a spec",
        ),
        (
            {"cron": "@daily", "spec": {"options": {"priority": "highest"}}},
            r"line 11: schedule\.spec\.options\.priority: 'highest' is not usable",
        ),
    ],
    ids=["no-cron", "no-hour", "no-zone", "no-field", "no-value"],
)
def test_a_wrong_schedule_names_its_place(tmp_path: Path, schedule: dict[str, Any], message: str) -> None:
    """When it is loaded, by file, line and field; not when its hour comes."""
    folder = written(tmp_path / "notes", **schedule)

    with pytest.raises(InvalidInput, match=rf"{folder}/defs\.yaml, {message}"):
        schedules_of(read_pipeline(folder), folder)
