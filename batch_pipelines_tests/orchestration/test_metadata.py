"""Tests of batch_pipelines.orchestration.metadata."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import dagster as dg

from batch_pipelines.control.delivering import Delivered
from batch_pipelines.control.gating import GateAnswer
from batch_pipelines.domain.estimate import Gate, GateSeverity
from batch_pipelines.domain.spec import Budget
from batch_pipelines.orchestration.metadata import Metadata, of_delivery, of_gate, of_plan, of_report, of_results
from batch_pipelines_tests.analytics.samples import analytics_of, batch_job

NUMBERS = (dg.IntMetadataValue, dg.FloatMetadataValue)


def plain(metadata: Metadata) -> dict[str, Any]:
    """What Dagster stores."""
    return {key: value.value for key, value in metadata.items()}


def test_plan() -> None:
    """A plan shows its size, its limits and whether it is simulated (E4)."""
    assert plain(of_plan(batch_job())) == {
        "batch_job_id": "job_1",
        "item_count": 90,
        "pipeline": "conversation_generation",
        "tier": "all",
        "concurrency": 3,
        "max_cost_usd": 50.0,
        "simulated": False,
    }


def test_plan_without_limits() -> None:
    """A limit that is not set is left out, rather than shown as zero (E4)."""
    metadata = of_plan(batch_job(budget=Budget(), tier=None))

    assert not {"max_cost_usd", "max_duration_seconds", "tier"} & metadata.keys()


def test_gate() -> None:
    """The check shows the whole estimate: figures as numbers, shares as tables, all of it as JSON (C6)."""
    job = batch_job()
    assert job.estimate is not None
    gate = Gate(passed=True, severity=GateSeverity.WARN, reasons=("near", "slow"))

    metadata = of_gate(GateAnswer(job, gate, job.estimate))

    figures = plain(metadata)
    tier_records, phase_records = metadata["by_tier"], metadata["by_phase"]
    assert (figures["gate"], figures["gate_passed"], figures["gate_reasons"]) == ("warn", True, "near\nslow")
    assert (figures["total_cost_usd"], figures["cost_per_item_usd"]) == (30.375, 0.3375)
    assert figures["total_cost_low_usd"] < 30.375 < figures["total_cost_high_usd"]
    assert (figures["time_seconds"], figures["time"]) == (660, "11 minutes")
    assert (figures["effective_concurrency"], figures["rate_limit_applied"]) == (3, False)
    assert figures["estimate"] == job.estimate.model_dump(mode="json")
    assert isinstance(tier_records, dg.TableMetadataValue)
    assert tier_records.records[0].data == {
        "tier": "template",
        "items": 30,
        "cost_usd": 7.65,
        "cost_per_item_usd": 0.255,
        "input_tokens": 60_000,
        "output_tokens": 90_000,
    }
    assert isinstance(phase_records, dg.TableMetadataValue)
    assert [record.data["phase"] for record in phase_records.records] == ["generate"]
    assert all(isinstance(value, NUMBERS) for key, value in metadata.items() if key.endswith(("_usd", "_tokens")))


def test_gate_without_an_estimate() -> None:
    """Without a price there is nothing to show but the verdict and its reason (C6)."""
    gate = Gate(passed=False, severity=GateSeverity.ERROR, reasons=("model: 'x' has no known price",))

    assert plain(of_gate(GateAnswer(batch_job(), gate, None))) == {
        "batch_job_id": "job_1",
        "gate": "error",
        "gate_passed": False,
        "gate_reasons": "model: 'x' has no known price",
    }


def test_results() -> None:
    """Cost, duration, success and variance are numbers that Dagster can plot over batch jobs (E4)."""
    job = batch_job()

    metadata = of_results(job, analytics_of(job))

    assert plain(metadata) == {
        "batch_job_id": "job_1",
        "simulated": False,
        "cost_usd": 0.8,
        "cost_per_item_usd": 0.2666666667,
        "cost_usd_template": 0.35,
        "cost_usd_scenario": 0.0,
        "cost_usd_edge_case": 0.45,
        "input_tokens": 6000,
        "output_tokens": 9000,
        "items": 90,
        "successful": 2,
        "failed": 1,
        "success_rate": 0.0222,
        "quality_mean": 8.0,
        "scored_items": 1,
        "duration_mean_ms": 15_000.0,
        "duration_p50_ms": 15_000.0,
        "duration_p95_ms": 19_500.0,
        "duration_p99_ms": 19_900.0,
        "items_per_minute": 9.0,
        "working_seconds": 600.0,
        "cost_variance_percent": -97.37,
        "time_variance_percent": -9.09,
    }
    assert all(
        isinstance(value, NUMBERS) for key, value in metadata.items() if key not in ("batch_job_id", "simulated")
    )


def test_results_leave_out_what_is_unknown() -> None:
    """Without an estimate there is no variance; a cost or a score that nobody knows is not plotted as zero (E4)."""
    job = batch_job(estimate=None)
    analytics = analytics_of(job)
    unknown = tuple(tier.model_copy(update={"cost_usd": None}) for tier in analytics.cost.by_tier)
    cost = analytics.cost.model_copy(update={"by_tier": unknown, "per_item_usd": None, "total_usd": Decimal(0)})

    unscored = {"quality_distribution": (), "mean_quality_score": None}
    metadata = of_results(job, analytics.model_copy(update={"cost": cost, **unscored}))

    assert {key for key in metadata if "cost" in key or "variance" in key} == {"cost_usd"}
    assert not {"quality_mean", "scored_items"} & metadata.keys()


def test_report() -> None:
    """The report is Markdown for people, with the exact figures as JSON beside it (E4)."""
    job = batch_job()
    analytics = analytics_of(job)

    metadata = of_report(job, analytics, "# Report")

    assert isinstance(metadata["report"], dg.MarkdownMetadataValue)
    assert plain(metadata) == {
        "batch_job_id": "job_1",
        "report": "# Report",
        "analytics": analytics.model_dump(mode="json"),
    }


def test_dagster_takes_all_of_it() -> None:
    """Every value survives an asset materialization in a real Dagster instance."""
    job = batch_job()
    assert job.estimate is not None
    metadata = {
        **of_plan(job),
        **of_gate(GateAnswer(job, job.estimate.gate, job.estimate)),
        **of_results(job, analytics_of(job)),
        **of_report(job, analytics_of(job), "# Report"),
    }

    @dg.asset
    def results() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=metadata)

    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([results], instance=instance).success
        event = instance.get_latest_materialization_event(dg.AssetKey("results"))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata.items() >= metadata.items()


def test_delivery() -> None:
    """Where the file is and how many rows it has; nothing is said of what was not wanted (E4, F7)."""
    assert plain(of_delivery(Delivered("/a.csv", 3, 0, None))) == {"delivery": "/a.csv", "delivered_rows": 3}
    assert plain(of_delivery(Delivered("/a.csv", 3, 2, 0))) == {
        "delivery": "/a.csv",
        "delivered_rows": 3,
        "left_out_repeats": 2,
        "indexed_vectors": 0,
    }
    assert of_delivery(None) == {}
