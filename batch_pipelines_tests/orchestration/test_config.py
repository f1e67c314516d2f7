"""What the Launchpad offers is what a spec can say (F1)."""

# No postponed annotations here: Dagster reads the types of its functions when it makes ops of them.

from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from batch_pipelines.domain.answers import AnswerCache
from batch_pipelines.domain.delivery import Content, Delivery, DeliveryFormat
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.spec import Budget, ErrorHandling, EstimateOver, ItemSource, Options, Priority, Spec
from batch_pipelines.orchestration.config import (
    AnswerCacheName,
    BudgetConfig,
    ContentName,
    DeliveryConfig,
    ErrorHandlingName,
    EstimateOverName,
    FormatName,
    ItemsFromConfig,
    OptionsConfig,
    OwnPhasesConfig,
    PlanConfig,
    PriorityName,
    TierName,
    config_of,
)


def test_the_default_config_is_the_default_spec() -> None:
    """A launch without any change runs the pipeline's sample with a spec's own defaults."""
    assert PlanConfig().to_spec("conversation_generation") == Spec(pipeline="conversation_generation")


def test_every_field_carries_over() -> None:
    """Config becomes a spec field by field; money keeps the digits that were typed."""
    config = PlanConfig(
        name="n",
        tier=TierName.scenario,
        items_from=ItemsFromConfig(csv="folder/items.csv", where={"year": {"from": 1.5, "to": None}}),
        options=OptionsConfig(concurrency=7, error_handling=ErrorHandlingName.stop, priority=PriorityName.high),
        budget=BudgetConfig(max_cost_usd=0.1, estimate_over=EstimateOverName.warn),
        phases=[{"name": "generate", "prompt": "About {{ item.topic }}"}],
        delivery=DeliveryConfig(to="out.csv"),
    )

    spec = config.to_spec("conversation_generation")

    assert spec.name == "n"
    assert spec.tier == "scenario"
    assert spec.items == ItemSource(csv="folder/items.csv", where={"year": {"from": 1.5, "to": None}})
    assert spec.phases == [{"name": "generate", "prompt": "About {{ item.topic }}"}]
    assert spec.delivery == Delivery(to="out.csv")
    assert spec.options == Options(concurrency=7, error_handling=ErrorHandling.STOP, priority=Priority.HIGH)
    assert spec.budget == Budget(max_cost_usd=Decimal("0.1"), estimate_over=EstimateOver.WARN)


def test_wrong_values_name_their_field() -> None:
    """What Dagster's types let through, the spec's do not."""
    with pytest.raises(InvalidInput, match=r"budget\.warn_at"):
        PlanConfig(budget=BudgetConfig(warn_at=2.0)).to_spec("conversation_generation")


def test_a_budget_that_is_left_out_is_the_pipelines() -> None:
    """As one of a spec that has none; so is where the results go."""
    spec = PlanConfig().to_spec("conversation_generation")

    assert (spec.budget, spec.delivery) == (None, None)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (PlanConfig(items=[{"id": "a"}], items_from=ItemsFromConfig(job="bj_1")), "items_from stands beside items"),
        (PlanConfig(items_from=ItemsFromConfig()), "exactly one of jsonl, csv, .* is needed, but none is given"),
        (PlanConfig(items_from=ItemsFromConfig(jsonl="a", csv="b")), "is needed, but jsonl and csv given"),
    ],
    ids=["twice", "none", "two"],
)
def test_items_come_from_one_place(config: PlanConfig, message: str) -> None:
    """Anything else is said before a batch job is made (F6)."""
    with pytest.raises(InvalidInput, match=message):
        config.to_spec("conversation_generation")


SPECS = [
    {},
    {"name": "n", "tier": "all", "items": [{"id": 1, "text": None, "tags": ["a"]}], "shared_parameters": {"x": None}},
    {"items": {"parquet": "s3://b/x.parquet", "id_field": "key", "where": {"year": [2025, 2026]}, "limit": 5}},
    {"phases": [{"name": "a", "task_type": "chat", "prompt": "{{ item.x }}", "after": []}], "template_id": "t"},
    {"options": {"concurrency": 2, "answer_cache": "read"}, "budget": {"max_cost_usd": "12.34"}, "tags": {"a": "b"}},
    {"delivery": {"to": "out.md", "format": "markdown", "group_by": "category"}, "project": "p", "description": "d"},
]


@pytest.mark.parametrize("content", SPECS, ids=["empty", "inline", "source", "phases", "options", "delivery"])
def test_a_spec_survives_as_config_of_a_run(content: dict[str, Any]) -> None:
    """Dagster checks the config, and what an op gets from it is the spec again, with nothing filled in or lost."""
    spec = Spec.model_validate({"pipeline": "x", **content})
    seen: list[Spec] = []

    @dg.op
    def plan(config: PlanConfig) -> None:
        seen.append(config.to_spec("x"))

    @dg.job
    def job() -> None:
        plan()

    job.execute_in_process(run_config=dg.RunConfig(ops={"plan": config_of(spec)}).to_config_dict())

    assert [one.model_dump() for one in seen] == [spec.model_dump()]


def test_own_phases_need_no_pipeline() -> None:
    """Their job takes any spec; it is the only one that is told the pipeline (B2)."""
    phases = [{"name": "a", "task_type": "chat", "prompt": "Hi"}]

    assert OwnPhasesConfig(phases=phases).to_spec(None) == Spec(phases=phases)
    assert OwnPhasesConfig.model_fields.keys() - PlanConfig.model_fields.keys() == {"pipeline"}


@pytest.mark.parametrize(
    ("config", "model"),
    [
        (OptionsConfig, Options),
        (BudgetConfig, Budget),
        (PlanConfig, Spec),
        (ItemsFromConfig, ItemSource),
        (DeliveryConfig, Delivery),
    ],
    ids=lambda it: it.__name__,
)
def test_nothing_of_a_spec_is_missing_and_all_is_documented(config: type[dg.Config], model: type) -> None:
    """Each field of a spec can be set in the Launchpad, and each shown there has a description."""
    asked_elsewhere = {"pipeline"}
    assert set(model.model_fields) - asked_elsewhere <= set(config.model_fields)  # type: ignore[attr-defined]
    assert all(field.description for field in config.model_fields.values())


@pytest.mark.parametrize(
    ("names", "values"),
    [
        (TierName, {"template", "scenario", "edge_case", "all"}),
        (ErrorHandlingName, set(ErrorHandling)),
        (PriorityName, set(Priority)),
        (EstimateOverName, set(EstimateOver)),
        (AnswerCacheName, set(AnswerCache)),
        (FormatName, set(DeliveryFormat)),
        (ContentName, set(Content)),
    ],
)
def test_choices_are_those_of_a_spec(names: type, values: set[str]) -> None:
    """Dagster shows an enum's names; they are the values that a spec takes."""
    assert {member.name for member in names} == {member.value for member in names} == values  # type: ignore[attr-defined]
