"""What the Launchpad shows: a spec as typed, documented Dagster config (requirement F1)."""

from __future__ import annotations

from enum import Enum
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field

from batch_pipelines.control.reading import parse_spec
from batch_pipelines.domain.delivery import Delivery
from batch_pipelines.domain.errors import InvalidInput
from batch_pipelines.domain.spec import Budget, ItemSource, Options, Spec

# Dagster shows an enum's names, so these have the values of a spec as names; `continue` can only be one in this form.
TierName = Enum("TierName", {"template": "template", "scenario": "scenario", "edge_case": "edge_case", "all": "all"})
ErrorHandlingName = Enum("ErrorHandlingName", {"continue": "continue", "stop": "stop"})
PriorityName = Enum("PriorityName", {"low": "low", "normal": "normal", "high": "high", "critical": "critical"})
AnswerCacheName = Enum("AnswerCacheName", {"off": "off", "read": "read", "read_write": "read_write"})
EstimateOverName = Enum("EstimateOverName", {"refuse": "refuse", "warn": "warn"})
FormatName = Enum("FormatName", {"jsonl": "jsonl", "csv": "csv", "parquet": "parquet", "markdown": "markdown"})
ContentName = Enum("ContentName", {"results": "results", "outputs": "outputs"})


def _described(model: type[BaseModel], name: str) -> str | None:
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


class ItemsFromConfig(dg.Config):
    """Where items come from."""

    jsonl: str | None = Field(default=None, description=_described(ItemSource, "jsonl"))
    csv: str | None = Field(default=None, description=_described(ItemSource, "csv"))
    parquet: str | None = Field(default=None, description=_described(ItemSource, "parquet"))
    files: str | None = Field(default=None, description=_described(ItemSource, "files"))
    job: str | None = Field(default=None, description=_described(ItemSource, "job"))
    passages: str | None = Field(default=None, description=_described(ItemSource, "passages"))
    id_field: str = Field(default="id", description=_described(ItemSource, "id_field"))
    where: dict[str, Any | None] = Field(default={}, description=_described(ItemSource, "where"))
    limit: int | None = Field(default=None, description=_described(ItemSource, "limit"))


class DeliveryConfig(dg.Config):
    """A file of results."""

    to: str = Field(description=_described(Delivery, "to"))
    format: FormatName | None = Field(default=None, description=_described(Delivery, "format"))
    content: ContentName = Field(default=ContentName["outputs"], description=_described(Delivery, "content"))
    group_by: str | None = Field(default=None, description=_described(Delivery, "group_by"))
    distinct: bool = Field(default=False, description=_described(Delivery, "distinct"))
    to_index: bool = Field(default=False, description=_described(Delivery, "to_index"))


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
    items: list[dict[str, Any | None]] | None = Field(
        default=None,
        description="The items: objects with an `id`, other fields being parameters. Without `items` and "
        "`items_from` the pipeline's sample is run.",
    )
    items_from: ItemsFromConfig | None = Field(
        default=None, description="Where the items come from; exactly one of its sources is set."
    )
    phases: list[dict[str, Any | None]] | None = Field(
        default=None,
        description="The phases to run, in place of the pipeline's; one that has the name of a phase of the pipeline "
        "needs to say only what is different. Phases that this job has no ops for run in the job `own_phases`.",
    )
    shared_parameters: dict[str, Any | None] = Field(default={}, description=_described(Spec, "shared_parameters"))
    template_id: str | None = Field(default=None, description=_described(Spec, "template_id"))
    tags: dict[str, str] = Field(default={}, description="Labels of the batch job.")
    options: OptionsConfig = Field(default=OptionsConfig(), description="How the batch job runs.")
    budget: BudgetConfig | None = Field(default=None, description=_described(Spec, "budget"))
    delivery: DeliveryConfig | None = Field(default=None, description=_described(Spec, "delivery"))

    def to_spec(self, pipeline: str | None) -> Spec:
        """The spec that the config stands for; raises InvalidInput."""
        content = {name: value for name, value in _plain(self).items() if name in Spec.model_fields}
        if self.items_from is not None:
            if self.items is not None:
                raise InvalidInput("items_from", None, "stands beside items", "remove one of them")
            content["items"] = _plain(self.items_from)
        return parse_spec({**content, "pipeline": pipeline})


class OwnPhasesConfig(PlanConfig):
    """A batch job to make, or one that exists, whatever its phases are."""

    pipeline: str | None = Field(default=None, description=_described(Spec, "pipeline"))


def config_of(spec: Spec) -> PlanConfig:
    """The config that stands for a spec, whose pipeline it leaves to the job that is launched."""
    content = spec.model_dump(mode="json", exclude_unset=True, exclude={"pipeline"})
    if isinstance(spec.items, ItemSource):
        content["items_from"] = content.pop("items")
    return PlanConfig(**content)


def _plain(value: Any) -> Any:
    """Config values as a spec has them: enums by value, nested config as mappings, money without binary noise."""
    if isinstance(value, dg.Config):
        return {name: _plain(inner) for name, inner in value}
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, float) else value
