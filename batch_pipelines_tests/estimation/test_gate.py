"""Tests of batch_pipelines.estimation.gate."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_pipelines.domain.estimate import GateSeverity
from batch_pipelines.domain.spec import Budget, EstimateOver
from batch_pipelines.estimation.gate import refused_for, review

OK, WARN, ERROR = GateSeverity.OK, GateSeverity.WARN, GateSeverity.ERROR

money = st.decimals(min_value=0, max_value=1000, places=4)
limits = st.none() | st.decimals(min_value="0.0001", max_value=1000, places=4)
budgets = st.builds(
    Budget,
    max_cost_usd=limits,
    max_duration_seconds=st.none() | st.floats(1, 100_000),
    warn_at=st.floats(0.01, 1),
    estimate_over=st.sampled_from(EstimateOver),
)


def budget(cost: str | None = None, seconds: float | None = None, **others: object) -> Budget:
    """A budget with these limits."""
    return Budget.model_validate({"max_cost_usd": cost, "max_duration_seconds": seconds} | others)


@pytest.mark.parametrize(
    ("expected", "high", "limit", "over", "severity", "passed"),
    [
        ("1000", "2000", None, "refuse", OK, True),
        ("3.99", "5.00", "5.00", "refuse", OK, True),
        ("3.99", "5.000001", "5.00", "refuse", WARN, True),
        ("4.00", "4.50", "5.00", "refuse", WARN, True),
        ("5.00", "5.60", "5.00", "refuse", WARN, True),
        ("5.0001", "5.60", "5.00", "refuse", ERROR, False),
        ("5.00", "5.60", "5.00", "warn", WARN, True),
        ("5.0001", "5.60", "5.00", "warn", WARN, True),
        ("3.99", "5.00", "5.00", "warn", OK, True),
    ],
)
def test_cost(expected: str, high: str, limit: str | None, over: str, severity: GateSeverity, passed: bool) -> None:
    """Over the limit fails, exactly at it warns, and so does a share of it or a high bound over it (C6)."""
    gate = review(Decimal(expected), Decimal(high), 60, budget(limit, estimate_over=over))

    assert (gate.severity, gate.passed) == (severity, passed)
    assert len(gate.reasons) == (severity is not OK)


@pytest.mark.parametrize(
    ("seconds", "limit", "over", "severity", "passed"),
    [
        (10**9, None, "refuse", OK, True),
        (2879.9, 3600, "refuse", OK, True),
        (2880, 3600, "refuse", WARN, True),
        (3600, 3600, "refuse", WARN, True),
        (3600.1, 3600, "refuse", ERROR, False),
        (3600.1, 3600, "warn", WARN, True),
    ],
)
def test_time(seconds: float, limit: float | None, over: str, severity: GateSeverity, passed: bool) -> None:
    """The time limit is judged like the cost limit (C6)."""
    gate = review(Decimal(1), Decimal(1), seconds, budget(None, limit, estimate_over=over))

    assert (gate.severity, gate.passed) == (severity, passed)
    assert len(gate.reasons) == (severity is not OK)


def test_share_is_taken_as_it_is_written() -> None:
    """A tenth of 3 is 0.3, though binary floats make it a little more."""
    assert review(Decimal(0), Decimal(0), 0.3, budget(None, 3, warn_at=0.1)).severity is WARN
    assert review(Decimal("0.3"), Decimal("0.3"), 1, budget("3", warn_at=0.1)).severity is WARN


def test_refusal_names_figures_and_remedy() -> None:
    """Every limit that is hit has its sentence, with what is expected, what is allowed and what to do (C6)."""
    gate = review(Decimal("33.7500"), Decimal("37.4"), 3900, budget("30.00", 3600))

    assert gate.reasons == (
        "The expected cost of 33.75 USD is over budget.max_cost_usd of 30 USD; raise budget.max_cost_usd, run fewer "
        "items or choose a cheaper model.",
        "The expected time of 3900 seconds (1 hour 5 minutes) is over budget.max_duration_seconds of 3600; raise "
        "budget.max_duration_seconds, raise options.concurrency or the rate limits, or run fewer items.",
    )


def test_warnings_name_figures_and_remedy() -> None:
    """A warning says how near the limit is, or how far the cost may grow."""
    near = review(Decimal("4.5"), Decimal("4.9"), 1, budget("5"))
    grows = review(Decimal("3"), Decimal("5.1"), 3000, budget("5", 3600))

    assert near.reasons[0].startswith("The expected cost of 4.5 USD is 90 % of budget.max_cost_usd of 5 USD; raise")
    assert grows.reasons[0].startswith("The expected cost of 3 USD may grow to 5.1 USD, over budget.max_cost_usd of 5")
    assert "3000 seconds (50 minutes) is 83.3 % of budget.max_duration_seconds of 3600; raise" in grows.reasons[1]


def test_estimate_over_the_cap_that_only_warns_says_what_will_happen() -> None:
    """The cap holds either way, so the warning announces the pause."""
    (reason,) = review(Decimal(6), Decimal(7), 1, budget("5", estimate_over="warn")).reasons

    assert "over budget.max_cost_usd of 5 USD and the batch job will pause there" in reason


def test_what_cannot_be_estimated_is_refused() -> None:
    """A model without a price or an invalid plan fails the gate with its reason (C6)."""
    gate = refused_for("model: 'x' has no known price")

    assert (gate.passed, gate.severity, gate.reasons) == (False, ERROR, ("model: 'x' has no known price",))


@given(expected=money, more=money, seconds=st.floats(0, 200_000), limit=budgets)
def test_gate_refuses_only_what_is_over_a_limit(
    expected: Decimal, more: Decimal, seconds: float, limit: Budget
) -> None:
    """It fails exactly when an expected value is over a limit and the budget says refuse (C6)."""
    gate = review(expected, expected + more, seconds, limit)

    over = (limit.max_cost_usd is not None and expected > limit.max_cost_usd) or (
        limit.max_duration_seconds is not None and seconds > limit.max_duration_seconds
    )
    assert gate.passed is not (over and limit.estimate_over is EstimateOver.REFUSE)
    assert (gate.severity is ERROR) is (not gate.passed)
    assert (gate.severity is OK) is (not gate.reasons)
    assert not over or gate.severity is not OK


@given(expected=money, more=money, seconds=st.floats(0, 200_000), limit=budgets)
def test_paying_more_never_pleases_the_gate(expected: Decimal, more: Decimal, seconds: float, limit: Budget) -> None:
    """A dearer estimate is judged at least as severely."""
    order = [OK, WARN, ERROR]
    cheap = review(expected, expected * 2, seconds, limit)
    dear = review(expected + more, (expected + more) * 2, seconds, limit)

    assert order.index(dear.severity) >= order.index(cheap.severity)
