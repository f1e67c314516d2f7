"""From a spec to a plan: limits, tiers, parameters."""

from __future__ import annotations

from typing import Any

import pytest

from batch_pipelines.control.planning import default_partition_size
from batch_pipelines.domain.errors import InvalidInput, LimitExceeded
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.task_types import PhaseKind, TaskType
from batch_pipelines_tests.control.samples import PLAIN, TIERED, items, pipeline, plan


@pytest.mark.parametrize(
    ("of", "concurrency", "expected"),
    [(TIERED, None, 3), (TIERED, 1, 1), (TIERED, 10, 10), (PLAIN, None, 5), (PLAIN, 50, 50)],
)
def test_concurrency_within_its_limits_is_taken(of: Pipeline, concurrency: int | None, expected: int) -> None:
    """Pipelines with tiers run 1 to 10 calls at once, by default 3; others 1 to 50, by default 5 (A13)."""
    assert plan({"options": {"concurrency": concurrency}}, of=of).concurrency == expected


@pytest.mark.parametrize(
    ("of", "field", "value", "low", "high"),
    [
        (TIERED, "concurrency", 0, 1, 10),
        (TIERED, "concurrency", 11, 1, 10),
        (PLAIN, "concurrency", 51, 1, 50),
        (PLAIN, "concurrency", -1, 1, 50),
        (PLAIN, "checkpoint_frequency", 0, 1, 100),
        (PLAIN, "checkpoint_frequency", 101, 1, 100),
        (PLAIN, "retry_attempts", -1, 0, 20),
        (PLAIN, "retry_attempts", 21, 0, 20),
        (PLAIN, "items_per_partition", 0, 1, 1_000_000),
    ],
)
def test_an_option_over_its_limit_is_named_with_value_and_limits(
    of: Pipeline, field: str, value: int, low: int, high: int
) -> None:
    """The error has the field as the spec writes it (A13)."""
    with pytest.raises(LimitExceeded) as refused:
        plan({"options": {field: value}}, of=of)

    assert (refused.value.field, refused.value.value) == (f"options.{field}", value)
    assert f"{low} to {high}" in str(refused.value)


@pytest.mark.parametrize("value", [1, 10, 100])
def test_checkpoint_frequency_goes_from_one_to_a_hundred(value: int) -> None:
    """And is 10 where nothing is said (A13)."""
    assert plan({"options": {"checkpoint_frequency": value}}).options.checkpoint_frequency == value
    assert plan().options.checkpoint_frequency == 10


def test_ten_thousand_items_are_taken_and_one_more_is_not() -> None:
    """The limit is a setting, and the error says which (A13)."""
    assert len(plan(raw=items(10_000)).items) == 10_000

    with pytest.raises(LimitExceeded, match=r"items: 10001 is outside 1 to 10000.*BATCH_PIPELINES_MAX_ITEMS"):
        plan(raw=items(10_001))


def test_the_limit_of_items_is_the_settings() -> None:
    """Two may be too many, and more than ten thousand few enough (A13)."""
    assert len(plan(raw=items(10_001), max_items=20_000).items) == 10_001
    with pytest.raises(LimitExceeded, match="items: 3 is outside 1 to 2"):
        plan(raw=items(3), max_items=2)


def test_no_item_is_too_few() -> None:
    """An empty list is an error, not a job that is done (A13)."""
    with pytest.raises(InvalidInput, match=r"items: \[\] is empty; give at least one item"):
        plan(raw=[])


MIXED = [
    {"id": "a", "tier": "scenario"},
    {"id": "b"},
    {"id": "c", "tier": "template"},
    {"id": "d"},
    {"id": "e", "tier": None},
    {"id": "f"},
]


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (
            None,
            {"a": "scenario", "b": "template", "c": "template", "d": "scenario", "e": "edge_case", "f": "template"},
        ),
        (
            "all",
            {"a": "scenario", "b": "template", "c": "template", "d": "scenario", "e": "edge_case", "f": "template"},
        ),
        ("template", dict.fromkeys("bcdef", "template")),
        ("scenario", dict.fromkeys("abdef", "scenario")),
        ("edge_case", dict.fromkeys("bdef", "edge_case")),
    ],
)
def test_tiers_are_the_items_own_the_specs_or_dealt_out(tier: str | None, expected: dict[str, str]) -> None:
    """One tier leaves items of others out; all tiers deal items without one out in turn (B6)."""
    made = plan({"tier": tier}, raw=MIXED)

    assert {item.item_id: item.tier for item in made.items} == expected
    assert made.tier == (tier or "all")


def test_an_item_of_an_unknown_tier_is_named() -> None:
    """With the tiers that there are (B6)."""
    with pytest.raises(InvalidInput) as refused:
        plan(raw=[{"id": "a"}, {"id": "b", "tier": "odd"}])

    assert str(refused.value) == "items.1.tier: 'odd' is not known; use one of: template, scenario, edge_case"


def test_a_tier_without_items_is_refused() -> None:
    """Every item belongs to another tier, so there is nothing to run (B6)."""
    with pytest.raises(InvalidInput, match="tier: 'edge_case' is the tier of none of the items"):
        plan({"tier": "edge_case"}, raw=items(3, tier="template"))


def test_a_tier_for_a_pipeline_without_tiers_is_refused() -> None:
    """And there an item's `tier` is a parameter like any other (B6)."""
    with pytest.raises(InvalidInput, match="tier: 'template' is set, but talk has no tiers; remove it"):
        plan({"tier": "template"}, of=PLAIN)

    made = plan(of=PLAIN, raw=[{"id": "a", "tier": "gold"}])
    (item,) = made.items
    assert (made.tier, item.tier, item.parameters) == (None, None, {"tier": "gold"})


def test_parameters_are_the_shared_ones_under_the_items_own() -> None:
    """An item overrides what it sets; id and tier are no parameters (B6)."""
    made = plan(
        {"shared_parameters": {"emotion": "Calm", "topic": "Tea"}, "template_id": "t-7"},
        raw=[{"id": "a", "tier": "template"}, {"id": "b", "topic": "Milk", "template_id": "t-8", "emotion": None}],
    )

    first, second = made.items
    assert first.parameters == {"emotion": "Calm", "topic": "Tea", "template_id": "t-7"}
    assert second.parameters == {"emotion": None, "topic": "Milk", "template_id": "t-8"}


@pytest.mark.parametrize(
    ("item_id", "expected"), [("conv 1", "conv 1"), (7, "7"), (0, "0"), ("é", "é"), ("é" * 200, "é" * 200)]
)
def test_an_id_is_text_or_a_whole_number(item_id: Any, expected: str) -> None:
    """Numbers become text, and 200 characters are not too many."""
    (item,) = plan(raw=[{"id": item_id}]).items

    assert item.item_id == expected


@pytest.mark.parametrize(
    ("item", "complaint"),
    [
        ({}, "items.1.id is missing; give every item an id"),
        ({"id": None}, "items.1.id is missing; give every item an id"),
        ({"id": ""}, "items.1.id: '' is not a text or a whole number"),
        ({"id": "  "}, "items.1.id: '  ' is not a text or a whole number"),
        ({"id": True}, "items.1.id: True is not a text or a whole number"),
        ({"id": 1.5}, "items.1.id: 1.5 is not a text or a whole number"),
        ({"id": ["x"]}, r"items.1.id: ['x'] is not a text or a whole number"),
        ({"id": "a\x00b"}, r"items.1.id: 'a\x00b' holds characters that do not print"),
        ({"id": "a\nb"}, r"items.1.id: 'a\nb' holds characters that do not print"),
        ({"id": "a\x7f"}, r"items.1.id: 'a\x7f' holds characters that do not print"),
        ({"id": "i0"}, "items.1.id: 'i0' is the id of items 0 and 1; give every item an id of its own"),
    ],
)
def test_an_id_that_cannot_be_one_is_refused(item: dict[str, Any], complaint: str) -> None:
    """Missing, unusable and taken ids are named by the item's place."""
    with pytest.raises(InvalidInput) as refused:
        plan(raw=[{"id": "i0"}, item])

    assert str(refused.value).startswith(complaint)


@pytest.mark.parametrize("item_id", ["x" * 201, 10**200])
def test_an_id_has_at_most_200_characters(item_id: Any) -> None:
    """The error names the item by its place and by both ends of its id, and says how long an id may be (A13)."""
    with pytest.raises(InvalidInput, match=r"items\.1\.id: .{160}.* is longer than 200 characters; shorten it"):
        plan(raw=[{"id": "i0"}, {"id": item_id}])


def test_a_number_and_its_text_are_the_same_id() -> None:
    """Both would be one item in results."""
    with pytest.raises(InvalidInput, match="is the id of items 0 and 1"):
        plan(raw=[{"id": 1}, {"id": "1"}])


@pytest.mark.parametrize(
    ("item_count", "phase_count", "expected"),
    [
        (1, 1, 25),
        (90, 1, 25),
        (2_500, 1, 25),
        (2_501, 1, 26),
        (10_000, 1, 100),
        (10_000, 3, 304),
        (1_000_000, 10, 100_000),
    ],
)
def test_partitions_keep_a_run_at_about_a_hundred_steps(item_count: int, phase_count: int, expected: int) -> None:
    """At least 25 items each, and partitions times phases never over a hundred where that can be (D1)."""
    size = default_partition_size(item_count, pipeline(phases=phase_count))

    assert size == expected
    assert -(-item_count // size) * phase_count <= 100


def test_records_go_in_large_partitions() -> None:
    """Where no item waits for a call, a step has some thousands of them, as the step itself takes longest."""
    keep = Phase(name="keep", task_type=TaskType.RECORD, kind=PhaseKind.RECORD)
    records = Pipeline(name="keep", phases=(keep,))

    assert [default_partition_size(count, records) for count in (1, 10_000, 1_000_000)] == [2_000, 2_000, 10_000]


def test_the_plan_decides_what_the_spec_leaves_open() -> None:
    """Name, partition size and the mark of a simulation are settled before anything runs."""
    made = plan(of=pipeline(phases=3), raw=items(1_000))

    assert made.name == "talk, 1000 items"
    assert made.options.items_per_partition == 31
    assert made.simulated
    assert plan(raw=items(1)).name == "talk, 1 item"
    assert plan({"name": "Mine", "options": {"items_per_partition": 2}}).options.items_per_partition == 2


def test_tags_of_the_pipeline_and_of_the_spec_come_together() -> None:
    """The spec's go before."""
    made = plan({"tags": {"team": "b"}}, of=pipeline(tags={"team": "a", "kind": "data"}))

    assert made.tags == {"team": "b", "kind": "data"}
