"""Batch jobs whose answers are judged, phases that form graphs, and providers that can be looked into and stopped."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.job import BatchJob, ItemResult, PhaseOutcome
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.routing import Route
from batch_pipelines.domain.spec import Budget, Options, Spec
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import NoLimits
from batch_pipelines.estimation.prices import Price, PriceBook
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Completion, CompletionRequest, Provider, Request
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines.providers.simulated.provider import SimulatedProvider
from batch_pipelines_tests.engine.samples import JOB, MODEL, PATIENCE_SECONDS, RUN, phase, utc_now

STRONGER, STRONGEST, JUDGE = "claude-test-opus", "claude-test-mythos", "claude-test-judge"
PRICES = PriceBook(
    [
        Price(model=model, input_usd_per_mtok=Decimal(usd), output_usd_per_mtok=Decimal(5 * usd))
        for model, usd in ((MODEL, 3), (STRONGER, 15), (STRONGEST, 30), (JUDGE, 1))
    ]
)
ROUTES = (Route(task_type="judge", model=JUDGE),)
LADDER = (MODEL, STRONGER, STRONGEST)


def judged(name: str = "write", *, prompt: str | None = None, **validation: Any) -> Phase:
    """A phase whose answers need a score of 6, with one retry and one escalation, unless said otherwise."""
    fields = {} if prompt is None else {"prompt": prompt}
    return phase(name, validation={"min_score": 6, **validation}, tokens=None, **fields)


def record(name: str, fields: dict[str, str] | None = None, **changes: Any) -> Phase:
    """A phase that calls nobody."""
    return Phase(name=name, task_type="record", kind=PhaseKind.RECORD, fields=fields, **changes)


def create(
    ledger: Ledger,
    items: int | Sequence[dict[str, Any]],
    *phases: Phase,
    job_id: str = JOB,
    budget: Budget | None = None,
    **options: Any,
) -> BatchJob:
    """A batch job over these phases whose run RUN has begun; items as `samples.create` has them where only counted."""
    pipeline = Pipeline(name="stories", model=MODEL, routes=ROUTES, ladder=LADDER, phases=phases)
    rows = [{"id": f"item_{number}", "topic": f"mountain {number} of it"} for number in range(_count(items))]
    spec = Spec(pipeline="stories", options=Options(**options), budget=budget or Budget())
    wanted = rows if isinstance(items, int) else list(items)
    ledger.create_job(job_id, make_plan(spec, pipeline, wanted, max_items=10_000, max_concurrency=50, simulated=True))
    return open_run(ledger, job_id, RUN)


def _count(items: int | Sequence[dict[str, Any]]) -> int:
    return items if isinstance(items, int) else 0


async def drive(
    ledger: Ledger, *engines: Engine, job_id: str = JOB, run_id: str = RUN, patience: float = PATIENCE_SECONDS
) -> dict[str, PhaseOutcome]:
    """Take all item partitions through the graph of phases as Dagster does: each phase as soon as those it needs ended.

    The outcome of every phase, summed over its partitions. What engines that died knew is recovered first.
    """
    job = ledger.job(job_id)
    pipeline, size = job.pipeline, job.options.items_per_partition or job.total_items
    await asyncio.to_thread(engines[0].recover, job_id)
    outcomes: dict[str, list[PhaseOutcome]] = defaultdict(list)

    async def take_through(number: int, start: int) -> None:
        engine = engines[number % len(engines)]
        ended = {each.name: asyncio.Event() for each in pipeline.phases}

        async def run(name: str) -> None:
            for needed in pipeline.needs[name]:
                await ended[needed].wait()
            asked = engine.run_phase(job_id, run_id, name, start, start + size)
            outcomes[name].append(await asyncio.wrap_future(asked))
            ended[name].set()

        await asyncio.gather(*map(run, ended))

    async with asyncio.timeout(patience):
        await asyncio.gather(*(take_through(*each) for each in enumerate(range(0, job.total_items, size))))
    return {
        name: PhaseOutcome(
            sum(each.done for each in of), sum(each.failed for each in of), sum(each.left for each in of)
        )
        for name, of in outcomes.items()
    }


async def drive_and_pause(
    ledger: Ledger, engine: Engine, url: str, statistic: str, count: int
) -> dict[str, PhaseOutcome]:
    """Drive the batch job, and ask for a pause when this statistic of the server has come so far; closes the run."""
    running = asyncio.ensure_future(drive(ledger, engine))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while stats(url)[statistic] < count:
            await asyncio.sleep(0.01)
    ledger.request(JOB, RequestKind.PAUSE, by="ann", reason="enough for today")
    outcomes = await running
    close_run(ledger, JOB)
    return outcomes


def billed_usd(url: str) -> Decimal:
    """What the server's own log comes to, each call at its own model's price."""
    entries = [entry for entry in log(url) if entry["billed"]]
    return sum((PRICES.cost(entry["model"], Usage(**entry["usage"]), utc_now()) for entry in entries), Decimal(0))


def is_judgement(entry: dict[str, Any]) -> bool:
    """Whether an entry of the server's log is a judge's."""
    return str(entry["prompt"]).startswith("Task type: judge")


def calls(url: str) -> tuple[list[str], list[str]]:
    """Models that were asked for answers, and models that were asked for judgements, in their order."""
    entries = log(url)
    answers = [entry["model"] for entry in entries if not is_judgement(entry)]
    return answers, [entry["model"] for entry in entries if is_judgement(entry)]


class Watched:
    """A provider that notes what it is asked; `before` is awaited before a call, and `after` may change its answer."""

    def __init__(
        self,
        url: str,
        before: Callable[[Request], Awaitable[None]] | None = None,
        after: Callable[[Request, Completion], Completion] | None = None,
    ) -> None:
        self.requests: list[CompletionRequest] = []
        self._inner: Provider = SimulatedProvider(url, 50)
        self._before = before
        self._after = after

    @property
    def answers(self) -> list[CompletionRequest]:
        """What was asked of those who answer."""
        return [request for request in self.requests if not judges(request)]

    @property
    def judgements(self) -> list[CompletionRequest]:
        """What was asked of judges."""
        return [request for request in self.requests if judges(request)]

    async def check(self) -> None:
        await self._inner.check()

    async def complete(self, request: Request) -> Completion:
        assert isinstance(request, CompletionRequest)
        self.requests.append(request)
        if self._before is not None:
            await self._before(request)
        completion = await self._inner.complete(request)
        return completion if self._after is None else self._after(request, completion)

    async def close(self) -> None:
        await self._inner.close()


def judges(request: Request) -> bool:
    """Whether a call is a judge's."""
    return isinstance(request, CompletionRequest) and request.prompt.startswith("Task type: judge")


def engine_with(ledger: Ledger, journals: Path, provider: Provider) -> Engine:
    """An engine that asks this provider."""
    return Engine(ledger, journals, lambda: provider, PRICES, NoLimits(), utc_now, Random(7))


def the_result(ledger: Ledger, job_id: str = JOB) -> ItemResult:
    """Of the only item."""
    (result,) = ledger.results(job_id)
    return result
