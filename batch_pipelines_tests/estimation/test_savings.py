"""Estimates of batch jobs that use kept answers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.estimate import Estimate, PhaseReuse, Reuse
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup, Tier
from batch_pipelines.domain.spec import Budget
from batch_pipelines.estimation.duration import Pace
from batch_pipelines.estimation.estimator import Workload, estimate
from batch_pipelines.estimation.prices import Price, PriceBook
from batch_pipelines.estimation.savings import Savings

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
BOOK = PriceBook([Price(model="dear", input_usd_per_mtok=Decimal("0.0371"), output_usd_per_mtok=Decimal("17.0903"))])
TEMPLATE, SCENARIO = (ItemGroup(tier, Complexity.MODERATE) for tier in (Tier.TEMPLATE, Tier.SCENARIO))
ITEMS = {TEMPLATE: 6, SCENARIO: 4}
TOKENS = {
    "draft": TokenProfile(input_tokens=1000, output_tokens=2000),
    "review": TokenProfile(input_tokens=3000, output_tokens=100),
}
PIPELINE = Pipeline(
    name="talk",
    description="",
    model="dear",
    phases=tuple(Phase(name=name, task_type=TaskType.CHAT, prompt="Hi", tokens=TOKENS[name]) for name in TOKENS),
)
ALL = Savings(
    {(phase, *group): count for phase in TOKENS for group, count in ITEMS.items()},
    {"draft": Decimal("1.5"), "review": Decimal("0.5")},
    items=10,
)


def estimated(savings: Savings | None, prices: PriceBook, at: datetime, **budget: object) -> Estimate:
    """Ten items of two tiers through two phases."""
    return estimate(Workload(PIPELINE, ITEMS, None, 3, Budget.model_validate(budget), savings), prices, Pace(), at)


def test_what_is_kept_costs_nothing(prices: PriceBook, at: datetime) -> None:
    """Calls, tokens, cost and time are of what is left to call; items are all of them (C2)."""
    whole = estimated(None, prices, at)
    savings = Savings({("draft", *TEMPLATE): 6, ("draft", *SCENARIO): 1, ("review", *TEMPLATE): 2}, {}, items=2)

    left = estimated(savings, prices, at)

    assert whole.reuse is None
    assert [share.calls for share in left.by_phase] == [3, 8]
    assert (left.total_input_tokens, left.total_output_tokens) == (3 * 1000 + 8 * 3000, 3 * 2000 + 8 * 100)
    draft, review = (share.cost_usd / 10 for share in whole.by_phase)
    assert [share.cost_usd for share in left.by_phase] == [3 * draft, 8 * review]
    assert [share.cost_usd for share in left.by_tier] == [4 * review, 3 * draft + 4 * review]
    assert left.total_cost_usd == 3 * draft + 8 * review
    assert left.time.seconds == pytest.approx(whole.time.seconds * 11 / 20, rel=1e-5)
    assert (left.item_count, [share.item_count for share in left.by_tier]) == (10, [6, 4])


def test_what_is_saved_is_said(prices: PriceBook, at: datetime) -> None:
    """By phase and in total, in figures and in a sentence."""
    savings = Savings({("draft", *TEMPLATE): 5}, {"draft": Decimal("1.50")}, items=0)

    result = estimated(savings, prices, at)

    assert result.reuse == Reuse(
        calls=5,
        items=0,
        saved_usd=Decimal("1.5"),
        by_phase=(
            PhaseReuse(phase="draft", calls=5, saved_usd=Decimal("1.5")),
            PhaseReuse(phase="review", calls=0, saved_usd=Decimal(0)),
        ),
    )
    assert result.summary.endswith(" Kept answers stand in for 5 of 20 calls, which saves 1.50 USD.")
    assert Estimate.model_validate_json(result.model_dump_json()) == result


def test_a_job_that_is_kept_whole_costs_nothing_and_passes_any_budget(prices: PriceBook, at: datetime) -> None:
    """No call, no cent, no second: the smallest budget there can be lets it run, without a warning (C6)."""
    result = estimated(ALL, prices, at, max_cost_usd="1e-12", max_duration_seconds=1e-9)

    assert (result.total_cost_usd, result.cost_per_item_usd, result.time.seconds) == (0, 0, 0)
    assert (result.interval.low_usd, result.interval.high_usd) == (0, 0)
    assert (result.gate.passed, result.gate.reasons) == (True, ())
    assert result.summary == (
        "10 items should cost nothing. Kept answers stand in for 20 of 20 calls, which saves 2.00 USD."
    )


def test_an_empty_cache_changes_nothing_but_says_so(prices: PriceBook, at: datetime) -> None:
    """The same estimate as without it, with the difference that it was looked for."""
    whole, result = estimated(None, prices, at), estimated(Savings(), prices, at)

    assert result.summary == f"{whole.summary} No kept answer fits any of its calls."
    assert result.reuse is not None
    assert result.model_dump(exclude={"summary", "reuse"}) == whole.model_dump(exclude={"summary", "reuse"})


@given(calls=st.fixed_dictionaries({key: st.integers(0, count) for key, count in ALL.calls.items()}))
def test_every_saving_makes_it_cheaper_and_shares_still_add_up(calls: dict[tuple[str, Tier | None], int]) -> None:
    """Whatever is kept: by phase and by tier the shares are the total, and calls made and saved are all calls."""
    result = estimated(Savings(calls, {}, items=0), BOOK, AT)

    assert sum(share.cost_usd for share in result.by_phase) == result.total_cost_usd
    assert sum(share.cost_usd for share in result.by_tier) == result.total_cost_usd
    assert result.reuse is not None
    assert sum(share.calls for share in result.by_phase) + result.reuse.calls == 20
    assert result.total_cost_usd <= estimated(None, BOOK, AT).total_cost_usd
