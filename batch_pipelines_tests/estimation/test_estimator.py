"""Tests of batch_pipelines.estimation.estimator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.errors import InvalidInput, UnknownPrice
from batch_pipelines.domain.estimate import GateSeverity
from batch_pipelines.domain.pipeline import Phase, Pipeline, TaskType, Tier, TokenProfile
from batch_pipelines.domain.routing import Complexity, ItemGroup
from batch_pipelines.domain.spec import Budget
from batch_pipelines.domain.usage import Usage
from batch_pipelines.estimation.duration import Pace
from batch_pipelines.estimation.estimator import Workload, estimate
from batch_pipelines.estimation.prices import Price, PriceBook

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CONVERSATION_TOKENS = {
    Tier.TEMPLATE: TokenProfile(input_tokens=2000, output_tokens=3000),
    Tier.SCENARIO: TokenProfile(input_tokens=2500, output_tokens=4000),
    Tier.EDGE_CASE: TokenProfile(input_tokens=3000, output_tokens=5000),
}


def phase(name: str = "generate", **fields: Any) -> Phase:
    """A phase with the token defaults of requirement C2, unless said otherwise."""
    return Phase.model_validate(
        {"name": name, "task_type": TaskType.CONVERSATION, "prompt": "Hi", "tier_tokens": CONVERSATION_TOKENS} | fields
    )


def workload(
    items: Mapping[Tier | None, int], *phases: Phase, model: str | None = None, concurrency: int = 3, **budget: Any
) -> Workload:
    """These items through these phases, on the model `dear` unless said otherwise."""
    pipeline = Pipeline(name="talk", description="Talks.", model="dear", phases=phases or (phase(),))
    groups = {ItemGroup(tier, Complexity.MODERATE): count for tier, count in items.items()}
    return Workload(pipeline, groups, model, concurrency, Budget.model_validate(budget))


@pytest.mark.parametrize(
    ("tier", "each", "hundred"),
    [(Tier.TEMPLATE, "0.255", "25.5"), (Tier.SCENARIO, "0.3375", "33.75"), (Tier.EDGE_CASE, "0.42", "42")],
)
def test_cost_by_tier_to_the_cent(prices: PriceBook, at: datetime, tier: Tier, each: str, hundred: str) -> None:
    """One conversation and a hundred cost what the requirement says (C2)."""
    result = estimate(workload({tier: 100}), prices, Pace(), at)

    assert (str(result.cost_per_item_usd), str(result.total_cost_usd)) == (each, hundred)


def test_whole_estimate(prices: PriceBook, at: datetime) -> None:
    """Thirty conversations of each tier: every figure of the contract, and nothing else (C1, C2, C3)."""
    counts: dict[Tier | None, int] = {Tier.EDGE_CASE: 30, Tier.TEMPLATE: 30, Tier.SCENARIO: 30}

    result = estimate(workload(counts, max_cost_usd="50"), prices, Pace(), at)

    shown = result.model_dump(mode="json")
    interval, summary = shown.pop("interval"), shown.pop("summary")
    assert shown == {
        "item_count": 90,
        "total_cost_usd": "30.375",
        "cost_per_item_usd": "0.3375",
        "total_input_tokens": 225_000,
        "total_output_tokens": 360_000,
        "breakdown": {"input_usd": "3.375", "output_usd": "27"},
        "by_phase": [
            {
                "phase": "generate",
                "model": "dear",
                "calls": 90,
                "input_tokens": 225_000,
                "output_tokens": 360_000,
                "cost_usd": "30.375",
            }
        ],
        "by_tier": [
            tier_share("template", "0.255", "7.65", 60_000, 90_000),
            tier_share("scenario", "0.3375", "10.125", 75_000, 120_000),
            tier_share("edge_case", "0.42", "12.6", 90_000, 150_000),
        ],
        "time": {
            "seconds": 660.0,
            "minutes": 11.0,
            "hours": None,
            "formatted": "11 minutes",
            "items_per_minute": 8.182,
            "effective_concurrency": 3.0,
            "rate_limit_applied": False,
        },
        "gate": {"passed": True, "severity": "ok", "reasons": []},
        "reuse": None,
    }
    assert float(interval["low_usd"]) == pytest.approx(30.375 * (1 - 0.10635), rel=1e-4)
    assert float(interval["high_usd"]) == pytest.approx(30.375 * (1 + 0.10635), rel=1e-4)
    assert summary == (
        "90 items should cost about 30.38 USD, and with 95% likelihood between 27.14 USD and 33.61 USD. "
        "It should take about 11 minutes with 3 calls at a time."
    )


def tier_share(tier: str, each: str, usd: str, input_tokens: int, output_tokens: int) -> dict[str, Any]:
    """The JSON of thirty items of a tier."""
    return {
        "tier": tier,
        "item_count": 30,
        "cost_per_item_usd": each,
        "cost_usd": usd,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
    }


def test_items_without_a_tier(prices: PriceBook, at: datetime) -> None:
    """Where there are no tiers there is one share, without a name, from the phase's own token figures (C2)."""
    plain = phase(tokens={"input_tokens": 1000, "output_tokens": 100})

    result = estimate(workload({None: 4, Tier.TEMPLATE: 0}, plain), prices, Pace(), at)

    assert [(share.tier, share.item_count, share.cost_usd) for share in result.by_tier] == [(None, 4, Decimal("0.09"))]


def test_every_phase_has_its_model(prices: PriceBook, at: datetime) -> None:
    """A phase is priced by its own model, and the cost of an item is that of all its phases (C2)."""
    phases = phase("draft"), phase("polish", model="cheap")

    result = estimate(workload({Tier.TEMPLATE: 10}, *phases), prices, Pace(), at)

    assert [(share.phase, share.model, share.cost_usd) for share in result.by_phase] == [
        ("draft", "dear", Decimal("2.55")),
        ("polish", "cheap", Decimal("0.255")),
    ]
    assert result.cost_per_item_usd == Decimal("0.2805")
    assert result.time.seconds == pytest.approx(10 * 2 * 20 / 3 * 1.1, rel=1e-5)


def test_choice_of_model_goes_before_every_phase(prices: PriceBook, at: datetime) -> None:
    """The batch job's own model prices all phases."""
    phases = phase("draft"), phase("polish", model="dear")

    result = estimate(workload({Tier.TEMPLATE: 10}, *phases, model="cheap"), prices, Pace(), at)

    assert {share.model for share in result.by_phase} == {"cheap"}
    assert result.total_cost_usd == Decimal("0.51")


def test_each_call_is_priced_by_its_own_size() -> None:
    """Many short calls do not reach a price for long inputs together."""
    short = phase(tokens={"input_tokens": 60_000, "output_tokens": 1}, model="claude-haiku-5-5")

    result = estimate(workload({None: 1000}, short), PriceBook(), Pace(), AT)

    one = PriceBook().cost("claude-haiku-5-5", Usage(input_tokens=60_000, output_tokens=1), AT)
    assert result.total_cost_usd == 1000 * one == Decimal("6.0005")


def test_price_of_the_day_counts(at: datetime) -> None:
    """The estimate uses the prices of the moment it is made for."""
    old = Price(model="dear", input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(1))
    new = old.model_copy(update={"output_usd_per_mtok": Decimal(2), "valid_from": at.date()})
    book, job = PriceBook([old, new]), workload({Tier.TEMPLATE: 1000})

    costs = [estimate(job, book, Pace(), day).total_cost_usd for day in (at.replace(day=1), at)]

    assert costs == [5, 8]


def test_model_without_a_price_cannot_be_estimated(prices: PriceBook, at: datetime) -> None:
    """One phase without a price is enough: no partial sum is given (C6)."""
    with pytest.raises(UnknownPrice, match="nobody's"):
        estimate(workload({None: 1}, phase("a"), phase("b", model="nobody's")), prices, Pace(), at)


@pytest.mark.parametrize("items", [{}, {Tier.TEMPLATE: 0}])
def test_nothing_to_do_cannot_be_estimated(prices: PriceBook, at: datetime, items: dict[Tier | None, int]) -> None:
    """A workload without items is an error that says so."""
    with pytest.raises(InvalidInput, match="at least one item"):
        estimate(workload(items), prices, Pace(), at)


def test_gate_judges_the_total(prices: PriceBook, at: datetime) -> None:
    """An estimate carries its own verdict on the budget (C6)."""
    gate = estimate(workload({Tier.SCENARIO: 100}, max_cost_usd="33.74"), prices, Pace(), at).gate

    assert (gate.passed, gate.severity) == (False, GateSeverity.ERROR)
    assert "33.75 USD is over budget.max_cost_usd of 33.74 USD" in gate.reasons[0]


def test_gate_sees_the_upper_bound(prices: PriceBook, at: datetime) -> None:
    """A cost that fits, but may grow over the budget, passes with a warning (C6, C7)."""
    gate = estimate(workload({Tier.SCENARIO: 1}, max_cost_usd="0.45"), prices, Pace(), at).gate

    assert (gate.passed, gate.severity) == (True, GateSeverity.WARN)
    assert "may grow to" in gate.reasons[0]


@pytest.mark.parametrize(
    ("items", "concurrency", "limit", "ending"),
    [
        (1, 5, 50, "about 22 seconds with 1 call at a time."),
        (600, 50, 50, "about 13 minutes, as fast as the rate limit allows."),
    ],
)
def test_summary_says_what_sets_the_speed(
    prices: PriceBook, at: datetime, items: int, concurrency: int, limit: int, ending: str
) -> None:
    """The summary can be read aloud, for one item as for many (C2, C3)."""
    job = workload({Tier.TEMPLATE: items}, concurrency=concurrency)

    summary = estimate(job, prices, Pace(requests_per_minute=limit), at).summary

    assert summary.startswith("1 item should cost about 0.255 USD" if items == 1 else "600 items should cost about 153")
    assert summary.endswith(ending)


profiles = st.builds(TokenProfile, input_tokens=st.integers(1, 250_000), output_tokens=st.integers(1, 70_000))
models = st.sampled_from(["odd", "claude-haiku-5-5", "claude-opus-5-5", "claude-sonnet-4-5"])
phase_lists = st.lists(
    st.tuples(models, profiles, st.dictionaries(st.sampled_from(Tier), profiles)), min_size=1, max_size=10
)
item_counts = st.dictionaries(st.sampled_from([*Tier, None]), st.integers(0, 5000), min_size=1).filter(
    lambda counts: sum(counts.values()) > 0
)


def drawn(phases: list[tuple[str, TokenProfile, dict[Tier, TokenProfile]]], items: dict[Tier | None, int]) -> Workload:
    """A workload from drawn parts."""
    made = [
        phase(f"p{number}", model=model, tokens=tokens, tier_tokens=by_tier)
        for number, (model, tokens, by_tier) in enumerate(phases)
    ]
    return workload(items, *made)


ODD_BOOK = PriceBook([Price(model="odd", input_usd_per_mtok=Decimal("0.0371"), output_usd_per_mtok=Decimal("17.0903"))])


@settings(deadline=None)
@given(phases=phase_lists, items=item_counts)
def test_shares_sum_up_exactly(
    phases: list[tuple[str, TokenProfile, dict[Tier, TokenProfile]]], items: dict[Tier | None, int]
) -> None:
    """Phases, tiers and directions each sum up to the total, in money and tokens, to the last digit (C2)."""
    result = estimate(drawn(phases, items), ODD_BOOK, Pace(), AT)

    total = (result.total_cost_usd, result.total_input_tokens, result.total_output_tokens)
    for shares in (result.by_phase, result.by_tier):
        assert total == (
            sum(share.cost_usd for share in shares),
            sum(share.input_tokens for share in shares),
            sum(share.output_tokens for share in shares),
        )
    assert result.breakdown.input_usd + result.breakdown.output_usd == result.total_cost_usd
    assert sum(share.item_count for share in result.by_tier) == result.item_count
    for share in result.by_tier:
        assert share.cost_per_item_usd * share.item_count == share.cost_usd
    assert abs(result.cost_per_item_usd * result.item_count - result.total_cost_usd) < Decimal("1e-6")


@settings(deadline=None)
@given(phases=phase_lists, items=item_counts, tier=st.sampled_from([*Tier, None]), more=st.integers(1, 100))
def test_more_items_are_never_cheaper(
    phases: list[tuple[str, TokenProfile, dict[Tier, TokenProfile]]],
    items: dict[Tier | None, int],
    tier: Tier | None,
    more: int,
) -> None:
    """Adding items of any tier adds cost, and never saves time."""
    few = estimate(drawn(phases, items), ODD_BOOK, Pace(), AT)
    many = estimate(drawn(phases, items | {tier: items.get(tier, 0) + more}), ODD_BOOK, Pace(), AT)

    assert many.total_cost_usd > few.total_cost_usd
    assert many.time.seconds >= few.time.seconds * (1 - 1e-5)
