"""From a spec to a batch job in the ledger; nothing is made unless everything is right."""

from __future__ import annotations

import secrets
from pathlib import Path

from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.reading import read_items
from batch_pipelines.domain.errors import InvalidInput, ProviderError
from batch_pipelines.domain.job import BatchJob, Plan
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.spec import Spec
from batch_pipelines.engine.prompts import render_request
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.pipelines.catalogue import find_pipeline
from batch_pipelines.settings import ProviderName, Settings


def plan_spec(spec: Spec, pipelines: tuple[Pipeline, ...], settings: Settings, folder: Path) -> Plan:
    """The validated plan of a spec; relative paths in it start at `folder`. Raises InvalidInput."""
    pipeline = find_pipeline(spec.pipeline, pipelines)
    plan = make_plan(
        spec,
        pipeline,
        read_items(spec, pipeline, folder),
        max_items=settings.max_items,
        max_concurrency=settings.max_concurrency,
        simulated=settings.provider is ProviderName.SIMULATED,
    )
    _try_first_prompts(plan)
    return plan


def _try_first_prompts(plan: Plan) -> None:
    """Render every item's first prompt, so that a missing parameter is found before a cent is spent."""
    phase = plan.pipeline.phases[0]
    for item in plan.items:
        try:
            render_request(phase, plan.pipeline.model, item.parameters, item.tier, {})
        except ProviderError as error:
            remedy = "give the item that parameter, or set it in shared_parameters"
            raise InvalidInput("items", item.item_id, f"does not fit: {error.message}", remedy) from None


def submit(plan: Plan, ledger: Ledger) -> BatchJob:
    """Create the batch job; it is pending until a run begins it."""
    return ledger.create_job(new_batch_job_id(), plan)


def new_batch_job_id() -> str:
    """Short enough to type, and unguessable."""
    return f"bj_{secrets.token_hex(6)}"
