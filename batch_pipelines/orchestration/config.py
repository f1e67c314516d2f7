"""What the Launchpad shows: a spec as typed, documented Dagster config (requirement F1)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import Field

from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.spec import Budget, Options, Spec

# Dagster shows an enum's names, so these have the values of a spec as names; `continue` can only be one in this form.
TierName = Enum("TierName", {"template": "template", "scenario": "scenario", "edge_case": "edge_case", "all": "all"})
ErrorHandlingName = Enum("ErrorHandlingName", {"continue": "continue", "stop": "stop"})
PriorityName = Enum("PriorityName", {"low": "low", "normal": "normal", "high": "high", "critical": "critical"})
AnswerCacheName = Enum("AnswerCacheName", {"off": "off", "read": "read", "read_write": "read_write"})
EstimateOverName = Enum("EstimateOverName", {"refuse": "refuse", "warn": "warn"})


def _described(model: type[Options] | type[Budget] | type[Spec], name: str) -> str | None:
    """A field is documented once, in the spec."""
    return model.model_fields[name].description


class OptionsConfig(dg.Config):
    """How the batch job runs."""

    concurrency: int | None = Field(default=None, description=_described(Options, "concurrency"))
    error_handling: ErrorHandlingName = Field(
        default=ErrorHandlingName["continue"], description=_described(Options, "error_handling")
    )
    checkpoint_frequency: int = Field(default=10, description=_described(Options, "checkpoint_frequency"))
    priority: PriorityName = Field(default=PriorityName["normal"], description=_described(Options, "priority"))
    retry_attempts: int = Field(default=3, description=_described(Options, "retry_attempts"))
    item_timeout_seconds: float | None = Field(default=None, description=_described(Options, "item_timeout_seconds"))
    model: str | None = Field(default=None, description=_described(Options, "model"))
    items_per_partition: int | None = Field(default=None, description=_described(Options, "items_per_partition"))
    answer_cache: AnswerCacheName = Field(
        default=AnswerCacheName["off"], description=_described(Options, "answer_cache")
    )


class BudgetConfig(dg.Config):
    """What the batch job may cost and how long it may take."""

    max_cost_usd: float | None = Field(default=None, description=_described(Budget, "max_cost_usd"))
    max_duration_seconds: float | None = Field(default=None, description=_described(Budget, "max_duration_seconds"))
    warn_at: float = Field(default=0.8, description=_described(Budget, "warn_at"))
    estimate_over: EstimateOverName = Field(
        default=EstimateOverName["refuse"], description=_described(Budget, "estimate_over")
    )


class PlanConfig(dg.Config):
    """A batch job to make, or one that exists."""

    batch_job_id: str | None = Field(
        default=None,
        description="Runs, or resumes, this batch job; every other field is then ignored. Leave it out to make a new "
        "batch job from the fields below.",
    )
    name: str | None = Field(default=None, description=_described(Spec, "name"))
    description: str = Field(default="", description="What the batch job is for.")
    project: str = Field(default="default", description="The project that the batch job belongs to.")
    tier: TierName | None = Field(default=None, description=_described(Spec, "tier"))
    items: list[dict[str, Any]] | None = Field(
        default=None,
        description="The items: objects with an `id`, other fields being parameters. Without `items` and "
        "`items_file` the pipeline's sample is run.",
    )
    items_file: str | None = Field(default=None, description="Path of a .jsonl or .csv file of items.")
    shared_parameters: dict[str, Any] = Field(default={}, description=_described(Spec, "shared_parameters"))
    template_id: str | None = Field(default=None, description=_described(Spec, "template_id"))
    tags: dict[str, str] = Field(default={}, description="Labels of the batch job.")
    options: OptionsConfig = Field(default=OptionsConfig(), description="How the batch job runs.")
    budget: BudgetConfig = Field(default=BudgetConfig(), description="What the batch job may cost and take.")

    def to_spec(self, pipeline: str) -> Spec:
        """The spec that the config stands for; raises InvalidInput."""
        content = {name: _plain(value) for name, value in self if name not in ("batch_job_id", "items_file")}
        if self.items_file is not None:
            content["items"] = {self.items_file.rpartition(".")[2]: self.items_file}
        return parse_spec({"pipeline": pipeline, **content})


def _plain(value: Any) -> Any:
    """Config values as a spec has them: enums by value, nested config as mappings, money without binary noise."""
    if isinstance(value, dg.Config):
        return {name: _plain(inner) for name, inner in value}
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, float) else value
