"""What Dagster shows and plots about a batch job (requirements C6, E4).

Keys say their unit, numbers are numbers, and what is unknown is left out: Dagster would plot a zero as a fact. Money is
a float here, and only here, as Dagster plots nothing else; the exact figures are in the JSON beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import dagster as dg

from batch_pipelines.analytics.values import Analytics
from batch_pipelines.control.delivering import Delivered
from batch_pipelines.control.gating import GateAnswer
from batch_pipelines.domain.estimate import Estimate, PhaseEstimate, TierEstimate
from batch_pipelines.domain.job import BatchJob

Figure = str | bool | int | float | Decimal | dg.MetadataValue | None
Metadata = dict[str, dg.MetadataValue]

NO_TIER = "all items"


def of_plan(job: BatchJob) -> Metadata:
    """What is about to run, and within which budget."""
    return _known(
        {
            "batch_job_id": job.id,
            "item_count": job.total_items,
            "pipeline": job.pipeline.name,
            "tier": job.tier,
            "concurrency": job.concurrency,
            "max_cost_usd": job.budget.max_cost_usd,
            "max_duration_seconds": job.budget.max_duration_seconds,
            "simulated": job.simulated,
        }
    )


def of_gate(answer: GateAnswer) -> Metadata:
    """The verdict, and the whole estimate where there is one."""
    verdict = {
        "batch_job_id": answer.job.id,
        "gate": answer.gate.severity.value,
        "gate_passed": answer.gate.passed,
        "gate_reasons": "\n".join(answer.gate.reasons) or None,
    }
    return _known(verdict) | (_of_estimate(answer.estimate) if answer.estimate else {})


def of_results(job: BatchJob, analytics: Analytics) -> Metadata:
    """The figures that are worth comparing between batch jobs."""
    items, cost, speed = analytics.overview, analytics.cost, analytics.performance
    cost_variance, time_variance = analytics.variance.cost, analytics.variance.time
    return _known(
        {
            "batch_job_id": job.id,
            "simulated": job.simulated,
            "cost_usd": cost.total_usd,
            "cost_per_item_usd": cost.per_item_usd,
            **{f"cost_usd_{tier.tier.value}": tier.cost_usd for tier in cost.by_tier if tier.tier},
            "input_tokens": analytics.tokens.input_tokens,
            "output_tokens": analytics.tokens.output_tokens,
            "items": items.total,
            "successful": items.successful,
            "failed": items.failed,
            "success_rate": items.success_rate,
            "quality_mean": analytics.mean_quality_score,
            "scored_items": sum(share.count for share in analytics.quality_distribution) or None,
            "duration_mean_ms": speed.mean_ms,
            "duration_p50_ms": speed.p50_ms,
            "duration_p95_ms": speed.p95_ms,
            "duration_p99_ms": speed.p99_ms,
            "items_per_minute": speed.items_per_minute,
            "working_seconds": speed.working_seconds,
            "cost_variance_percent": cost_variance.percentage if cost_variance else None,
            "time_variance_percent": time_variance.percentage if time_variance else None,
        }
    )


def of_report(job: BatchJob, analytics: Analytics, markdown: str) -> Metadata:
    """The report for people, and its figures for programs."""
    return {
        "batch_job_id": dg.MetadataValue.text(job.id),
        "report": dg.MetadataValue.md(markdown),
        "analytics": dg.MetadataValue.json(analytics.model_dump(mode="json")),
    }


def of_delivery(delivered: Delivered | None) -> Metadata:
    """Where the results are, and how many; nothing where they were not delivered."""
    if delivered is None:
        return {}
    figures = {"delivered_rows": delivered.rows, "left_out_repeats": delivered.repeats or None}
    return {"delivery": dg.MetadataValue.path(delivered.path)} | _known(
        figures | {"indexed_vectors": delivered.vectors}
    )


def _of_estimate(estimate: Estimate) -> Metadata:
    time = estimate.time
    return _known(
        {
            "total_cost_usd": estimate.total_cost_usd,
            "total_cost_low_usd": estimate.interval.low_usd,
            "total_cost_high_usd": estimate.interval.high_usd,
            "interval_coverage": estimate.interval.coverage,
            "cost_per_item_usd": estimate.cost_per_item_usd,
            "item_count": estimate.item_count,
            "input_tokens": estimate.total_input_tokens,
            "output_tokens": estimate.total_output_tokens,
            "time_seconds": time.seconds,
            "time": time.formatted,
            "effective_concurrency": time.effective_concurrency,
            "rate_limit_applied": time.rate_limit_applied,
            "items_per_minute": time.items_per_minute,
            "by_tier": _table(_tier_record(share) for share in estimate.by_tier),
            "by_phase": _table(_phase_record(share) for share in estimate.by_phase),
            "estimate": dg.MetadataValue.json(estimate.model_dump(mode="json")),
        }
    )


def _tier_record(share: TierEstimate) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "tier": share.tier or NO_TIER,
            "items": share.item_count,
            "cost_usd": float(share.cost_usd),
            "cost_per_item_usd": float(share.cost_per_item_usd),
            "input_tokens": share.input_tokens,
            "output_tokens": share.output_tokens,
        }
    )


def _phase_record(share: PhaseEstimate) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "phase": share.phase,
            "model": share.model,
            "calls": share.calls,
            "cost_usd": float(share.cost_usd),
            "input_tokens": share.input_tokens,
            "output_tokens": share.output_tokens,
        }
    )


def _table(records: Iterable[dg.TableRecord]) -> dg.TableMetadataValue:
    """A table whose columns Dagster reads off its first row; an estimate has at least one."""
    return dg.MetadataValue.table(list(records))


def _known(figures: Mapping[str, Figure]) -> Metadata:
    """The figures that are known, as values of Dagster."""
    return {key: _value(figure) for key, figure in figures.items() if figure is not None}


def _value(figure: str | bool | int | float | Decimal | dg.MetadataValue) -> dg.MetadataValue:
    match figure:
        case dg.MetadataValue():
            return figure
        case str():
            return dg.MetadataValue.text(figure)
        case bool():
            return dg.MetadataValue.bool(figure)
        case int():
            return dg.MetadataValue.int(figure)
        case _:
            return dg.MetadataValue.float(float(figure))
