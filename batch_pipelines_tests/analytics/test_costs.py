"""Tests of batch_pipelines.analytics.costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from batch_pipelines.analytics.costs import costs
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.ledger.spending import Spending
from batch_pipelines_tests.analytics.samples import batch_job, pipeline, spending

JOB = batch_job(pipeline=pipeline("write", "check"))
TWO: dict[Tier | None, int] = {Tier.TEMPLATE: 2}


def test_shares_add_up() -> None:
    """Phases are the total, and so are tiers, whatever became of the items; the figures are exact (E3)."""
    spendings = [
        spending("0.1", phase="write"),
        spending("0.2", phase="check"),
        spending("0.4", phase="write", tier=Tier.SCENARIO, item_status=ItemStatus.FAILED),
        spending("0.1", phase="write", tier=None, item_status=ItemStatus.PENDING),
    ]

    found = costs(JOB, spendings, {None: 1, Tier.SCENARIO: 1, Tier.TEMPLATE: 1}, {Tier.TEMPLATE: 1, Tier.SCENARIO: 1})

    assert str(found.total_usd) == "0.8"
    assert [(share.phase, str(share.cost_usd), share.percentage) for share in found.by_phase] == [
        ("write", "0.6", 75.0),
        ("check", "0.2", 25.0),
    ]
    assert [(share.tier, str(share.cost_usd), share.percentage) for share in found.by_tier] == [
        (Tier.TEMPLATE, "0.3", 37.5),
        (Tier.SCENARIO, "0.4", 50.0),
        (None, "0.1", 12.5),
    ]


def test_unknown_costs() -> None:
    """A phase of which no cost is known has none, rather than zero; one without any call cost nothing."""
    found = costs(JOB, [spending(None, phase="write")], TWO, TWO)

    assert [share.cost_usd for share in found.by_phase] == [None, 0]
    assert (found.per_item_usd, found.by_tier[0].cost_usd, found.by_tier[0].per_item_usd) == (None, None, None)


def test_partly_unknown_costs() -> None:
    """Known costs are summed up beside unknown ones."""
    spendings = [spending(None, phase="write"), spending("0.3", phase="write", item_status=ItemStatus.FAILED)]

    found = costs(JOB, spendings, TWO, TWO)

    assert (found.total_usd, found.by_phase[0].cost_usd) == (Decimal("0.3"), Decimal("0.3"))


@pytest.mark.parametrize(
    ("spendings", "worked", "per_item"),
    [
        ([], 0, None),
        ([], 2, "0"),
        ([spending("0.5", item_status=ItemStatus.RUNNING)], 0, None),
        ([spending("0.5")], 1, "0.5"),
        ([spending("0.3"), spending("0.2", item_status=ItemStatus.FAILED)], 2, "0.25"),
        ([spending("0.3"), spending("0.2", item_status=ItemStatus.RUNNING)], 1, "0.3"),
        ([spending(None), spending("0.2", item_status=ItemStatus.RUNNING)], 1, None),
    ],
)
def test_cost_of_an_item(spendings: list[Spending], worked: int, per_item: str | None) -> None:
    """It is the average of the items that went their way, not raised by those still on it; a tier's is as the job's."""
    found = costs(JOB, spendings, TWO, {Tier.TEMPLATE: worked} if worked else {})

    expected = None if per_item is None else Decimal(per_item)
    assert (found.per_item_usd, found.by_tier[0].per_item_usd) == (expected, expected)
