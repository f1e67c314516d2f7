"""The estimate under settings, and the gate that asks for it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from batch_pipelines.control.estimating import estimate_plan, pace
from batch_pipelines.control.gating import ask_gate
from batch_pipelines.control.submission import submit
from batch_pipelines.domain.errors import UnknownPrice
from batch_pipelines.domain.estimate import GateSeverity
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.settings import ProviderName, Settings
from batch_pipelines_tests.clock import START
from batch_pipelines_tests.control.samples import MODEL, plan


@pytest.mark.parametrize(
    ("settings", "seconds_per_call", "requests_per_minute"),
    [
        (Settings(), 0.3, None),
        (Settings(provider=ProviderName.ANTHROPIC), 20, 50),
        (Settings(provider=ProviderName.ANTHROPIC, seconds_per_call=5, requests_per_minute=4_000), 5, 4_000),
        (Settings(seconds_per_call=60, requests_per_minute=50), 60, 50),
    ],
)
def test_the_pace_is_the_settings_or_the_providers(
    settings: Settings, seconds_per_call: float, requests_per_minute: float | None
) -> None:
    """The simulated provider is quick and without a limit; the real one is as the requirements say (C3)."""
    known = pace(settings)

    assert (known.seconds_per_call, known.requests_per_minute) == (seconds_per_call, requests_per_minute)


def test_the_deployments_own_prices_go_first(tmp_path: Path) -> None:
    """BATCH_PIPELINES_PRICES_FILE overrides the price book (C2)."""
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"- {{model: {MODEL}, input_usd_per_mtok: 0, output_usd_per_mtok: 2000}}")

    estimate = estimate_plan(plan(), Settings(prices_file=prices), START)

    assert estimate.total_cost_usd == 3 * 500 * Decimal("0.002")


def test_a_model_without_a_price_cannot_be_estimated() -> None:
    """An unknown price is an error, never zero (C6)."""
    with pytest.raises(UnknownPrice, match="'no-such-model' has no known price"):
        estimate_plan(plan({"options": {"model": "no-such-model"}}), Settings(), START)


@pytest.mark.parametrize(
    ("budget", "passed", "severity"),
    [
        ({}, True, GateSeverity.OK),
        ({"max_cost_usd": "0.0001"}, False, GateSeverity.ERROR),
        ({"max_cost_usd": "0.0001", "estimate_over": "warn"}, True, GateSeverity.WARN),
        ({"max_duration_seconds": 0.01}, False, GateSeverity.ERROR),
    ],
)
def test_the_gate_keeps_its_estimate_and_fails_what_it_refuses(
    sqlite_ledger: Ledger, budget: dict[str, object], passed: bool, severity: GateSeverity
) -> None:
    """A refused job is failed with the reason, and was never started (C6)."""
    job = submit(plan({"budget": budget}), sqlite_ledger)

    answer = ask_gate(sqlite_ledger, Settings(), job.id)

    after = sqlite_ledger.job(job.id)
    assert (answer.gate.passed, answer.gate.severity) == (passed, severity)
    assert after.estimate == answer.estimate
    assert after.status is (JobStatus.PENDING if passed else JobStatus.FAILED)
    assert after.started_at is None
    assert after.warnings == (answer.gate.reasons if severity is GateSeverity.WARN else ())
    if not passed:
        assert after.error == f"refused by its estimate: {answer.gate.reasons[0]}"


def test_the_gate_refuses_a_model_without_a_price(sqlite_ledger: Ledger) -> None:
    """There is nothing to estimate with, so there is no estimate (C6)."""
    job = submit(plan({"options": {"model": "no-such-model"}}), sqlite_ledger)

    answer = ask_gate(sqlite_ledger, Settings(), job.id)

    assert (answer.gate.passed, answer.estimate) == (False, None)
    assert "'no-such-model' has no known price" in (sqlite_ledger.job(job.id).error or "")


def test_a_job_that_has_started_keeps_its_estimate(sqlite_ledger: Ledger) -> None:
    """Its budget holds call by call; the first estimate is what it is measured by (C5, C6)."""
    job = submit(plan({"budget": {"max_cost_usd": "100"}}), sqlite_ledger)
    first = ask_gate(sqlite_ledger, Settings(), job.id)
    sqlite_ledger.move_job(job.id, JobTrigger.START)
    sqlite_ledger.move_job(job.id, JobTrigger.DRAIN)

    again = ask_gate(sqlite_ledger, Settings(seconds_per_call=1_000), job.id)

    assert again.estimate == first.estimate
    assert sqlite_ledger.job(job.id).status is JobStatus.PAUSED
