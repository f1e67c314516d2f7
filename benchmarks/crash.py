"""The row about kill -9: nothing is lost, and what is paid twice was in flight."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, log, stats
from benchmarks.children import run_child, started_child
from benchmarks.findings import Finding, Scale, say
from benchmarks.server_log import repeated
from benchmarks.waiting import wait_until
from benchmarks.worker import settings_of
from benchmarks.workload import JOB, Task, Workload

SLOTS = 20
LATENCY_SECONDS = 0.2
REPETITIONS = 5
LATEST_KILL = 0.9
"""Part of all calls after which the process is killed at the latest, so that there is something to resume."""


@dataclass(frozen=True, slots=True)
class Killed:
    """One batch job that was killed and resumed."""

    seed: int
    killed_after_calls: int
    """Answered by the server until then."""
    lost_items: int
    repeated_calls: int


def kill(scale: Scale) -> Finding:
    """Several batch jobs at once, each killed at a moment of its own."""
    workload = Workload(items=scale.items(400), slots=SLOTS, phases=2, is_chained=True)
    count = scale.repetitions(REPETITIONS)
    with ThreadPoolExecutor(count) as pool:
        found = list(pool.map(lambda seed: _killed_and_resumed(workload, seed), range(count)))
    lost, most_repeated = sum(each.lost_items for each in found), max(each.repeated_calls for each in found)
    return Finding(
        met=not lost and most_repeated <= SLOTS,
        summary=f"{lost} lost, {most_repeated} repeated at most in {count} kills",
        measured={"lost_items": lost, "most_repeated_calls": most_repeated, "kills": [asdict(each) for each in found]},
        repetitions=count,
        taken="the worst",
    )


def _killed_and_resumed(workload: Workload, seed: int) -> Killed:
    config = SimulatedConfig(latency_mean_seconds=LATENCY_SECONDS, seed=seed)
    with TemporaryDirectory() as home, SimulatedProcess(config) as server:
        task = Task(workload=workload, url=server.url, home=Path(home))
        answered = _kill(task, Random(seed))
        run_child("worker", task.model_copy(update={"run_id": "run-2"}))
        with Ledger.open(settings_of(task).ledger_url, utc_now) as ledger:
            lost = workload.items - ledger.progress(JOB).completed
        found = Killed(seed, answered, lost, repeated(log(server.url)))
    say(f"  {found}")
    return found


def _kill(task: Task, moment: Random) -> int:
    """Kill a process at some moment of its work; returns how many calls were answered by then.

    Returns when the server has finished, and billed, what was in flight.
    """
    enough = moment.randint(1, int(task.workload.calls * LATEST_KILL))
    with started_child("worker", task) as child:
        wait_until(lambda: _answered(task.url) >= enough, child)
        time.sleep(moment.uniform(0, LATENCY_SECONDS))
        answered = _answered(task.url)
        child.kill()
        child.wait()
    wait_until(lambda: stats(task.url)["in_flight"] == 0)
    return answered


def _answered(url: str) -> int:
    answered: int = stats(url)["answered"]
    return answered
