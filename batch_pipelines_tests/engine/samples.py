"""Batch jobs, engines and what drives them as Dagster does; shared by the tests and by the process that is killed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.running import open_run
from batch_pipelines.domain.job import BatchJob, PhaseOutcome
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, TokenProfile
from batch_pipelines.domain.spec import Budget, Options, Spec
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import Limiter, NoLimits
from batch_pipelines.estimation.prices import Price, PriceBook
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import log
from batch_pipelines.providers.simulated.provider import SimulatedProvider

JOB = "job-1"
RUN = "run-1"
MODEL = "claude-test"
PRICES = PriceBook([Price(model=MODEL, input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(15))])
PATIENCE_SECONDS = 30.0
"""No test waits longer than this for an engine: what hangs must fail."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def phase(name: str, **changes: Any) -> Phase:
    """A phase that asks something different of every item and for every phase before it."""
    values: dict[str, Any] = {
        "task_type": TaskType.CHAT,
        "prompt": f"{name}: tell me about {{{{ item.topic }}}} {{{{ phases.values() | join(' ') }}}}",
        "max_tokens": 400,
        "tokens": TokenProfile(input_tokens=20, output_tokens=60),
    }
    return Phase(name=name, **{**values, **changes})


def pipeline(*phases: Phase) -> Pipeline:
    """A pipeline of these phases; of one phase `write` where none is given."""
    return Pipeline(name="stories", description="", model=MODEL, phases=phases or (phase("write"),))


def create(
    ledger: Ledger, items: int, *phases: Phase, budget: Budget | None = None, job_id: str = JOB, **options: Any
) -> BatchJob:
    """A batch job with items `item_0`, `item_1`, ... whose run RUN has begun; `options` as in a spec."""
    spec = Spec(pipeline="stories", options=Options(**options), budget=budget or Budget())
    rows: list[dict[str, Any]] = [
        {"id": f"item_{number}", "topic": f"mountain {number} of {job_id}"} for number in range(items)
    ]
    plan = make_plan(spec, pipeline(*phases), rows, max_items=10_000, max_concurrency=50, simulated=True)
    ledger.create_job(job_id, plan)
    return open_run(ledger, job_id, RUN)


def make_engine(
    ledger: Ledger, journals: Path, url: str, limiter: Limiter | None = None, prices: PriceBook = PRICES
) -> Engine:
    """An engine of its own on this ledger and this server."""
    return Engine(
        ledger, journals, lambda: SimulatedProvider(url, 50), prices, limiter or NoLimits(), utc_now, Random(7)
    )


async def drive(
    ledger: Ledger, *engines: Engine, job_id: str = JOB, run_id: str = RUN, patience: float = PATIENCE_SECONDS
) -> list[PhaseOutcome]:
    """Take all item partitions through all phases at once, dealt out to the engines; the outcome of every phase.

    What engines that died knew is recovered first, as a run does.
    """
    job = ledger.job(job_id)
    size = job.options.items_per_partition or job.total_items
    await asyncio.to_thread(engines[0].recover, job_id)
    outcomes: list[PhaseOutcome] = []

    async def take_through(number: int, start: int) -> None:
        engine = engines[number % len(engines)]
        for each in job.pipeline.phases:
            asked = engine.run_phase(job_id, run_id, each.name, start, start + size)
            outcomes.append(await asyncio.wrap_future(asked))

    async with asyncio.timeout(patience):
        await asyncio.gather(*(take_through(*each) for each in enumerate(range(0, job.total_items, size))))
    return outcomes


def billed_usd(url: str, prices: PriceBook = PRICES) -> Decimal:
    """What the server's own log comes to."""
    usages = [Usage(**entry["usage"]) for entry in log(url) if entry["billed"]]
    return sum((prices.cost(MODEL, usage, utc_now()) for usage in usages), Decimal(0))


def repeated(url: str) -> int:
    """Billed calls beyond the first of each request."""
    return sum(count - 1 for count in billed(url).values())


def billed(url: str) -> Counter[str]:
    """Billed calls by request."""
    return Counter(entry["body_sha256"] for entry in log(url) if entry["billed"])
