"""Schedules of pipelines: when a job starts by itself, and with which spec (requirement F2)."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

import dagster as dg
from dagster._utils.schedules import is_valid_cron_schedule

from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.pipeline import Pipeline, Schedule
from batch_pipelines.domain.spec import ItemSource, Spec
from batch_pipelines.orchestration.config import config_of
from batch_pipelines.orchestration.names import job_name, plan_op
from batch_pipelines.pipelines.catalogue import PIPELINE_FILE
from batch_pipelines.pipelines.places import Places
from batch_pipelines.pipelines.reading import read_file

PATHS = ("jsonl", "csv", "parquet", "files")
"""Sources of items that are paths or patterns of paths."""


def schedules_of(pipeline: Pipeline, folder: Path) -> list[dg.ScheduleDefinition]:
    """The schedule of a pipeline that was read from `folder`, if it has one; it is off until somebody turns it on.

    Raises InvalidInput naming file, line and field.
    """
    schedule = pipeline.schedule
    if schedule is None:
        return []
    spec = _checked(schedule, pipeline, folder)
    job = job_name(pipeline.name)
    return [
        dg.ScheduleDefinition(
            name=f"{job}_schedule",
            job_name=job,
            cron_schedule=schedule.cron,
            execution_timezone=schedule.timezone,
            run_config=dg.RunConfig(ops={plan_op(pipeline.name): config_of(spec)}),
            default_status=dg.DefaultScheduleStatus.STOPPED,
            description=f"Runs a batch job of {pipeline.name}: {schedule.cron}, {schedule.timezone}.",
        )
    ]


def _checked(schedule: Schedule, pipeline: Pipeline, folder: Path) -> Spec:
    """The spec of a schedule, with paths that start at the pipeline's folder; raises InvalidInput naming the place."""
    places = Places(read_file(folder / PIPELINE_FILE).within("attributes"))
    if not is_valid_cron_schedule(schedule.cron):
        remedy = "write five fields, as `0 2 * * *`"
        raise places.refuse(("schedule", "cron"), schedule.cron, "is no cron schedule", remedy)
    if schedule.timezone not in available_timezones():
        raise places.refuse(("schedule", "timezone"), schedule.timezone, "is no time zone", "write it as Europe/Berlin")
    try:
        spec = parse_spec({**schedule.spec, "pipeline": pipeline.name})
    except InvalidInput as error:
        location = ("schedule", "spec", *error.field.split("."))
        raise places.refuse(location, error.value, error.problem, error.remedy) from None
    return _from_folder(spec, folder)


def _from_folder(spec: Spec, folder: Path) -> Spec:
    """The spec with paths of items that start at `folder`, as those of a spec's file start at its own."""
    source = spec.items
    if not isinstance(source, ItemSource) or source.kind not in PATHS or "://" in source.address:
        return spec
    path = folder / Path(source.address).expanduser()
    return spec.model_copy(update={"items": source.model_copy(update={source.kind: str(path)})})
