"""The engine in a process of its own, set up as a run of Dagster sets it up: `python -m benchmarks.worker TASK`.

The first line that it prints tells when its work began, the last one what it measured.
"""

from __future__ import annotations

import asyncio
import sys

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import JobNotFound
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.share import LEASE_SECONDS
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.services import Services, utc_now
from batch_pipelines.settings import ExecutorName, Settings
from benchmarks.clocks import Stopwatch
from benchmarks.workload import JOB, Measured, Task, Workload


def settings_of(task: Task) -> Settings:
    """What the environment of such a run would say: room for all items and slots, everything else by default."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]  # the base class takes it, which the type checker does not see
        dagster_home=task.home,
        anthropic_base_url=task.url,
        max_items=task.workload.items,
        max_concurrency=task.workload.slots,
        # With a process for each step the engine takes no item on before its phase is asked for.
        executor=ExecutorName.MULTIPROCESS if task.has_barriers else ExecutorName.ASYNC,
    )


def work(task: Task, services: Services) -> Measured:
    """Create the batch job, or go on with it, and take it through its phases."""
    ledger = services.ledger
    job = _job(ledger, services.settings, task.workload)
    services.engine.connect().result()
    open_run(ledger, job.id, task.run_id, patience_seconds=LEASE_SECONDS + 2)
    services.engine.recover(job.id)
    watch = Stopwatch()
    asyncio.run(_drive(services.engine, job, task))
    measured = watch.stop()
    outcome = close_run(ledger, job.id).trigger.value
    return measured.model_copy(update={"outcome": outcome, "completed_items": ledger.progress(job.id).completed})


def _job(ledger: Ledger, settings: Settings, workload: Workload) -> BatchJob:
    try:
        return ledger.job(JOB)
    except JobNotFound:
        return ledger.create_job(JOB, workload.plan(settings))


async def _drive(engine: Engine, job: BatchJob, task: Task) -> None:
    """All item partitions at once, each through its phases in order, as Dagster's async executor does."""
    size = job.options.items_per_partition or job.total_items
    starts = range(0, job.total_items, size)
    phases = [phase.name for phase in job.pipeline.phases]

    async def take_through(names: list[str], start: int) -> None:
        for name in names:
            await asyncio.wrap_future(engine.run_phase(job.id, task.run_id, name, start, start + size))

    for names in [[name] for name in phases] if task.has_barriers else [phases]:
        await asyncio.gather(*(take_through(names, start) for start in starts))


def main(task: Task) -> None:
    """Print when the work begins, do it, and print what was measured."""
    services = Services(settings_of(task))
    print(utc_now().isoformat(), flush=True)
    try:
        measured = work(task, services)
    finally:
        services.close()
    print(measured.model_dump_json(), flush=True)


if __name__ == "__main__":
    main(Task.model_validate_json(sys.argv[1]))
