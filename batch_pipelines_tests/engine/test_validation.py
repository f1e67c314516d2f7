"""Answers that have to be good enough: judged, asked for again, escalated, paid for (B7, B9, D4, D6)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.control.running import close_run
from batch_pipelines.domain.errors import ErrorCategory
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.transitions import ItemStatus, JobStatus, JobTrigger
from batch_pipelines.domain.validation import Judge
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.base import Completion, Request
from batch_pipelines.providers.simulated.config import Fault
from batch_pipelines.providers.simulated.process import log, stats
from batch_pipelines.quality.cascade import FEEDBACK_HEADING
from batch_pipelines_tests.conftest import Simulate
from batch_pipelines_tests.engine.conftest import EngineOn
from batch_pipelines_tests.engine.samples import JOB, MODEL, repeated
from batch_pipelines_tests.engine.validated import (
    JUDGE,
    PRICES,
    STRONGER,
    STRONGEST,
    Watched,
    billed_usd,
    calls,
    create,
    drive,
    engine_with,
    is_judgement,
    judged,
    judges,
    the_result,
)

# What is accepted


async def test_a_good_answer_is_judged_and_accepted(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """One call for the answer, one for its judge; score, reasons and cost are on the result (B7, E2)."""
    server = simulate(judge_mean=8, judge_spread=0)
    create(ledger, 3, judged())

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert close_run(ledger, JOB).trigger is JobTrigger.COMPLETE
    assert calls(server.url) == ([MODEL] * 3, [JUDGE] * 3)
    for result in ledger.iter_results(JOB):
        assert (result.status, result.attempts, result.retries) == (ItemStatus.COMPLETED, 2, 0)
        assert (result.quality_score, result.model) == (8, MODEL)
        assert result.assessments["write"].is_accepted
        assert len(result.assessments["write"].reasons) == 1
        assert result.output == result.phase_outputs["write"]
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url) > 0


async def test_every_judge_is_asked(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """One after the other, each with its own criteria and model; the score is their mean (B9)."""
    server = simulate(judge_spread=2.5)
    three = (Judge(criteria="It is true."), Judge(model=STRONGER), Judge(criteria="It is short."))
    create(ledger, 4, judged(judges=three, min_score=1))

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert Counter(calls(server.url)[1]) == {JUDGE: 8, STRONGER: 4}
    scores = [result.quality_score for result in ledger.iter_results(JOB)]
    assert all(score is not None and 1 <= score <= 10 for score in scores)
    assert any(score != round(score) for score in scores if score is not None)
    assert [result.attempts for result in ledger.iter_results(JOB)] == [4] * 4


async def test_without_a_score_to_reach_nobody_judges(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Checks alone cost no call, and a score that nobody gave is unknown, not zero (B9)."""
    server = simulate()
    create(ledger, 2, judged(min_score=None, checks=[{"least_characters": 5}]))

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert calls(server.url) == ([MODEL] * 2, [])
    result = ledger.results(JOB)[0]
    assert (result.status, result.quality_score) == (ItemStatus.COMPLETED, None)
    assert result.assessments["write"].score is None
    assert result.assessments["write"].is_accepted


async def test_a_phase_without_validation_has_no_assessment(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Nobody looked, so nothing was found out."""
    server = simulate()
    create(ledger, 1, judged(enabled=False))

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert (the_result(ledger).assessments, the_result(ledger).quality_score) == ({}, None)
    assert calls(server.url) == ([MODEL], [])


# What is not


async def test_a_bad_answer_is_asked_for_again_with_feedback_and_then_of_a_stronger_model(
    ledger: Ledger, journals: Path, simulate: Simulate
) -> None:
    """Every model gets its tries, each prompt says what was wrong with the answer before, and the item fails (B7)."""
    server = simulate(judge_mean=4, judge_spread=0)
    provider = Watched(server.url)
    create(ledger, 1, judged(retries=1, escalations=1))

    with engine_with(ledger, journals, provider) as engine:
        await drive(ledger, engine)

    assert calls(server.url) == ([MODEL, MODEL, STRONGER, STRONGER], [JUDGE] * 4)
    first, *again = provider.answers
    assert FEEDBACK_HEADING not in first.prompt
    for request in again:
        assert request.prompt.startswith(f"{first.prompt}\n\n{FEEDBACK_HEADING}\n")
        assert request.prompt.count(FEEDBACK_HEADING) == 1
    # The server saw as many different requests, and the feedback as input.
    answers = [entry for entry in log(server.url) if not is_judgement(entry)]
    assert len({entry["body_sha256"] for entry in answers}) == 4
    assert all(_input(entry) > 3 * _input(answers[0]) for entry in answers[1:])
    result = the_result(ledger)
    assert (result.status, result.attempts, result.retries, result.output) == (ItemStatus.FAILED, 8, 3, None)
    assert result.error is not None
    assert result.error.category is ErrorCategory.VALIDATION
    assert result.error.message.startswith("no answer reached the score 6; the last had 4: ")
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


def _input(entry: dict[str, Any]) -> int:
    usage = entry["usage"]
    return int(usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"])


async def test_feedback_names_what_the_judge_said_of_this_answer(
    ledger: Ledger, journals: Path, simulate: Simulate
) -> None:
    """Reasons and answer are those of the try before, not of another item or an earlier one (B7)."""
    server = simulate(judge_mean=3, judge_spread=0)
    said: dict[str, list[str]] = defaultdict(list)

    def note(request: Request, completion: Completion) -> Completion:
        if not judges(request):
            said["answers"].append(completion.text)
        else:
            said["reasons"].append("\n".join(f"- {reason}" for reason in json.loads(completion.text)["reasons"]))
        return completion

    provider = Watched(server.url, after=note)
    create(ledger, 1, judged(retries=2, escalations=0))

    with engine_with(ledger, journals, provider) as engine:
        await drive(ledger, engine)

    for number, request in enumerate(provider.answers[1:]):
        assert said["reasons"][number] in request.prompt
        assert said["answers"][number] in request.prompt
    for number, request in enumerate(provider.judgements):
        assert said["answers"][number] in request.prompt
        assert FEEDBACK_HEADING not in request.prompt


async def test_a_stronger_model_can_save_an_item(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """Its answer is accepted, and it is the model that the result names (B7)."""
    server = simulate(judge_mean=9, judge_spread=0)

    def strict(request: Request, completion: Completion) -> Completion:
        is_weak = judges(request) and "Ann" not in completion.text and len(provider.answers) < 3
        return replace(completion, text='{"score": 2, "reasons": ["Weak."]}') if is_weak else completion

    provider = Watched(server.url, after=strict)
    create(ledger, 1, judged(retries=1, escalations=2))

    with engine_with(ledger, journals, provider) as engine:
        await drive(ledger, engine)

    assert calls(server.url)[0] == [MODEL, MODEL, STRONGER]
    result = the_result(ledger)
    assert (result.status, result.quality_score, result.model) == (ItemStatus.COMPLETED, 9, STRONGER)
    assert (result.attempts, result.retries) == (6, 2)
    assert STRONGEST not in calls(server.url)[0]


async def test_a_model_that_the_job_chose_is_not_left(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """`options.model` is the user's own word; there is no escalation from it (B7)."""
    server = simulate(judge_mean=4, judge_spread=0)
    create(ledger, 1, judged(escalations=3), model=STRONGER)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert calls(server.url) == ([STRONGER] * 2, [JUDGE] * 2)


async def test_the_best_answer_is_kept_where_that_is_wanted(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """Not the last: the one with the highest score, whose model and score the result has (B7)."""
    server = simulate()
    scores, texts = iter([3, 5, 4]), []

    def scored(request: Request, completion: Completion) -> Completion:
        if not judges(request):
            texts.append(completion.text)
            return completion
        return replace(completion, text=json.dumps({"score": next(scores), "reasons": ["Weak."]}))

    create(ledger, 1, judged(retries=2, escalations=0, when_exhausted="keep_best"))

    with engine_with(ledger, journals, Watched(server.url, after=scored)) as engine:
        await drive(ledger, engine)

    result = the_result(ledger)
    assert (result.status, result.output, result.quality_score) == (ItemStatus.COMPLETED, texts[1], 5)
    assert not result.assessments["write"].is_accepted


async def test_scores_vary_and_every_item_ends_as_its_scores_say(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn
) -> None:
    """Some are accepted at once, some after feedback, some of a stronger model, some never; all adds up (B7, E2)."""
    server = simulate(judge_mean=6, judge_spread=2, seed=2)
    create(ledger, 30, judged(min_score=9), concurrency=10)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    results = list(ledger.iter_results(JOB))
    assert {result.status for result in results} == {ItemStatus.COMPLETED, ItemStatus.FAILED}
    assert len({result.retries for result in results}) > 2
    for result in results:
        assert result.attempts == 2 * (result.retries + 1)
        if result.status is ItemStatus.COMPLETED:
            assert result.quality_score is not None
            assert result.quality_score >= 9
            assert result.model == (STRONGER if result.retries > 1 else MODEL)
        else:
            assert (result.retries, result.quality_score) == (3, None)
    assert repeated(server.url) == 0
    assert sum((result.cost_usd or Decimal(0) for result in results), Decimal(0)) == billed_usd(server.url)


# What it costs


async def test_usage_is_recorded_before_the_verdict(ledger: Ledger, journals: Path, simulate: Simulate) -> None:
    """While judges think, the ledger knows what the answers cost: a crash loses none of it (B10, D5)."""
    server = simulate()
    may_judge = threading.Event()

    async def wait(request: Request) -> None:
        if judges(request):
            await asyncio.to_thread(may_judge.wait, 20)

    create(ledger, 3, judged(), concurrency=3)
    with engine_with(ledger, journals, Watched(server.url, before=wait)) as engine:
        running = asyncio.ensure_future(drive(ledger, engine))
        async with asyncio.timeout(10):
            while stats(server.url)["answered"] < 3 or ledger.progress(JOB).cost_usd < billed_usd(server.url):
                await asyncio.sleep(0.02)
        progress = ledger.progress(JOB)
        before = [(each.attempts, each.status, each.phase_outputs) for each in ledger.iter_results(JOB)]
        may_judge.set()
        await running

    assert (progress.completed, progress.cost_usd > 0) == (0, True)
    assert before == [(1, ItemStatus.RUNNING, {})] * 3
    assert ledger.progress(JOB).completed == 3


@pytest.mark.parametrize("engine_count", [1, 2])
async def test_a_budget_holds_with_judges(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, engine_count: int
) -> None:
    """Answers, judgements and stronger models together never cost more than it; the job pauses, and more money ends it
    without an answer that is asked for again (B7, D6)."""
    server = simulate(judge_mean=6, judge_spread=2, latency_mean_seconds=0.01)
    limit = Decimal("0.04")
    short = judged(min_score=7).model_copy(update={"max_tokens": 100})
    create(ledger, 40, short, budget=Budget(max_cost_usd=limit), items_per_partition=10, concurrency=6)

    await drive(ledger, *(engine_on(server.url, prices=PRICES) for _ in range(engine_count)))
    close_run(ledger, JOB)

    job, progress = ledger.job(JOB), ledger.progress(JOB)
    assert limit / 3 < billed_usd(server.url) <= limit
    assert progress.cost_usd == billed_usd(server.url)
    assert job.status is JobStatus.PAUSED
    assert str(job.error).startswith("the budget is reached")
    assert 0 < progress.completed < 40
    assert repeated(server.url) == 0


async def test_money_finishes_what_was_begun(ledger: Ledger, simulate: Simulate, engine_on: EngineOn) -> None:
    """Judgements go before new answers, so that little money is not spent on answers that nobody judges (D6)."""
    server = simulate(judge_mean=8, judge_spread=0, latency_mean_seconds=0.01)
    create(ledger, 40, judged(), budget=Budget(max_cost_usd=Decimal("0.025")), concurrency=2)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    answers, judgements = calls(server.url)
    assert 3 < len(answers) < 40
    assert len(answers) - len(judgements) <= 2


# What is no answer


@pytest.mark.parametrize(
    ("fault", "category", "attempts"),
    [(Fault.REFUSAL, ErrorCategory.REFUSAL, 1), (Fault.MAX_TOKENS, ErrorCategory.MAX_TOKENS, 2)],
)
async def test_a_refusal_and_a_cut_answer_stay_what_they_are(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault, category: ErrorCategory, attempts: int
) -> None:
    """No judge is asked about them, no check sees them, and no stronger model is paid to refuse again (B10, D4)."""
    server = simulate(faults={fault: 1.0})
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    shaped = judged().model_copy(update={"output_schema": schema})
    create(ledger, 3, shaped)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert calls(server.url) == ([MODEL] * 3 * attempts, [])
    for result in ledger.iter_results(JOB):
        assert (result.attempts, result.error and result.error.category) == (attempts, category)
        assert result.assessments == {}
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url) > 0


@pytest.mark.parametrize(
    ("said", "stop_reason", "category", "judgements"),
    [
        ("I would give it an eight.", "end_turn", ErrorCategory.INVALID_RESPONSE, 3),
        ('{"score": 11, "reasons": []}', "end_turn", ErrorCategory.INVALID_RESPONSE, 3),
        ("", "refusal", ErrorCategory.REFUSAL, 1),
        ('{"score": 1', "max_tokens", ErrorCategory.MAX_TOKENS, 2),
    ],
)
async def test_a_judge_that_gives_no_verdict_fails_the_item(
    ledger: Ledger,
    journals: Path,
    simulate: Simulate,
    said: str,
    stop_reason: str,
    category: ErrorCategory,
    judgements: int,
) -> None:
    """The judge is asked again where that may help, the answer is not, and all of it is paid for and told (B7, D4)."""
    server = simulate()

    def garble(request: Request, completion: Completion) -> Completion:
        return replace(completion, text=said, stop_reason=stop_reason) if judges(request) else completion

    create(ledger, 2, judged(), retry_attempts=2)
    with engine_with(ledger, journals, Watched(server.url, after=garble)) as engine:
        await drive(ledger, engine)

    answers, judged_by = calls(server.url)
    assert (len(answers), len(judged_by)) == (2, 2 * judgements)
    for result in ledger.iter_results(JOB):
        assert result.error is not None
        assert (result.error.category, result.attempts, result.retries) == (category, 1 + judgements, 0)
        assert result.quality_score is None
    assert ledger.progress(JOB).cost_usd == billed_usd(server.url)


@pytest.mark.parametrize("fault", [Fault.OVERLOADED, Fault.SERVER_ERROR, Fault.DROPPED_CONNECTION])
async def test_what_passes_is_tried_again_at_every_step(
    ledger: Ledger, simulate: Simulate, engine_on: EngineOn, fault: Fault
) -> None:
    """Each answer and each judgement has retries of its own, and none of them is a new answer (D4)."""
    server = simulate(judge_mean=4, judge_spread=0, faults={fault: 1.0})
    create(ledger, 2, judged(), retry_attempts=1, concurrency=2)

    await drive(ledger, engine_on(server.url, prices=PRICES))

    assert stats(server.url)["answered"] == 2 * 8
    assert [(each.attempts, each.error and each.error.category) for each in ledger.iter_results(JOB)] == [
        (16, ErrorCategory.VALIDATION)
    ] * 2
