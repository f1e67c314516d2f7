"""Where the money went: by phase and by tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from batch_pipelines.analytics.values import Costs, PhaseCost, TierCost
from batch_pipelines.domain.job import BatchJob, Progress
from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.estimation.money import ZERO, per_item, plain
from batch_pipelines.ledger.queries import FinishedCall

WORKED = frozenset({ItemStatus.COMPLETED, ItemStatus.FAILED})
"""Items that took their way to its end, good or bad; the others were passed over or are still on it."""


def costs(
    job: BatchJob, progress: Progress, calls: Sequence[FinishedCall], items_by_tier: Mapping[Tier | None, int]
) -> Costs:
    """Shares of phases and tiers, and what is in none of them; together they are the total."""
    phases = [_phase_cost(phase.name, calls, progress.cost_usd) for phase in job.pipeline.phases]
    tiers = [
        _tier_cost(tier, items_by_tier[tier], calls, progress.cost_usd)
        for tier in (*Tier, None)
        if tier in items_by_tier
    ]
    return Costs(
        total_usd=plain(progress.cost_usd),
        per_item_usd=_per_worked_item(progress, calls),
        without_result_usd=plain(progress.cost_usd - known_sum(calls)),
        by_phase=tuple(phases),
        by_tier=tuple(tiers),
    )


def known_sum(calls: Iterable[FinishedCall]) -> Decimal:
    """USD of the calls whose cost is known."""
    return sum((call.cost_usd for call in calls if call.cost_usd is not None), ZERO)


def _phase_cost(phase: str, calls: Sequence[FinishedCall], total_usd: Decimal) -> PhaseCost:
    cost_usd = _cost([call for call in calls if call.phase == phase])
    return PhaseCost(phase=phase, cost_usd=cost_usd, percentage=_percentage(cost_usd, total_usd))


def _tier_cost(tier: Tier | None, item_count: int, calls: Sequence[FinishedCall], total_usd: Decimal) -> TierCost:
    mine = [call for call in calls if call.tier is tier]
    worked = [call for call in mine if call.item_status in WORKED]
    worked_usd, cost_usd = _cost(worked), _cost(mine)
    items = len({call.item_id for call in worked})
    return TierCost(
        tier=tier,
        item_count=item_count,
        cost_usd=cost_usd,
        per_item_usd=per_item(worked_usd, items) if items and worked_usd is not None else None,
        percentage=_percentage(cost_usd, total_usd),
    )


def _per_worked_item(progress: Progress, calls: Sequence[FinishedCall]) -> Decimal | None:
    worked = progress.completed + progress.failed
    if not worked or _cost(calls) is None:
        return None
    under_way = known_sum(call for call in calls if call.item_status not in WORKED)
    return per_item(progress.cost_usd - under_way, worked)


def _cost(calls: Sequence[FinishedCall]) -> Decimal | None:
    """USD of these calls; 0 where there is none, None where there are some and the cost of none is known."""
    if calls and all(call.cost_usd is None for call in calls):
        return None
    return plain(known_sum(calls))


def _percentage(cost_usd: Decimal | None, total_usd: Decimal) -> float | None:
    return round(float(cost_usd / total_usd * 100), 2) if total_usd and cost_usd is not None else None
