"""What judged, routed and model-free phases are expected to cost (B7, C1, C2)."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from batch_pipelines.domain.errors import InvalidInput, UnknownPrice
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup, Route, Tier
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.task_types import PhaseKind
from batch_pipelines.domain.validation import Judge, Validation
from batch_pipelines.estimation.duration import Pace
from batch_pipelines.estimation.estimator import (
    JUDGE_OUTPUT_TOKENS,
    JUDGE_PROMPT_TOKENS,
    Measured,
    Workload,
    estimate,
)
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.estimation.savings import Savings
from batch_pipelines.estimation.tries import FEEDBACK_TOKENS

TOKENS = TokenProfile(input_tokens=1000, output_tokens=400)
SIMPLE, MODERATE, COMPLEX = (ItemGroup(None, complexity) for complexity in Complexity)


def phase(name: str = "write", **fields: Any) -> Phase:
    """A phase that says what its calls use."""
    return Phase.model_validate(
        {"name": name, "task_type": TaskType.CHAT, "prompt": "Hi", "tokens": TOKENS.model_dump()} | fields
    )


def workload(
    *phases: Phase,
    groups: dict[ItemGroup, int] | None = None,
    measured: Measured | None = None,
    savings: Savings | None = None,
    model: str | None = "dear",
    chosen: str | None = None,
    **pipeline: Any,
) -> Workload:
    """A hundred simple items on the model `dear`, unless said otherwise."""
    made = Pipeline(name="talk", phases=phases, model=model, **pipeline)
    return Workload(made, groups or {SIMPLE: 100}, chosen, 5, Budget(), savings, measured or {})


def cost(book: PriceBook, at: datetime, wanted: Workload) -> Decimal:
    """The expected cost."""
    return estimate(wanted, book, Pace(), at).total_cost_usd


DEAR_ANSWER = Decimal("0.045")
"""A thousand tokens at 15 USD and 400 at 75 USD a million."""


ANSWERS = (100, 62, 38, 24)
"""Of a hundred items that need a 9 of one judge, as 38 in a hundred answers get it: first, with feedback, and twice of
the stronger model."""


def priced(calls: int, input_tokens: int, output_tokens: int, usd: str) -> Decimal:
    """So many calls of this size to a model of this price for input; output is five times as dear."""
    return calls * (input_tokens + 5 * output_tokens) * Decimal(usd) / 1_000_000


def test_a_judged_phase_costs_its_judges_and_its_later_answers(prices: PriceBook, at: datetime) -> None:
    """Each later answer reads the one before and what was wrong with it, and may be a stronger model's; the judge reads
    request and answer of every one of them (B7, C2)."""
    judged = phase(validation={"min_score": 9, "judges": [{"model": "cheap"}]})

    result = estimate(workload(judged, model="cheap", ladder=("cheap", "dear")), prices, Pace(), at)

    again = 1000 + 400 + FEEDBACK_TOKENS
    rest = 400 + JUDGE_PROMPT_TOKENS
    expected = (priced(100, 1000, 400, "1.5") + priced(62, again, 400, "1.5") + priced(38 + 24, again, 400, "15")) + (
        priced(100, 1000 + rest, JUDGE_OUTPUT_TOKENS, "1.5") + priced(124, again + rest, JUDGE_OUTPUT_TOKENS, "1.5")
    )
    assert result.total_cost_usd == expected
    (share,) = result.by_phase
    assert (share.calls, share.model) == (2 * sum(ANSWERS), "cheap, dear")
    assert share.cost_usd == result.total_cost_usd == result.breakdown.input_usd + result.breakdown.output_usd


@pytest.mark.parametrize(
    ("validation", "answers"),
    [
        ({"enabled": False, "min_score": 9}, 100),
        ({"checks": [{"matches": "a"}]}, 100),
        ({"min_score": 9}, 224),
        ({"min_score": 9, "escalations": 0}, 162),
        ({"min_score": 9, "retries": 0}, 162),
        ({"min_score": 9, "retries": 0, "escalations": 0}, 100),
        ({"min_score": 1}, 100),
    ],
)
def test_tries_that_may_come_are_counted(
    prices: PriceBook, at: datetime, validation: dict[str, Any], answers: int
) -> None:
    """Only where judges decide, and as many as the phase allows (B7, C2)."""
    judges = 1 if validation.get("enabled", True) and "min_score" in validation else 0

    (share,) = estimate(workload(phase(validation=validation), ladder=("dear", "cheap")), prices, Pace(), at).by_phase

    assert share.calls == answers * (1 + judges)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_judge_counts(prices: PriceBook, at: datetime, count: int) -> None:
    """Three judges are three calls for each answer (B9, C2)."""
    judges = [Judge(model="cheap").model_dump() for _ in range(count)]

    (share,) = estimate(workload(phase(validation={"min_score": 9, "judges": judges})), prices, Pace(), at).by_phase

    assert share.calls == 162 * (1 + count)


def test_checks_cost_nothing(prices: PriceBook, at: datetime) -> None:
    """Nor does a validation without a score to reach."""
    plain = workload(phase())
    checked = workload(phase(validation={"checks": [{"matches": "a"}]}))

    assert cost(prices, at, plain) == cost(prices, at, checked) == 100 * DEAR_ANSWER


def test_the_judges_route_is_priced(prices: PriceBook, at: datetime) -> None:
    """Where a judge names no model; and a model without a price is an error, though only a judge needs it (C6)."""
    wanted = phase(validation={"min_score": 8})
    routed = workload(wanted, routes=(Route(task_type="judge", model="cheap"),))
    own = workload(wanted)
    unknown = workload(wanted, routes=(Route(task_type="judge", model="nobody's"),))

    assert cost(prices, at, routed) < cost(prices, at, own)
    with pytest.raises(UnknownPrice, match="nobody's"):
        cost(prices, at, unknown)


def test_kept_answers_save_their_judges_too(prices: PriceBook, at: datetime) -> None:
    """A kept answer comes with its assessment (C2)."""
    wanted = phase(validation={"min_score": 8, "judges": [{"model": "cheap"}]})
    kept = Savings({("write", None, Complexity.SIMPLE): 60}, {"write": Decimal(1)}, 60)

    (share,) = estimate(workload(wanted, savings=kept), prices, Pace(), at).by_phase

    assert share.calls == 2 * (40 + 14)


def test_each_complexity_has_its_own_model(prices: PriceBook, at: datetime) -> None:
    """Simple items go to the cheap one and are priced there (B7, C2)."""
    routes = (Route(complexity=Complexity.SIMPLE, model="cheap"), Route(task_type="chat", model="dear"))
    wanted = workload(phase(), groups={SIMPLE: 60, MODERATE: 30, COMPLEX: 10}, routes=routes)

    result = estimate(wanted, prices, Pace(), at)

    assert result.total_cost_usd == 60 * DEAR_ANSWER / 10 + 40 * DEAR_ANSWER
    (share,) = result.by_phase
    assert (share.calls, share.model) == (100, "cheap, dear")
    (tier,) = result.by_tier
    assert (tier.tier, tier.item_count, tier.cost_usd) == (None, 100, result.total_cost_usd)


def test_each_tier_has_its_own_model(prices: PriceBook, at: datetime) -> None:
    """And its own share (B6, B7, C2)."""
    groups = {
        ItemGroup(Tier.TEMPLATE, Complexity.SIMPLE): 10,
        ItemGroup(Tier.TEMPLATE, Complexity.COMPLEX): 10,
        ItemGroup(Tier.EDGE_CASE, Complexity.COMPLEX): 10,
    }
    routes = (Route(tier=Tier.TEMPLATE, model="cheap"),)

    result = estimate(workload(phase(), groups=groups, routes=routes), prices, Pace(), at)

    assert {share.tier: (share.item_count, share.cost_usd) for share in result.by_tier} == {
        Tier.TEMPLATE: (20, 20 * DEAR_ANSWER / 10),
        Tier.EDGE_CASE: (10, 10 * DEAR_ANSWER),
    }
    assert sum(share.cost_usd for share in result.by_tier) == result.total_cost_usd


def test_the_batch_jobs_own_model_answers_for_everybody(prices: PriceBook, at: datetime) -> None:
    """Whatever the routes say (B7)."""
    routes = (Route(complexity=Complexity.SIMPLE, model="nobody's"),)

    assert cost(prices, at, workload(phase(), routes=routes, chosen="cheap")) == 100 * DEAR_ANSWER / 10


def test_records_cost_nothing(prices: PriceBook, at: datetime) -> None:
    """They are named with no model and no call, and a pipeline of them alone is free (C1, C2)."""
    record = Phase(name="entry", task_type="record", kind=PhaseKind.RECORD, validation=Validation(min_score=8))

    mixed = estimate(workload(phase(), record), prices, Pace(), at)
    alone = estimate(workload(record, model=None), prices, Pace(), at)

    assert mixed.total_cost_usd == 100 * DEAR_ANSWER
    assert [(share.phase, share.calls, share.model, share.cost_usd) for share in mixed.by_phase][1] == (
        "entry",
        0,
        None,
        0,
    )
    assert (alone.total_cost_usd, alone.interval.high_usd, alone.summary) == (0, 0, "100 items should cost nothing.")
    assert alone.gate.passed


def test_an_embedding_has_no_output(prices: PriceBook, at: datetime) -> None:
    """Whatever its phase says of output tokens (C2)."""
    vectors = phase("vectors", kind=PhaseKind.EMBEDDING, model="dear")

    result = estimate(workload(vectors), prices, Pace(), at)

    assert (result.total_output_tokens, result.breakdown.output_usd) == (0, 0)
    assert result.total_cost_usd == 100 * Decimal("0.015")


def test_what_was_measured_counts_where_nothing_is_said(prices: PriceBook, at: datetime) -> None:
    """By phase and group; what a phase says itself goes before (C2)."""
    long = TokenProfile(input_tokens=50_000, output_tokens=1000)
    short = TokenProfile(input_tokens=100, output_tokens=1000)
    measured = {("write", SIMPLE): short, ("write", COMPLEX): long}
    groups = {SIMPLE: 10, COMPLEX: 10}
    silent = phase(tokens=None)

    result = estimate(workload(silent, groups=groups, measured=measured), prices, Pace(), at)
    said = estimate(workload(phase(), groups=groups, measured=measured), prices, Pace(), at)

    assert result.total_input_tokens == 10 * 50_000 + 10 * 100
    assert said.total_input_tokens == 20 * 1000


def test_a_tier_that_is_said_is_not_measured(prices: PriceBook, at: datetime) -> None:
    """The others are (B6, C2)."""
    tiers = {Tier.TEMPLATE: {"input_tokens": 2000, "output_tokens": 3000}}
    groups = {ItemGroup(tier, Complexity.SIMPLE): 1 for tier in (Tier.TEMPLATE, Tier.SCENARIO)}
    measured = {("write", group): TokenProfile(input_tokens=7, output_tokens=7) for group in groups}

    result = estimate(
        workload(phase(tokens=None, tier_tokens=tiers), groups=groups, measured=measured), prices, Pace(), at
    )

    assert result.total_input_tokens == 2000 + 7


def test_a_phase_without_a_model_is_named(prices: PriceBook, at: datetime) -> None:
    """Before anything is spent (C6)."""
    nobody = Workload(Pipeline(name="talk", phases=(phase(),)), {SIMPLE: 1}, None, 1, Budget())

    with pytest.raises(InvalidInput, match=r"phases\.write\.model is missing"):
        cost(prices, at, nobody)
