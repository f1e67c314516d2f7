"""Where the money went: by phase and by tier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from batch_pipelines.analytics.values import Costs, PhaseCost, TierCost
from batch_pipelines.domain.job import BatchJob
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.estimation.money import ZERO, per_item, plain
from batch_pipelines.ledger.spending import Spending

WORKED = (ItemStatus.COMPLETED, ItemStatus.FAILED)
"""Items that took their way to its end, good or bad; the others were passed over or are still on it."""

ItemCounts = Mapping[Tier | None, int]


def costs(job: BatchJob, spendings: Sequence[Spending], items_by_tier: ItemCounts, worked_by_tier: ItemCounts) -> Costs:
    """The total and the shares of phases and of tiers, each of which add up to it exactly.

    `worked_by_tier` counts the items of a status in WORKED.
    """
    total_usd = _known_sum(spendings)
    return Costs(
        total_usd=plain(total_usd),
        per_item_usd=_per_worked_item(spendings, sum(worked_by_tier.values())),
        by_phase=tuple(_phase_cost(phase.name, spendings, total_usd) for phase in job.pipeline.phases),
        by_tier=tuple(
            _tier_cost(tier, items_by_tier[tier], worked_by_tier.get(tier, 0), spendings, total_usd)
            for tier in (*Tier, None)
            if tier in items_by_tier
        ),
    )


def _phase_cost(phase: str, spendings: Sequence[Spending], total_usd: Decimal) -> PhaseCost:
    cost_usd = _cost([spending for spending in spendings if spending.phase == phase])
    return PhaseCost(phase=phase, cost_usd=cost_usd, percentage=_percentage(cost_usd, total_usd))


def _tier_cost(
    tier: Tier | None, item_count: int, worked_count: int, spendings: Sequence[Spending], total_usd: Decimal
) -> TierCost:
    mine = [spending for spending in spendings if spending.tier is tier]
    cost_usd = _cost(mine)
    return TierCost(
        tier=tier,
        item_count=item_count,
        cost_usd=cost_usd,
        per_item_usd=_per_worked_item(mine, worked_count),
        percentage=_percentage(cost_usd, total_usd),
    )


def _per_worked_item(spendings: Sequence[Spending], worked_count: int) -> Decimal | None:
    """Average over the items that took their way to its end, not raised by those still on it."""
    worked_usd = _cost([spending for spending in spendings if spending.item_status in WORKED])
    return per_item(worked_usd, worked_count) if worked_count and worked_usd is not None else None


def _cost(spendings: Sequence[Spending]) -> Decimal | None:
    """USD of these; 0 where there is none, None where there are some and the cost of none is known."""
    if spendings and all(spending.cost_usd is None for spending in spendings):
        return None
    return plain(_known_sum(spendings))


def _known_sum(spendings: Sequence[Spending]) -> Decimal:
    return sum((spending.cost_usd for spending in spendings if spending.cost_usd is not None), ZERO)


def _percentage(cost_usd: Decimal | None, total_usd: Decimal) -> float | None:
    return round(float(cost_usd / total_usd * 100), 2) if total_usd and cost_usd is not None else None
