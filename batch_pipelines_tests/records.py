"""Batch jobs over records, run in this process: they need no provider, and Dagster only makes them slower."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batch_pipelines.control.reading import parse_spec
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.control.submission import plan_spec, submit
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.orchestration.services import Services
from batch_pipelines.pipelines.catalogue import shipped_pipelines
from batch_pipelines.settings import Settings

KEEP = [{"name": "keep", "task_type": "record"}]
"""Phases that hand every item on as it is."""


def planned_job(services: Services, folder: Path, **fields: Any) -> BatchJob:
    """A batch job that nobody has started; of items as they are, unless `fields` name a pipeline or phases."""
    content = fields if fields.keys() & {"pipeline", "phases"} else {"phases": KEEP, **fields}
    return submit(plan_spec(parse_spec(content), shipped_pipelines(), services.settings, folder), services.ledger)


def run_job(services: Services, job: BatchJob) -> BatchJob:
    """The batch job, at its end."""
    open_run(services.ledger, job.id, "run")
    for phase in job.pipeline.in_order:
        services.engine.run_phase(job.id, "run", phase.name, 0, job.total_items).result()
    close_run(services.ledger, job.id, "run")
    return services.ledger.job(job.id)


def services_in(home: Path) -> Services:
    """A ledger and an engine in this home, to be closed."""
    return Services(Settings(dagster_home=home))
