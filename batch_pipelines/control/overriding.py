"""What a run may ask for in place of what its spec, or its batch job, says (requirement D1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from batch_pipelines.control.planning import check_concurrency, default_name
from batch_pipelines.control.reading import parse_spec
from batch_pipelines.control.surveying import Surveyor
from batch_pipelines.domain.errors import InvalidInput, UnknownName
from batch_pipelines.domain.job import BatchJob, Decided, ItemResult, Plan, PlannedItem
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.spec import ALL_TIERS, Spec
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Overrides:
    """What is asked for; None asks for nothing."""

    tier: str | None = None
    """As in a spec."""
    concurrency: int | None = None


def override_spec(spec: Spec, wanted: Overrides) -> Spec:
    """The spec with what is wanted in place of its own; raises InvalidInput for a tier that does not exist."""
    content = spec.model_dump(mode="json", exclude_unset=True)
    if wanted.tier is not None:
        content["tier"] = wanted.tier
    if wanted.concurrency is not None:
        content["options"] = {**content.get("options", {}), "concurrency": wanted.concurrency}
    return parse_spec(content)


def override_job(ledger: Ledger, job: BatchJob, wanted: Overrides, max_concurrency: int) -> BatchJob:
    """The batch job changed to what is wanted where that differs, or not changed at all.

    Its concurrency can change until it is over, up to the deployment's `max_concurrency`; its tier only while it is
    pending. Raises InvalidInput.
    """
    concurrency = job.concurrency
    if wanted.concurrency is not None:
        concurrency = wanted.concurrency
        check_concurrency(concurrency, job.pipeline, max_concurrency)
    if wanted.tier is not None and wanted.tier != job.tier:
        job = ledger.replan(job.id, plan_of_tier(job, ledger.iter_results(job.id), wanted.tier))
    return job if concurrency == job.concurrency else ledger.set_concurrency(job.id, concurrency)


def plan_of_tier(job: BatchJob, items: Iterable[ItemResult], tier: str) -> Plan:
    """The batch job planned anew with those of its items that are of this tier; raises InvalidInput."""
    _check_tier(job, tier)
    surveyor = Surveyor()
    for item in items:
        if item.tier == tier:
            kept = PlannedItem(item_id=item.item_id, tier=item.tier, complexity=item.complexity, parameters=item.input)
            surveyor.add(kept, item.item_id)
    found = surveyor.finish()
    if not len(found.items):
        problem = f"is the tier of no item of batch job {job.id}, whose tier is {job.tier!r}"
        raise InvalidInput("tier", tier, problem, "submit the spec again with that tier")
    decided = {name: getattr(job, name) for name in Decided.model_fields}
    was_named = job.name != default_name(job.pipeline, job.total_items)
    name = job.name if was_named else default_name(job.pipeline, len(found.items))
    survey = {"items": found.items, "groups": found.groups, "sample": found.sample}
    return Plan(**{**decided, "tier": tier, "name": name, **survey})


def _check_tier(job: BatchJob, tier: str) -> None:
    """Raises UnknownName or InvalidInput where a batch job cannot take on another tier, whatever its items are."""
    known = (*Tier, ALL_TIERS)
    if job.tier is None:
        raise InvalidInput("tier", tier, f"is set, but {job.pipeline.name} has no tiers", "remove it")
    if tier not in known:
        raise UnknownName("tier", tier, known)
    if job.status is not JobStatus.PENDING:
        problem = f"cannot replace {job.tier!r}, with which batch job {job.id} has started"
        raise InvalidInput("tier", tier, problem, "remove it, or submit the spec again with that tier")
