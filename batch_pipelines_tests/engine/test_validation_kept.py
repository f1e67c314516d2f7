"""Answers that are kept with what was found out about them (B7, E2)."""

from __future__ import annotations

from typing import Any

from batch_pipelines.control.running import open_run
from batch_pipelines.domain.pipeline import Phase
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.engine.share import RENEW_SECONDS
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.process import configure, log, stats
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, MODEL
from batch_pipelines_tests.engine.validated import (
    JUDGE,
    PRICES,
    calls,
    create,
    drive,
    drive_and_pause,
    is_judgement,
    judged,
    the_result,
)


def cached(**validation: Any) -> Phase:
    """The phase of the jobs below."""
    return judged(prompt="About {{ item.topic }}.", **validation)


async def test_an_accepted_answer_is_kept_with_its_assessment(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """The next job that asks the same under the same rules pays for neither answer nor judge (B7, E2)."""
    server = simulate(judge_mean=6, judge_spread=2)
    engine = engine_on(server.url, prices=PRICES)
    create(ledger, 12, cached(min_score=6), job_id="first", answer_cache="read_write")
    await drive(ledger, engine, job_id="first")
    asked = stats(server.url)["message_requests"]
    first = [each for each in ledger.iter_results("first") if each.status is ItemStatus.COMPLETED]
    assert any(each.retries for each in first)

    create(ledger, 12, cached(min_score=6), job_id="second", answer_cache="read")
    await drive(ledger, engine, job_id="second")

    second = {each.item_id: each for each in ledger.iter_results("second")}
    for each in first:
        again = second[each.item_id]
        assert (again.output, again.quality_score, again.assessments) == (
            each.output,
            each.quality_score,
            each.assessments,
        )
        assert (again.attempts, again.cost_usd) == (0, 0)
    # What had failed was never kept, so it is tried again.
    fresh = [entry["prompt"] for entry in log(server.url)[asked:] if not is_judgement(entry)]
    failed = 12 - len(first)
    assert len({prompt.split(".")[0] for prompt in fresh}) == failed


async def test_an_answer_that_was_good_enough_for_less_is_not_reused(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Rules are a part of what an answer is kept under: accepted under 5, it is none under 9 (B7)."""
    server = simulate(judge_mean=7, judge_spread=0)
    engine = engine_on(server.url, prices=PRICES)
    create(ledger, 2, cached(min_score=5), job_id="lax", answer_cache="read_write")
    await drive(ledger, engine, job_id="lax")
    configure(server.url, judge_mean=9)

    create(ledger, 2, cached(min_score=9), job_id="strict", answer_cache="read_write")
    await drive(ledger, engine, job_id="strict")
    asked = stats(server.url)["message_requests"]
    create(ledger, 2, cached(min_score=5), job_id="lax again", answer_cache="read")
    await drive(ledger, engine, job_id="lax again")

    assert [each.quality_score for each in ledger.iter_results("strict")] == [9, 9]
    assert [each.quality_score for each in ledger.iter_results("lax again")] == [7, 7]
    assert asked == stats(server.url)["message_requests"] == 8


async def test_a_rejected_answer_is_not_kept(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Nor one whose item failed: the next job asks again."""
    server = simulate(judge_mean=3, judge_spread=0)
    engine = engine_on(server.url, prices=PRICES)
    create(ledger, 1, cached(retries=0, escalations=0), job_id="first", answer_cache="read_write")
    await drive(ledger, engine, job_id="first")
    configure(server.url, judge_mean=8)

    create(ledger, 1, cached(retries=0, escalations=0), job_id="second", answer_cache="read")
    await drive(ledger, engine, job_id="second")

    assert the_result(ledger, "second").status is ItemStatus.COMPLETED
    assert calls(server.url) == ([MODEL] * 2, [JUDGE] * 2)


async def test_an_answer_is_kept_with_all_that_it_cost_or_not_at_all(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Answers and judges of all its tries; where an earlier run paid for some, nobody here knows how much (C2)."""
    # Slower than a pause is seen, so that the first answers come when no judge is asked any more.
    server = simulate(judge_mean=6, judge_spread=2, latency_mean_seconds=2 * RENEW_SECONDS, latency_sigma=0.0)
    create(ledger, 16, cached(min_score=7), concurrency=4, answer_cache="read_write")
    engine = engine_on(server.url, prices=PRICES)
    await drive_and_pause(ledger, engine, server.url, "in_flight", 4)
    begun = {work.item_id for work in ledger.partition_work(JOB, "write", 0, 16) if work.trial}
    assert begun
    configure(server.url, latency_mean_seconds=0)
    open_run(ledger, JOB, "run-2")
    await drive(ledger, engine, run_id="run-2")

    costs = {}
    for result in ledger.iter_results(JOB):
        kept = ledger.nearest_answer("default", "stories", "write", result.item_id, simulated=True, other_than="")
        if kept is not None:
            costs[result.item_id] = kept.cost_usd
            assert (kept.cost_usd, kept.output, kept.usage) == (result.cost_usd, result.output, result.usage)
    assert costs
    assert begun.isdisjoint(costs)
