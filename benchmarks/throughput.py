"""The engine beside a hand-written loop, on the same calls: `python -m benchmarks.throughput`."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType
from batch_pipelines.domain.spec import Options, Spec
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, log
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from benchmarks.reference import call_all

MODEL = "claude-sonnet-5-5"
MAX_TOKENS = 1000
PROMPT = "Say something about number {{ item.number }}."


@dataclass(frozen=True)
class Case:
    """One workload."""

    name: str
    items: int
    latency_seconds: float
    latency_sigma: float
    slots: int


CASES = (
    Case("1,000 items of 200 ms at 50 slots", 1000, 0.2, 0.0, 50),
    Case("500 items of 1 s lognormal at 50 slots", 500, 1.0, 0.3, 50),
)


def measure(case: Case) -> dict[str, Any]:
    """Both sides on one server, the reference first."""
    config = SimulatedConfig(latency_mean_seconds=case.latency_seconds, latency_sigma=case.latency_sigma)
    with tempfile.TemporaryDirectory() as folder, SimulatedProcess(config) as server:
        reference = _timed(lambda: _reference(case, server.url, Path(folder)), case)
        ours = _timed(lambda: _engine(case, server.url, Path(folder)), case)
        calls = len(log(server.url))
    ideal = case.items * case.latency_seconds / case.slots
    for side in (reference, ours):
        side["of_ideal"] = round(ideal / side["seconds"], 3)
    return {
        "case": case.name,
        "ideal_seconds": round(ideal, 2),
        "ours": ours,
        "reference": reference,
        "ratio": round(reference["seconds"] / ours["seconds"], 3),
        "calls": calls,
    }


def _timed(run: Callable[[], float], case: Case) -> dict[str, float]:
    cpu = time.process_time()
    seconds = run()
    return {"seconds": round(seconds, 3), "cpu_ms_per_item": round((time.process_time() - cpu) * 1000 / case.items, 2)}


def _reference(case: Case, url: str, folder: Path) -> float:
    prompts = [PROMPT.replace("{{ item.number }}", str(number)) for number in range(case.items)]
    return asyncio.run(call_all(url, MODEL, prompts, MAX_TOKENS, case.slots, folder / "answers.jsonl"))


def _engine(case: Case, url: str, folder: Path) -> float:
    """Seconds from the first call to the last answer, as the ledger has them."""
    phase = Phase(name="answer", task_type=TaskType.CHAT, prompt=PROMPT, max_tokens=MAX_TOKENS)
    pipeline = Pipeline(name="bench", description="One short call.", model=MODEL, phases=(phase,))
    spec = Spec(pipeline="bench", options=Options(concurrency=case.slots))
    items = ({"id": str(number), "number": number} for number in range(case.items))
    plan = make_plan(spec, pipeline, items, max_items=case.items, simulated=True)
    with Ledger.open(f"sqlite:///{folder / 'ledger.db'}", utc_now) as ledger:
        job = ledger.create_job("bench", plan)
        connect = lambda: SimulatedProvider(url, case.slots)  # noqa: E731
        with Engine(ledger, connect, PriceBook(()), NoLimits(), utc_now, Random(0)) as engine:
            engine.connect().result()
            open_run(ledger, job.id, "bench")
            started = time.perf_counter()
            size = job.options.items_per_partition or case.items
            starts = range(0, case.items, size)
            futures = [engine.run_phase(job.id, "bench", "answer", start, start + size) for start in starts]
            assert sum(future.result().done for future in futures) == case.items
            seconds = time.perf_counter() - started
        assert close_run(ledger, job.id).trigger is JobTrigger.COMPLETE
    return seconds


if __name__ == "__main__":
    for each in CASES:
        print(json.dumps(measure(each)))
