"""Starts the processes that are measured: fresh ones, so that no cache and no import of one favours another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from benchmarks.workload import Measured, Task, Workload

ROOT = Path(__file__).parent.parent
PATIENCE_SECONDS = 300.0
"""No measurement takes longer: what hangs is an error."""
SETTINGS = ("BATCH_PIPELINES_", "ANTHROPIC_", "DAGSTER_")
"""Variables of whoever runs the benchmarks; none may reach what is measured."""

Side = Literal["worker", "reference", "planner"]


def run_child(side: Side, task: Task) -> Measured:
    """Let a process do the task; raises CalledProcessError or TimeoutExpired."""
    done = subprocess.run(
        _command(side, task),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        timeout=PATIENCE_SECONDS,
        check=True,
        text=True,
    )
    return Measured.model_validate_json(done.stdout.splitlines()[-1])


def run_to_end(side: Side, workload: Workload, url: str, *, has_barriers: bool = False) -> Measured:
    """Let a process do the workload with an empty folder; raises RuntimeError where an item has no answer then."""
    with TemporaryDirectory() as home:
        measured = run_child(side, Task(workload=workload, url=url, home=Path(home), has_barriers=has_barriers))
    if measured.completed_items < workload.items:
        problem = f"{workload.items - measured.completed_items} of {workload.items} items have no answer"
        raise RuntimeError(f"{problem}; the batch job ended with {measured.outcome!r}")
    return measured


@contextmanager
def started_child(side: Side, task: Task) -> Iterator[subprocess.Popen[str]]:
    """A process at work on the task; killed at the end, if it is still there."""
    child = subprocess.Popen(_command(side, task), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    with child:
        try:
            yield child
        finally:
            child.kill()


def _command(side: Side, task: Task) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{side}", task.model_dump_json()]


def environment() -> dict[str, str]:
    """Variables without those that would reach what is measured."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
