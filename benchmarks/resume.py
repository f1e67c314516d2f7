"""The row about resuming a large batch job: how soon the first call is made."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from batch_pipelines.control.running import open_run
from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.job import WorkItem
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, log
from benchmarks.children import started_child
from benchmarks.findings import Finding, Scale, say
from benchmarks.server_log import arrival
from benchmarks.waiting import wait_until
from benchmarks.worker import settings_of
from benchmarks.workload import JOB, MODEL, Task, Workload

MOST_SECONDS = 3.0
GROUP_SIZE = 100
"""Items written in one transaction, as an engine at work does."""
REPETITIONS = 3


def resume(scale: Scale) -> Finding:
    """From the moment on at which a new process has nothing but its imports, to its first call at the server."""
    workload = Workload(items=scale.items(10_000), slots=50, phases=2, is_chained=True)
    with TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared")
        prepared.mkdir()
        _do_half(Task(workload=workload, url="http://127.0.0.1", home=prepared))
        found = []
        for number in range(scale.repetitions(REPETITIONS)):
            home = Path(shutil.copytree(prepared, Path(folder, str(number))))
            found.append(_time_to_first_call(workload, home))
            say(f"  {found[-1][0]:.2f} s, {found[-1][1]:.2f} s with the start of the process")
    longest, longest_with_start = max(found)
    return Finding(
        met=longest <= MOST_SECONDS,
        summary=f"{longest:.1f} s; {longest_with_start:.1f} s with the start of the process",
        measured={
            "seconds": round(longest, 2),
            "seconds_with_process_start": round(longest_with_start, 2),
            "all_seconds": [round(seconds, 2) for seconds, _ in found],
        },
        repetitions=len(found),
        taken="the longest",
    )


def _time_to_first_call(workload: Workload, home: Path) -> tuple[float, float]:
    """Seconds to the arrival of the first call: from the start of the process's work, and from its own start."""
    with SimulatedProcess(SimulatedConfig(latency_mean_seconds=0.05)) as server:
        started = utc_now()
        with started_child("worker", Task(workload=workload, url=server.url, home=home, run_id="run-2")) as child:
            assert child.stdout is not None, "the child's output is a pipe"
            began = datetime.fromisoformat(child.stdout.readline().strip())
            wait_until(lambda: bool(log(server.url)), child)
        first = min(arrival(entry) for entry in log(server.url))
    return (first - began).total_seconds(), (first - started).total_seconds()


def _do_half(task: Task) -> None:
    """A ledger in which a run that died did the first half of the items, in all their phases."""
    half = task.workload.items // 2
    settings = settings_of(task)
    with Ledger.open(settings.ledger_url, utc_now) as ledger:
        job = ledger.create_job(JOB, task.workload.plan(settings))
        open_run(ledger, JOB, task.run_id)
        phases = [phase.name for phase in job.pipeline.phases]
        for start in range(0, half, GROUP_SIZE):
            items = ledger.partition_work(JOB, phases[0], start, min(start + GROUP_SIZE, half))
            ledger.record(JOB, [report for item in items for report in _reports(item, phases)])


def _reports(item: WorkItem, phases: list[str]) -> list[Report]:
    """What an engine reports about an item from its start to its end."""
    now = datetime.now(UTC)
    attempt = Attempt(
        number=1,
        started_at=now,
        duration_ms=50.0,
        model=MODEL,
        simulated=True,
        usage=Usage(input_tokens=20, output_tokens=80),
        cost_usd=Decimal("0.001"),
        worst_case_usd=Decimal("0.01"),
        request_id=None,
        stop_reason="end_turn",
        error_category=None,
        error_message=None,
    )
    output = "An answer of a sentence or two, as the simulated provider gives it. " * 3
    done = [
        Report(
            row=item.row,
            item_id=item.item_id,
            phase=phase,
            at=now,
            attempt=attempt,
            output=output,
            trigger=ItemTrigger.COMPLETE if phase == phases[-1] else None,
        )
        for phase in phases
    ]
    return [Report(item.row, item.item_id, phases[0], now, ItemTrigger.START), *done]
