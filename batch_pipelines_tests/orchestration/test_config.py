"""What the Launchpad offers is what a spec can say (F1)."""

from __future__ import annotations

from decimal import Decimal

import dagster as dg
import pytest

from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.spec import Budget, ErrorHandling, EstimateOver, Options, Priority, Spec
from batch_pipelines.orchestration.config import (
    BudgetConfig,
    ErrorHandlingName,
    EstimateOverName,
    OptionsConfig,
    PlanConfig,
    PriorityName,
    TierName,
)


def test_the_default_config_is_the_default_spec() -> None:
    """A launch without any change runs the pipeline's sample with a spec's own defaults."""
    assert PlanConfig().to_spec("conversation_generation") == Spec(pipeline="conversation_generation")


def test_every_field_carries_over() -> None:
    """Config becomes a spec field by field; money keeps the digits that were typed."""
    config = PlanConfig(
        name="n",
        tier=TierName.scenario,
        items_file="folder/items.csv",
        options=OptionsConfig(concurrency=7, error_handling=ErrorHandlingName.stop, priority=PriorityName.high),
        budget=BudgetConfig(max_cost_usd=0.1, estimate_over=EstimateOverName.warn),
    )

    spec = config.to_spec("conversation_generation")

    assert spec.name == "n"
    assert spec.tier == "scenario"
    assert spec.items == {"csv": "folder/items.csv"}
    assert spec.options == Options(concurrency=7, error_handling=ErrorHandling.STOP, priority=Priority.HIGH)
    assert spec.budget == Budget(max_cost_usd=Decimal("0.1"), estimate_over=EstimateOver.WARN)


def test_wrong_values_name_their_field() -> None:
    """What Dagster's types let through, the spec's do not."""
    with pytest.raises(InvalidInput, match=r"budget\.warn_at"):
        PlanConfig(budget=BudgetConfig(warn_at=2.0)).to_spec("conversation_generation")


@pytest.mark.parametrize(
    ("config", "model"),
    [(OptionsConfig, Options), (BudgetConfig, Budget), (PlanConfig, Spec)],
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
    ],
)
def test_choices_are_those_of_a_spec(names: type, values: set[str]) -> None:
    """Dagster shows an enum's names; they are the values that a spec takes."""
    assert {member.name for member in names} == {member.value for member in names} == values  # type: ignore[attr-defined]
