"""A budget that does not suffice: never spent over, used as far as it goes, and a reason in the end (D6)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import update

from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import JobStatus, JobTrigger
from batch_pipelines.engine import share
from batch_pipelines.ledger.database import writing
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import batch_jobs
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import configure, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, billed_usd, create, drive, phase

WORST_USD = Decimal("0.0062")
"""400 tokens of output at 15 USD a million, and some input: a little more than any call here may cost."""


def limited_to(usd: str) -> Budget:
    """A budget of so many dollars."""
    return Budget(max_cost_usd=Decimal(usd))


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_a_budget_is_used_and_never_passed(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """What the server billed stays under the budget, less than one call of it is left, and the job pauses."""
    server = simulate(latency_mean_seconds=0.02)
    create(ledger, 60, items_per_partition=10, concurrency=6, budget=limited_to("0.03"))

    await drive(ledger, *(engine_on(server.url) for _ in range(engine_count)))
    close_run(ledger, JOB)

    job = ledger.job(JOB)
    assert Decimal("0.03") - WORST_USD < billed_usd(server.url) <= Decimal("0.03")
    assert job.status is JobStatus.PAUSED
    assert str(job.error).startswith("the budget is reached: 0.0")
    assert ledger.progress(JOB).completed == stats(server.url)["answered"]


@pytest.mark.parametrize("fault", [Fault.MALFORMED_BODY, Fault.HALF_SENT_BODY])
async def test_costs_that_nobody_knows_count_at_their_worst(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault
) -> None:
    """Answers that were billed and could not be read are held against the budget, over runs of one engine too."""
    server = simulate(faults={fault: 0.5})
    create(ledger, 40, concurrency=3, budget=limited_to("0.03"))
    engine = engine_on(server.url)

    await drive(ledger, engine)
    close_run(ledger, JOB)
    asked = stats(server.url)["message_requests"]
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    assert billed_usd(server.url) <= Decimal("0.03")
    assert stats(server.url)["message_requests"] == asked
    assert close_run(ledger, JOB).trigger is JobTrigger.DRAIN
    assert "calls of unknown cost may have cost" in str(ledger.job(JOB).error)


@pytest.mark.parametrize("fault", [Fault.RATE_LIMIT, Fault.OVERLOADED, Fault.SERVER_ERROR])
async def test_errors_that_the_provider_does_not_bill_cost_nothing(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault
) -> None:
    """A job whose every call fails once fits into the budget that it would fit into without errors."""
    server = simulate(faults={fault: 1.0}, retry_after_seconds=0)
    create(ledger, 15, concurrency=5, budget=limited_to("0.03"))

    await drive(ledger, engine_on(server.url))

    assert ledger.progress(JOB).completed == 15


async def test_a_budget_too_small_for_one_call_spends_nothing(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """No call is made, and the reason names what it may cost."""
    server = simulate()
    create(ledger, 3, budget=limited_to("0.001"))

    await drive(ledger, engine_on(server.url))
    close_run(ledger, JOB)

    assert stats(server.url)["message_requests"] == 0
    assert "0 of budget.max_cost_usd 0.001 USD is spent and the next call may cost 0.00" in str(ledger.job(JOB).error)


async def test_engines_that_each_need_more_than_half_take_turns(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where half of what is left is too little for one call, one engine makes way instead of both waiting for ever."""
    monkeypatch.setattr(share, "RENEW_SECONDS", 0.1)
    server = simulate(latency_mean_seconds=0.3, latency_sigma=0.0)
    create(ledger, 4, items_per_partition=2, concurrency=2, budget=limited_to("0.0105"))

    await drive(ledger, engine_on(server.url), engine_on(server.url))

    assert ledger.progress(JOB).completed == 4
    assert billed_usd(server.url) <= Decimal("0.0105")


async def test_an_idle_engine_holds_no_money(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """What an engine does not use goes to the one that still has work."""
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 12, items_per_partition=6, concurrency=2, budget=limited_to("0.02"))
    first, second = engine_on(server.url), engine_on(server.url)

    await drive(ledger, first, second)

    assert ledger.progress(JOB).completed == 12


async def test_a_raised_budget_lets_the_job_go_on(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """After a pause at the budget, more money and a resume finish the job."""
    server = simulate()
    create(ledger, 20, concurrency=4, budget=limited_to("0.012"))
    engine = engine_on(server.url)
    await drive(ledger, engine)
    close_run(ledger, JOB)
    assert 0 < ledger.progress(JOB).completed < 20

    with writing(ledger._engine) as connection:
        more = limited_to("1").model_dump(mode="json")
        connection.execute(update(batch_jobs).where(batch_jobs.c.id == JOB).values(budget=more))
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    assert ledger.progress(JOB).completed == 20


async def test_a_call_of_the_next_phase_may_be_what_does_not_fit(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """An expensive phase at the head pauses the job with what that call may cost, and what is done stays."""
    server = simulate()
    configure(server.url, latency_mean_seconds=0.01)
    create(ledger, 2, phase("draft"), phase("novel", max_tokens=100_000), budget=limited_to("0.05"))

    await drive(ledger, engine_on(server.url))
    close_run(ledger, JOB)

    assert len(ledger.finished_calls(JOB)) == 2
    assert "the next call may cost 1.5" in str(ledger.job(JOB).error)


async def test_short_money_finishes_items(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """With a budget, calls of later phases go first, so that what is spent is not spread over first phases (D6)."""
    server = simulate(latency_mean_seconds=0.01)
    create(ledger, 40, phase("draft"), phase("review"), budget=Budget(max_cost_usd=Decimal(1)), items_per_partition=10)
    full = await drive(ledger, engine_on(server.url))
    assert sum(outcome.done for outcome in full) == 80
    half = ledger.charges(JOB).total_usd / 2

    job = create(
        ledger,
        40,
        phase("draft"),
        phase("review"),
        budget=Budget(max_cost_usd=half + Decimal("0.02")),
        items_per_partition=10,
        concurrency=2,
        job_id="short",
    )
    await drive(ledger, engine_on(server.url), job_id=job.id)

    assert ledger.progress("short").completed >= 10
