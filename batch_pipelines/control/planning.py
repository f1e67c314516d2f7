"""Turns a spec into a plan: limits checked, parameters merged, tiers decided (requirements A13, B6). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Literal

from pydantic import JsonValue

from batch_pipelines.domain.errors import InvalidInput, LimitExceeded, UnknownName
from batch_pipelines.domain.job import Plan, PlannedItem
from batch_pipelines.domain.pipeline import MOST_CONCURRENCY, Pipeline, Tier
from batch_pipelines.domain.spec import ALL_TIERS, Options, Spec

MAX_CHECKPOINT_FREQUENCY = 100
MAX_RETRY_ATTEMPTS = 20
STEPS_PER_RUN = 100
"""A Dagster step costs about 50 ms and 7 event rows, so a run should not have many more."""
MAX_ID_LENGTH = 200
"""Characters of an item's id: it stands in lists, logs and messages."""
MIN_ITEMS_PER_PARTITION = 10
"""Under this, a step's own cost shows beside its items'."""


def make_plan(
    spec: Spec,
    pipeline: Pipeline,
    items: Iterable[dict[str, JsonValue]],
    *,
    max_items: int,
    max_concurrency: int,
    simulated: bool,
) -> Plan:
    """A plan that can be carried out; raises InvalidInput for the first thing that cannot.

    `max_items` and `max_concurrency` are the deployment's limits.
    """
    planned = tuple(_planned_items(spec, pipeline, _counted(items, max_items)))
    if not planned:
        raise InvalidInput("tier", spec.tier, "is the tier of none of the items", "choose another, or `all`")
    return Plan(
        name=spec.name or default_name(pipeline, len(planned)),
        description=spec.description,
        project=spec.project,
        pipeline=pipeline,
        tier=(spec.tier or ALL_TIERS) if pipeline.tiered else None,
        options=_decided_options(spec.options, pipeline, len(planned), max_concurrency),
        budget=spec.budget or pipeline.budget,
        tags=spec.tags,
        simulated=simulated,
        items=planned,
    )


def _counted(items: Iterable[dict[str, JsonValue]], most: int) -> Iterator[dict[str, JsonValue]]:
    """The items one by one, never all beside the plan's; raises InvalidInput for none or too many."""
    count = 0
    for item in items:
        count += 1
        if count <= most:
            yield item
    if count > most:
        remedy = "split the job, or raise BATCH_PIPELINES_MAX_ITEMS (up to 1,000,000)"
        raise LimitExceeded("items", count, 1, most, remedy)
    if not count:
        raise InvalidInput("items", [], "is empty", "give at least one item")


def default_name(pipeline: Pipeline, item_count: int) -> str:
    """What a batch job is called that nobody named."""
    return f"{pipeline.name}, {item_count} {'item' if item_count == 1 else 'items'}"


def _decided_options(options: Options, pipeline: Pipeline, item_count: int, max_concurrency: int) -> Options:
    """`options` with its defaults filled in and its limits checked."""
    concurrency = options.concurrency
    if concurrency is None:
        concurrency = min(pipeline.default_concurrency, max_concurrency)
    check_concurrency(concurrency, pipeline, max_concurrency)
    _within("options.checkpoint_frequency", options.checkpoint_frequency, 1, MAX_CHECKPOINT_FREQUENCY)
    _within("options.retry_attempts", options.retry_attempts, 0, MAX_RETRY_ATTEMPTS)
    size = options.items_per_partition
    if size is None:
        size = default_partition_size(item_count, len(pipeline.phases))
    _within("options.items_per_partition", size, 1, 1_000_000)
    return options.model_copy(update={"concurrency": concurrency, "items_per_partition": size})


def check_concurrency(concurrency: int, pipeline: Pipeline, max_concurrency: int) -> None:
    """Raises LimitExceeded for more calls at once than pipeline and deployment allow, or for none (requirement A13)."""
    high = pipeline.concurrency_limit(max_concurrency)
    remedy = ""
    if high < concurrency <= (pipeline.max_concurrency or MOST_CONCURRENCY):
        remedy = f"choose a value from 1 to {high}, or raise BATCH_PIPELINES_MAX_CONCURRENCY (up to {MOST_CONCURRENCY})"
    if not 1 <= concurrency <= high:
        raise LimitExceeded("options.concurrency", concurrency, 1, high, remedy)


def default_partition_size(item_count: int, phase_count: int) -> int:
    """Items of one dynamic output, so that a run has about a hundred steps at most."""
    partitions = max(1, STEPS_PER_RUN // phase_count)
    return max(MIN_ITEMS_PER_PARTITION, -(-item_count // partitions))


def _within(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise LimitExceeded(field, value, low, high)


def _planned_items(spec: Spec, pipeline: Pipeline, raw: Iterable[dict[str, JsonValue]]) -> Iterator[PlannedItem]:
    seen: dict[str, int] = {}
    shared = dict(spec.shared_parameters)
    if spec.template_id is not None:
        shared["template_id"] = spec.template_id
    wanted = _wanted_tier(spec, pipeline)
    deal = cycle(Tier)
    for position, item in enumerate(raw):
        item_id = _item_id(item, position)
        if item_id in seen:
            problem = f"is the id of items {seen[item_id]} and {position}"
            raise InvalidInput(f"items.{position}.id", item_id, problem, "give every item an id of its own")
        seen[item_id] = position
        tier = _own_tier(item, position) if pipeline.tiered else None
        if isinstance(wanted, Tier) and tier not in (None, wanted):
            continue
        if wanted is not None:
            tier = wanted if isinstance(wanted, Tier) else tier or next(deal)
        _check_values(item, item_id)
        own = {name: value for name, value in item.items() if name != "id" and (name != "tier" or not pipeline.tiered)}
        yield PlannedItem(item_id=item_id, tier=tier, parameters={**shared, **own})


def _check_values(item: dict[str, JsonValue], item_id: str) -> None:
    """An item must survive being written as JSON: no infinite numbers, half characters or endless nesting."""
    try:
        json.dumps(item, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        problem = f"has a value that JSON cannot hold ({error})"
        raise InvalidInput("items", item_id, problem, "replace that value") from None


def _item_id(item: dict[str, JsonValue], position: int) -> str:
    item_id = item.get("id")
    if item_id is None:
        raise InvalidInput(f"items.{position}.id", None, "is missing", "give every item an id")
    if isinstance(item_id, bool) or not isinstance(item_id, str | int) or not str(item_id).strip():
        raise InvalidInput(f"items.{position}.id", item_id, "is not a text or a whole number", "give every item an id")
    if not str(item_id).isprintable():
        raise InvalidInput(f"items.{position}.id", item_id, "holds characters that do not print", "leave them out")
    if len(str(item_id)) > MAX_ID_LENGTH:
        raise InvalidInput(f"items.{position}.id", item_id, f"is longer than {MAX_ID_LENGTH} characters", "shorten it")
    return str(item_id)


def _wanted_tier(spec: Spec, pipeline: Pipeline) -> Tier | Literal["all"] | None:
    """The tier to run, all of them, or None where the pipeline has none."""
    if not pipeline.tiered:
        if spec.tier is not None:
            raise InvalidInput("tier", spec.tier, f"is set, but {pipeline.name} has no tiers", "remove it")
        return None
    return ALL_TIERS if spec.tier in (None, ALL_TIERS) else Tier(spec.tier)


def _own_tier(item: dict[str, JsonValue], position: int) -> Tier | None:
    value = item.get("tier")
    if value is None:
        return None
    if value not in list(Tier):
        raise UnknownName(f"items.{position}.tier", str(value), tuple(Tier))
    return Tier(str(value))
