"""The ops inside `results`: open item partitions → one op for each phase → collect (architecture, decision 3)."""

# No postponed annotations here: Dagster reads the types of its functions when it makes ops of them.

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg

from batch_pipelines.analytics.summary import summarize
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.errors import JournalUnavailable, LedgerUnavailable
from batch_pipelines.domain.job import PhaseOutcome
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.transitions import JobTrigger
from batch_pipelines.engine.share import LEASE_SECONDS
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.orchestration import metadata
from batch_pipelines.orchestration.failures import end_without_result, explained
from batch_pipelines.orchestration.interrupts import outcome_of
from batch_pipelines.orchestration.lookup import batch_job_of
from batch_pipelines.orchestration.services import Services
from batch_pipelines.settings import ExecutorName

PATIENCE_SECONDS = LEASE_SECONDS + 2
"""After this a run that died before has lost its lease."""
FIRST_INPUT = "partition"
"""The input of an op whose phase needs no other; the inputs of others are named after the phases they need."""

Node = Any
"""An output in a graph that is being put together: Dagster hands these around in place of values."""


@dataclass(frozen=True, slots=True)
class ItemPartition:
    """Items at positions [start, stop) of a batch job: one dynamic output."""

    batch_job_id: str
    start: int
    stop: int


@dg.op(
    required_resource_keys={"services"},
    ins={"plan": dg.In(dg.Nothing)},
    out=dg.DynamicOut(ItemPartition),
    description="Makes this run the driver of the batch job and splits its items into partitions.",
)
def open_item_partitions(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[ItemPartition]]:
    """One dynamic output for each range of items."""
    services: Services = context.resources.services
    with explained():
        job = batch_job_of(services.ledger, context.run)
        if job.pipeline.calls_models and services.settings.executor is not ExecutorName.MULTIPROCESS:
            # Before the clock of the batch job starts; a step with a process of its own would connect for nothing.
            services.engine.connect().result()
        job = open_run(services.ledger, job.id, context.run_id, patience_seconds=PATIENCE_SECONDS)
        services.engine.recover(job.id)
    size = job.options.items_per_partition or job.total_items
    for start in range(0, job.total_items, size):
        stop = min(start + size, job.total_items)
        yield dg.DynamicOutput(ItemPartition(job.id, start, stop), mapping_key=f"items_{start}_to_{stop - 1}")


def through_phases(pipeline: Pipeline) -> Callable[[Node], Node]:
    """What becomes of one item partition: the ops of the phases, each after those that it needs."""
    ops = {phase.name: phase_op(pipeline, phase) for phase in pipeline.phases}

    def wire(partition: Node) -> Node:
        outputs: dict[str, Node] = {}
        for phase in pipeline.in_order:
            parents = {name: outputs[name] for name in pipeline.needs[phase.name]}
            # Named after the phase; its definition is named after the pipeline too, as a code location has each once.
            node = ops[phase.name].alias(phase.name)
            outputs[phase.name] = node(**(parents or {FIRST_INPUT: partition}))
        (last,) = pipeline.last_names
        return outputs[last]

    return wire


def phase_op(pipeline: Pipeline, phase: Phase) -> dg.OpDefinition:
    """The op of one phase; it runs the items of a partition concurrently and waits for them.

    It has an input for each phase that it needs; all of them hand on the same partition.
    """

    @dg.op(
        name=f"{pipeline.name}__{phase.name}",
        required_resource_keys={"services"},
        ins={name: dg.In(ItemPartition) for name in pipeline.needs[phase.name] or (FIRST_INPUT,)},
        out=dg.Out(ItemPartition),
        tags={"batch_pipelines/task_type": phase.task_type, "batch_pipelines/kind": phase.kind.value},
        description=f"Phase {phase.name} ({phase.task_type}) for the items of one partition.",
    )
    async def run_phase(context: dg.OpExecutionContext, **partitions: ItemPartition) -> dg.Output[ItemPartition]:
        services: Services = context.resources.services
        partition = next(iter(partitions.values()))
        outcome = await _run_or_stop(services, context, phase, partition)
        counts = {"done": outcome.done, "failed": outcome.failed, "left": outcome.left}
        return dg.Output(partition, metadata=counts)

    return run_phase


async def _run_or_stop(
    services: Services, context: dg.OpExecutionContext, phase: Phase, partition: ItemPartition
) -> PhaseOutcome:
    """The engine's outcome; what it could not do pauses or stops the batch job, so that `collect` says the reason."""
    batch_job_id, start, stop = partition.batch_job_id, partition.start, partition.stop
    try:
        work = services.engine.run_phase(batch_job_id, context.run_id, phase.name, start, stop)
        return await outcome_of(work, context, services.ledger, batch_job_id)
    except Exception as error:  # its traceback goes to the run's log
        context.log.exception("Phase %s failed for items %d to %d.", phase.name, start, stop - 1)
        reason = f"phase {phase.name} could not go on: {error or type(error).__name__}"
        is_passing = isinstance(error, LedgerUnavailable | JournalUnavailable)
        kind = RequestKind.PAUSE if is_passing else RequestKind.STOP
        services.ledger.request(batch_job_id, kind, by="orchestration", reason=reason)
        return PhaseOutcome(done=0, failed=0, left=stop - start)


@dg.op(
    required_resource_keys={"services"},
    out=dg.Out(dg.Nothing),
    description="Runs whatever items are still missing, then ends the batch job by what the ledger says, never by "
    "which steps Dagster ran.",
)
async def collect(context: dg.OpExecutionContext, partitions: list[ItemPartition]) -> dg.Output[None]:
    """Nothing but the batch job's figures; a batch job that did not complete fails the step."""
    services: Services = context.resources.services
    batch_job_id = partitions[0].batch_job_id
    await _finish_missing(services, context, batch_job_id)
    with explained():
        conclusion = close_run(services.ledger, batch_job_id, context.run_id)
    if conclusion.trigger is JobTrigger.COMPLETE:
        job = services.ledger.job(batch_job_id)
        return dg.Output(None, metadata=metadata.of_results(job, summarize(services.ledger, job)))
    if conclusion.trigger is JobTrigger.FAIL:
        raise dg.Failure(description=conclusion.reason, allow_retries=False)
    raise end_without_result(context, f"batch job {batch_job_id}: {conclusion.reason}")


async def _finish_missing(services: Services, context: dg.OpExecutionContext, batch_job_id: str) -> None:
    """Do what no step did: Dagster's re-execution from failure skips mapped steps that never started."""
    ledger = services.ledger
    if ledger.open_requests(batch_job_id) or not ledger.unfinished_count(batch_job_id):
        return
    with explained():
        job = open_run(ledger, batch_job_id, context.run_id, patience_seconds=PATIENCE_SECONDS)
        services.engine.recover(batch_job_id)
    size = job.options.items_per_partition or job.total_items

    async def finish(start: int) -> None:
        for phase in job.pipeline.in_order:
            await _run_or_stop(services, context, phase, ItemPartition(batch_job_id, start, start + size))

    await asyncio.gather(*(finish(start) for start in range(0, job.total_items, size)))
