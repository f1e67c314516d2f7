"""The assets of one pipeline: `plan` and its check → `results` → `report` (architecture, decision 2)."""

# No postponed annotations here: Dagster reads the types of its functions when it makes ops of them.

from pathlib import Path

import dagster as dg

from batch_pipelines.analytics.report import render_report
from batch_pipelines.analytics.summary import summarize
from batch_pipelines.control.delivering import deliver
from batch_pipelines.control.gating import ask_gate
from batch_pipelines.control.opening import find_or_create
from batch_pipelines.domain.pipeline import Pipeline
from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.orchestration import metadata
from batch_pipelines.orchestration.config import PlanConfig
from batch_pipelines.orchestration.failures import explained
from batch_pipelines.orchestration.lookup import batch_job_of
from batch_pipelines.orchestration.own_phases import check_phases
from batch_pipelines.orchestration.phases import collect, open_item_partitions, through_phases
from batch_pipelines.orchestration.services import Services
from batch_pipelines.orchestration.tags import JOB_TAG, overrides_of, tags_of

SERVICES = "services"


def pipeline_assets(pipeline: Pipeline) -> list[dg.AssetsDefinition]:
    """`plan`, `results` and `report` of a pipeline."""
    return [_plan(pipeline), _results(pipeline), _report(pipeline)]


def _plan(pipeline: Pipeline) -> dg.AssetsDefinition:
    @dg.asset(
        key=[pipeline.name, "plan"],
        group_name=pipeline.name,
        required_resource_keys={SERVICES},
        kinds={"sql"},
        description=f"One batch job of {pipeline.name}: its validated items and settings, written to the ledger. "
        "Its metadata has the batch job's id.",
    )
    def plan(context: dg.AssetExecutionContext, config: PlanConfig) -> dg.MaterializeResult[None]:
        services: Services = context.resources.services
        with explained():
            job = find_or_create(
                services.ledger,
                services.settings,
                wanted_id=config.batch_job_id,
                tagged_id=context.run.tags.get(JOB_TAG),
                earlier_run_ids=tuple(filter(None, (context.run.parent_run_id, context.run.root_run_id))),
                overrides=overrides_of(context.run.tags),
                spec=lambda: config.to_spec(pipeline.name),
                pipelines=(pipeline,),
                folder=Path.cwd(),
            )
            check_phases(job, pipeline)
            services.ledger.attach_run(job.id, context.run.run_id)
        context.instance.add_run_tags(context.run.run_id, tags_of(job))
        return dg.MaterializeResult(metadata=metadata.of_plan(job))

    return plan


def estimate_check(pipeline: Pipeline) -> dg.AssetChecksDefinition:
    """The estimator as the gate of a run: it blocks what comes after `plan` (requirement C6)."""

    @dg.asset_check(
        asset=dg.AssetKey([pipeline.name, "plan"]),
        name="estimate_within_limits",
        blocking=True,
        required_resource_keys={SERVICES},
        description="Whether the batch job may start spending: estimated cost and time against its budget. "
        "When it fails, no call is made.",
    )
    def estimate_within_limits(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        services: Services = context.resources.services
        with explained():
            job = batch_job_of(services.ledger, context.run)
            answer = ask_gate(services.ledger, services.settings, job.id)
        return dg.AssetCheckResult(
            passed=answer.gate.passed and not answer.gate.reasons,
            severity=dg.AssetCheckSeverity.WARN if answer.gate.passed else dg.AssetCheckSeverity.ERROR,
            description=" ".join(answer.gate.reasons) or "Cost and time are within the limits.",
            metadata=metadata.of_gate(answer),
        )

    return estimate_within_limits


def _results(pipeline: Pipeline) -> dg.AssetsDefinition:
    wire = through_phases(pipeline)

    @dg.graph_asset(
        key=[pipeline.name, "results"],
        group_name=pipeline.name,
        ins={"plan": dg.AssetIn(key=dg.AssetKey([pipeline.name, "plan"]), dagster_type=dg.Nothing)},
        kinds={"anthropic"} if pipeline.calls_models else {"sql"},
        description=f"Every item of one batch job of {pipeline.name} taken through its phases. Items, outputs and "
        "costs are rows of the ledger.",
    )
    def results(plan: None) -> None:
        return collect(open_item_partitions(plan).map(wire).collect())  # type: ignore[no-any-return]

    return results


def _report(pipeline: Pipeline) -> dg.AssetsDefinition:
    @dg.asset(
        key=[pipeline.name, "report"],
        group_name=pipeline.name,
        deps=[dg.AssetKey([pipeline.name, "results"])],
        required_resource_keys={SERVICES},
        kinds={"markdown"},
        description="What the batch job cost, how long it took and how well it went, against its estimate; and the "
        "file of its results, where one is wanted.",
    )
    def report(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
        services: Services = context.resources.services
        with explained():
            job = batch_job_of(services.ledger, context.run)
            analytics = summarize(services.ledger, job)
            delivery = job.pipeline.delivery if job.status is JobStatus.COMPLETED else None
            delivered = deliver(services.ledger, job, delivery) if delivery else None
        shown = metadata.of_report(job, analytics, render_report(job, analytics))
        return dg.MaterializeResult(metadata=shown | metadata.of_delivery(delivered))

    return report
