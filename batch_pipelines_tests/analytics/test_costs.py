"""Tests of batch_pipelines.analytics.costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batch_pipelines.analytics.costs import costs
from batch_pipelines.domain.job import Progress
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.ledger.queries import FinishedCall
from batch_pipelines_tests.analytics.samples import batch_job, call, pipeline, progress

JOB = batch_job(pipeline=pipeline("write", "check"))
ONE_TIER: dict[Tier | None, int] = {Tier.TEMPLATE: 2}


def test_shares_add_up() -> None:
    """Phases and what led to no result are the total, and so are tiers; the figures are exact (E3)."""
    calls = [
        call("a", phase="write", cost_usd=Decimal("0.1")),
        call("a", phase="check", cost_usd=Decimal("0.2")),
        call("b", phase="write", cost_usd=Decimal("0.4"), tier=Tier.SCENARIO, item_status=ItemStatus.FAILED),
    ]

    found = costs(
        JOB, progress(completed=1, failed=1, cost_usd=Decimal("0.80")), calls, {Tier.TEMPLATE: 1, Tier.SCENARIO: 1}
    )

    assert str(found.without_result_usd) == "0.1"
    assert [(share.phase, str(share.cost_usd), share.percentage) for share in found.by_phase] == [
        ("write", "0.5", 62.5),
        ("check", "0.2", 25.0),
    ]
    assert [(share.tier, str(share.cost_usd)) for share in found.by_tier] == [
        (Tier.TEMPLATE, "0.3"),
        (Tier.SCENARIO, "0.4"),
    ]


def test_unknown_costs() -> None:
    """A phase of which no cost is known has none, rather than zero; one without any call cost nothing."""
    found = costs(JOB, progress(completed=1), [call("a", phase="write", cost_usd=None)], ONE_TIER)

    assert [share.cost_usd for share in found.by_phase] == [None, 0]
    assert (found.per_item_usd, found.by_tier[0].cost_usd, found.by_tier[0].per_item_usd) == (None, None, None)


def test_partly_unknown_costs() -> None:
    """Known costs are summed up beside unknown ones."""
    calls = [call("a", phase="write", cost_usd=None), call("b", phase="write", cost_usd=Decimal("0.3"))]

    found = costs(JOB, progress(completed=2, cost_usd=Decimal("0.3")), calls, ONE_TIER)

    assert found.by_phase[0].cost_usd == Decimal("0.3")


@pytest.mark.parametrize(
    ("counts", "calls", "per_item"),
    [
        ({}, [], None),
        ({"running": 1}, [call("a", item_status=ItemStatus.RUNNING, cost_usd=Decimal("0.5"))], None),
        ({"completed": 1, "failed": 1}, [call("a", cost_usd=Decimal("0.5"))], Decimal("0.25")),
        (
            {"completed": 1, "running": 1},
            [
                call("a", cost_usd=Decimal("0.3")),
                call("b", item_status=ItemStatus.RUNNING, cost_usd=Decimal("0.2")),
            ],
            Decimal("0.3"),
        ),
    ],
)
def test_cost_of_an_item(counts: dict[str, int], calls: list[FinishedCall], per_item: Decimal | None) -> None:
    """It is the average of the items that went their way, not raised by those still on it."""
    state: Progress = progress(cost_usd=Decimal("0.5") if calls else Decimal(0), **counts)

    assert costs(JOB, state, calls, ONE_TIER).per_item_usd == per_item
