"""Plans a file of items and creates their batch job, in a process of its own: `python -m benchmarks.planner TASK`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from batch_pipelines.control.submission import plan_spec
from batch_pipelines.domain.spec import ItemSource, Spec
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import Settings
from benchmarks.clocks import Stopwatch
from benchmarks.planning import FILE
from benchmarks.workload import JOB, Measured, Task


def plan(task: Task) -> Measured:
    """What `submit` does, up to the batch job in the ledger; its items count as completed."""
    # Without Dagster, which holds more than a plan does.
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]  # the base class takes it, which the type checker does not see
        dagster_home=task.home,
        max_items=task.workload.items,
    )
    spec = Spec(pipeline="benchmark", items=ItemSource(jsonl=FILE))
    with Ledger.open(settings.ledger_url, lambda: datetime.now(UTC)) as ledger:
        watch = Stopwatch()
        job = ledger.create_job(JOB, plan_spec(spec, (task.workload.pipeline(),), settings, task.home))
        measured = watch.stop()
    return measured.model_copy(update={"completed_items": job.total_items})


if __name__ == "__main__":
    print(plan(Task.model_validate_json(sys.argv[1])).model_dump_json())
