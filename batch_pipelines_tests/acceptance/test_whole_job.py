"""The main job from a spec to its report, read back from Dagster's own instance."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from batch_pipelines.domain.transitions import JobStatus
from batch_pipelines.ledger.jobs import JobFilter
from batch_pipelines.orchestration.tags import CONCURRENCY_TAG, JOB_TAG, TIER_TAG
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines_tests.acceptance.conftest import Deploy, items
from batch_pipelines_tests.postgres import fresh_database

PLAN, RESULTS, REPORT = (dg.AssetKey(["conversation_generation", name]) for name in ("plan", "results", "report"))
CHECK = dg.AssetCheckKey(PLAN, "estimate_within_limits")


def metadata_of(instance: dg.DagsterInstance, key: dg.AssetKey) -> dict[str, Any]:
    """Metadata of an asset's latest materialization, unwrapped."""
    event = instance.get_latest_materialization_event(key)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def check_of(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    """The latest evaluation of the gate."""
    record = instance.event_log_storage.get_asset_check_execution_history(CHECK, limit=1)[0]
    assert record.event is not None
    evaluation = record.event.dagster_event.asset_check_evaluation_data  # type: ignore[union-attr]
    assert isinstance(evaluation, dg.AssetCheckEvaluation)
    return evaluation


def test_a_spec_becomes_assets_a_check_and_figures(deploy: Deploy) -> None:
    """One run estimates, asks the gate, calls for each item once, and materializes figures (A1, C6, D1, E2, E4, F1)."""
    deployment = deploy()

    status = deployment.run(tier="all", options={"concurrency": 4}, budget={"max_cost_usd": 5})

    assert status["status"] == "completed"
    assert status["simulated"] is True
    assert stats(deployment.server.url)["answered"] == 9
    with deployment.instance() as instance:
        run = instance.get_run_by_id(status["run_id"])
        assert run is not None
        assert run.status is dg.DagsterRunStatus.SUCCESS
        assert run.job_name == "conversation_generation"
        assert (run.tags[JOB_TAG], run.tags[TIER_TAG], run.tags[CONCURRENCY_TAG]) == (status["id"], "all", "4")
        assert run.remote_job_origin is not None
        figures = metadata_of(instance, RESULTS)
        assert figures["items"] == figures["successful"] == 9
        assert figures["cost_usd"] == pytest.approx(float(status["cost_usd"]))
        assert 0 < figures["duration_p50_ms"] <= figures["duration_p95_ms"] <= figures["duration_p99_ms"]
        assert {"success_rate", "cost_variance_percent", "time_variance_percent"} <= figures.keys()
        assert metadata_of(instance, PLAN)["batch_job_id"] == status["id"]
        markdown = metadata_of(instance, REPORT)["report"]
        assert "](data:image/png;base64," in markdown
        assert "SIMULATED" in markdown.upper()
        evaluation = check_of(instance)
        assert evaluation.passed
        assert evaluation.metadata["total_cost_usd"].value == pytest.approx(0.405)


def test_the_bill_is_the_servers_own(deploy: Deploy) -> None:
    """Item costs add up to the job's cost, which is what the server's log says at the model's price (A1)."""
    deployment = deploy()

    status = deployment.run()

    billed = [entry["usage"] for entry in log(deployment.server.url)]
    price = (
        sum(2 * Decimal(usage["input_tokens"]) + 10 * Decimal(usage["output_tokens"]) for usage in billed) / 1_000_000
    )
    results = deployment.results(status["id"])
    assert Decimal(status["cost_usd"]) == price == sum(Decimal(item["cost_usd"]) for item in results)
    assert all(item["phase_outputs"] == {"generate_conversation": item["output"]} for item in results)


def test_a_refused_gate_makes_no_call(deploy: Deploy) -> None:
    """An estimate over the budget fails the blocking check, and the server is never asked (C6)."""
    deployment = deploy()

    status = deployment.run(exit_code=3, budget={"max_cost_usd": 0.1})

    assert stats(deployment.server.url)["message_requests"] == 0
    assert status["status"] == "failed"
    assert "max_cost_usd" in status["error"]
    assert status["estimate"]["gate"]["passed"] is False
    with deployment.instance() as instance:
        evaluation = check_of(instance)
        assert not evaluation.passed
        assert evaluation.severity is dg.AssetCheckSeverity.ERROR
        assert evaluation.metadata["total_cost_usd"].value == pytest.approx(0.405)
        assert instance.get_latest_materialization_event(RESULTS) is None
        assert instance.get_run_by_id(status["run_id"] or _only_run(instance)).status is dg.DagsterRunStatus.FAILURE  # type: ignore[union-attr]


def _only_run(instance: dg.DagsterInstance) -> str:
    (run,) = instance.get_runs()
    return run.run_id


def test_a_warning_is_shown_and_the_job_runs(deploy: Deploy) -> None:
    """Over the warning share the check fails with WARN and blocks nothing (C6)."""
    deployment = deploy()

    status = deployment.run(budget={"max_cost_usd": 0.5})

    assert status["status"] == "completed"
    with deployment.instance() as instance:
        evaluation = check_of(instance)
        assert not evaluation.passed
        assert evaluation.severity is dg.AssetCheckSeverity.WARN
        assert instance.get_latest_materialization_event(REPORT) is not None


def test_a_paused_run_is_neither_success_nor_failure(deploy: Deploy) -> None:
    """A budget that is reached pauses the job: the run is canceled and nothing downstream materializes (A4, D6)."""
    deployment = deploy()

    budget = {"max_cost_usd": 0.2, "estimate_over": "warn"}
    status = deployment.run(exit_code=4, budget=budget, options={"concurrency": 2})

    assert status["status"] == "paused"
    assert "budget" in status["error"]
    assert 0 < Decimal(status["cost_usd"]) <= Decimal("0.2")
    with deployment.instance() as instance:
        run = instance.get_run_by_id(status["run_id"])
        assert run is not None
        assert run.status is dg.DagsterRunStatus.CANCELED
        assert instance.get_latest_materialization_event(RESULTS) is None
        assert instance.get_latest_materialization_event(REPORT) is None


def test_every_executor_gives_the_same_results(deploy: Deploy) -> None:
    """Outputs, tokens and costs do not depend on how Dagster runs the steps, nor does the bound on calls (D1, D2)."""
    deployment = deploy(server={"latency_mean_seconds": 0.05})
    results = []
    for executor in ("async", "in_process", "multiprocess"):
        deployment.environment["BATCH_PIPELINES_EXECUTOR"] = executor
        status = deployment.run(options={"concurrency": 2, "items_per_partition": 5})
        assert status["status"] == "completed"
        results.append([_lasting(item) for item in deployment.results(status["id"])])

    assert results[0] == results[1] == results[2]
    assert stats(deployment.server.url)["peak_in_flight"] == 2


def _lasting(item: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs from run to run."""
    return {name: value for name, value in item.items() if name != "duration_ms"}


def test_postgresql_gives_the_same_results(deploy: Deploy) -> None:
    """The same spec on PostgreSQL, by a plain postgresql:// URL."""
    with fresh_database() as url:
        deployment = deploy(database_url=url)

        status = deployment.run()

        assert status["status"] == "completed"
        assert len(deployment.results(status["id"])) == 9
        with deployment.ledger() as ledger:
            (job,) = ledger.list_jobs(JobFilter())
            assert job.status is JobStatus.COMPLETED
    assert not (deployment.home / "batch_pipelines.db").exists()


def test_runs_at_the_same_time_keep_to_their_own_batch_jobs(deploy: Deploy) -> None:
    """Three runs on one home each finish the job they were started for, after its own gate (C6, D1)."""
    deployment = deploy()
    spec = str(deployment.spec(items=items(6)))

    commands = [deployment.start("run", spec, "--json") for _ in range(3)]
    outputs = [command.communicate(timeout=150)[0] for command in commands]

    statuses = [json.loads(output) for output in outputs]
    assert [status["status"] for status in statuses] == ["completed"] * 3
    assert len({status["run_id"] for status in statuses}) == 3
    assert stats(deployment.server.url)["answered"] == 18
    with deployment.instance() as instance:
        for status in statuses:
            run = instance.get_run_by_id(status["run_id"])
            assert run is not None
            assert run.tags[JOB_TAG] == status["id"]
