"""From a spec to a batch job in the ledger; nothing is made unless everything is right."""

from __future__ import annotations

import secrets
from pathlib import Path

from batch_pipelines.control.composing import compose
from batch_pipelines.control.delivering import with_delivery
from batch_pipelines.control.planning import make_plan
from batch_pipelines.control.reading import read_items
from batch_pipelines.control.surveying import ItemCheck
from batch_pipelines.domain.errors import InvalidInput, ProviderError
from batch_pipelines.domain.job import BatchJob, Plan, PlannedItem
from batch_pipelines.domain.pipeline import Phase, Pipeline
from batch_pipelines.domain.spec import Spec
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.engine.prompts import Subject, record_of, render
from batch_pipelines.engine.retrieving import vectors_name
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.pipelines.defaults import read_defaults
from batch_pipelines.retrieval.finding import check_documents
from batch_pipelines.settings import EmbeddingsProviderName, ProviderName, Settings


def plan_spec(
    spec: Spec, pipelines: tuple[Pipeline, ...], settings: Settings, folder: Path, ledger: Ledger | None = None
) -> Plan:
    """The validated plan of a spec; relative paths in it start at `folder`. Raises InvalidInput.

    The ledger has to be there for a spec whose items are in it, as `needs_ledger` tells.
    """
    pipeline = compose(spec, pipelines, read_defaults(settings.routes_file))
    pipeline = with_delivery(pipeline, spec.delivery, folder)
    return make_plan(
        spec,
        pipeline,
        read_items(spec, pipeline, folder, ledger, settings.max_items),
        max_items=settings.max_items,
        max_concurrency=settings.max_concurrency,
        simulated=_is_simulated(pipeline, settings),
        check=first_prompts_check(pipeline),
    )


def _is_simulated(pipeline: Pipeline, settings: Settings) -> bool:
    """Whether any of its answers come from a simulation."""
    kinds = {phase.kind for phase in pipeline.phases}
    return (settings.provider is ProviderName.SIMULATED and kinds != {PhaseKind.RECORD}) or (
        settings.embeddings_provider is EmbeddingsProviderName.SIMULATED and PhaseKind.EMBEDDING in kinds
    )


def first_prompts_check(pipeline: Pipeline) -> ItemCheck:
    """Renders an item's prompts that need no output, so that a missing parameter is found before a cent is spent.

    It raises InvalidInput naming the item.
    """
    first = tuple(phase for phase in pipeline.phases if not pipeline.needs[phase.name])

    def check(item: PlannedItem) -> None:
        try:
            for phase in first:
                _try(phase, Subject(item.parameters, item.tier, item.complexity))
        except ProviderError as error:
            remedy = "give the item that parameter, or set it in shared_parameters"
            raise InvalidInput("items", item.item_id, f"does not fit: {error.message}", remedy) from None

    return check


def _try(phase: Phase, subject: Subject) -> None:
    if phase.kind is PhaseKind.RECORD:
        record_of(phase, subject)
        return
    for template in (phase.system_prompt, phase.prompt, phase.retrieval.query):
        if template:
            render(phase, template, subject)


def submit(plan: Plan, ledger: Ledger) -> BatchJob:
    """Create the batch job; it is pending until a run begins it.

    Raises InvalidInput where one of its phases takes passages and the project has none.
    """
    for phase in plan.pipeline.phases:
        if phase.use_rag:
            check_documents(ledger, plan.project, phase.retrieval, vectors_name(plan, phase))
    return ledger.create_job(new_batch_job_id(), plan)


def new_batch_job_id() -> str:
    """Short enough to type, and unguessable."""
    return f"bj_{secrets.token_hex(6)}"
