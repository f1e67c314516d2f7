"""Turns a spec into a plan: limits checked, options decided, items surveyed (requirements A13, B6)."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue

from batch_pipelines.control.surveying import ItemCheck, survey
from batch_pipelines.domain.errors import LimitExceeded
from batch_pipelines.domain.job import Plan
from batch_pipelines.domain.pipeline import MOST_CONCURRENCY, Pipeline
from batch_pipelines.domain.spec import ALL_TIERS, Options, Spec
from batch_pipelines.inputs.source import Source, listed

MAX_CHECKPOINT_FREQUENCY = 100
MAX_RETRY_ATTEMPTS = 20
STEPS_PER_RUN = 100
"""A Dagster step costs about 50 ms and 7 event rows, so a run should not have many more."""
MAX_PARTITION_SIZE = 1_000_000
MIN_ITEMS_PER_PARTITION = 25
"""Under this, a step's own cost shows beside its items'."""
MIN_RECORDS_PER_PARTITION = 2000
"""The same where no item waits for a call: a thousand records take less than a second."""


def make_plan(
    spec: Spec,
    pipeline: Pipeline,
    items: Source | Iterable[dict[str, JsonValue]],
    *,
    max_items: int,
    max_concurrency: int,
    simulated: bool,
    check: ItemCheck | None = None,
) -> Plan:
    """A plan that can be carried out; raises InvalidInput for the first thing that cannot.

    `max_items` and `max_concurrency` are the deployment's limits. `check` sees every item of the plan once, while it is
    made, and raises what is wrong with it. However many items there are, they are read once and never all in memory.
    """
    options = _checked_options(spec.options, pipeline, max_concurrency)
    source = items if isinstance(items, Source) else listed(items)
    found = survey(spec, pipeline, source, max_items, check)
    count = len(found.items)
    size = options.items_per_partition or default_partition_size(count, pipeline)
    return Plan(
        name=spec.name or default_name(pipeline, count),
        description=spec.description,
        project=spec.project,
        pipeline=pipeline,
        tier=(spec.tier or ALL_TIERS) if pipeline.tiered else None,
        options=options.model_copy(update={"items_per_partition": size}),
        budget=spec.budget or pipeline.budget,
        tags=pipeline.tags | spec.tags,
        simulated=simulated,
        items=found.items,
        groups=found.groups,
        sample=found.sample,
    )


def default_name(pipeline: Pipeline, item_count: int) -> str:
    """What a batch job is called that nobody named."""
    return f"{pipeline.name}, {item_count} {'item' if item_count == 1 else 'items'}"


def _checked_options(options: Options, pipeline: Pipeline, max_concurrency: int) -> Options:
    """`options` with its concurrency decided and all its limits checked, before any item is read."""
    concurrency = options.concurrency
    if concurrency is None:
        concurrency = min(pipeline.default_concurrency, max_concurrency)
    check_concurrency(concurrency, pipeline, max_concurrency)
    _within("options.checkpoint_frequency", options.checkpoint_frequency, 1, MAX_CHECKPOINT_FREQUENCY)
    _within("options.retry_attempts", options.retry_attempts, 0, MAX_RETRY_ATTEMPTS)
    if options.items_per_partition is not None:
        _within("options.items_per_partition", options.items_per_partition, 1, MAX_PARTITION_SIZE)
    return options.model_copy(update={"concurrency": concurrency})


def check_concurrency(concurrency: int, pipeline: Pipeline, max_concurrency: int) -> None:
    """Raises LimitExceeded for more calls at once than pipeline and deployment allow, or for none (requirement A13)."""
    high = pipeline.concurrency_limit(max_concurrency)
    remedy = ""
    if high < concurrency <= (pipeline.max_concurrency or MOST_CONCURRENCY):
        remedy = f"choose a value from 1 to {high}, or raise BATCH_PIPELINES_MAX_CONCURRENCY (up to {MOST_CONCURRENCY})"
    if not 1 <= concurrency <= high:
        raise LimitExceeded("options.concurrency", concurrency, 1, high, remedy)


def default_partition_size(item_count: int, pipeline: Pipeline) -> int:
    """Items of one dynamic output, so that a run has about a hundred steps at most."""
    partitions = max(1, STEPS_PER_RUN // len(pipeline.phases))
    least = MIN_ITEMS_PER_PARTITION if pipeline.calls_models else MIN_RECORDS_PER_PARTITION
    return max(least, -(-item_count // partitions))


def _within(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise LimitExceeded(field, value, low, high)
