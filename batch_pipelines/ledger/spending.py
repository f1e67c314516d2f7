"""Where the money of a batch job went (requirement E3)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from batch_pipelines.domain.pipeline import Tier
from batch_pipelines.domain.transitions import ItemStatus
from batch_pipelines.ledger.database import reading
from batch_pipelines.ledger.rows import cost_of, read_job
from batch_pipelines.ledger.section import Section
from batch_pipelines.ledger.tables import batch_items, job_totals, phase_results

_CHARGES = select(job_totals.c.cost_usd, job_totals.c.unknown_usd).where(
    job_totals.c.batch_job_id == bindparam("of_job")
)


@dataclass(frozen=True, slots=True)
class Spending:
    """What one phase cost for the items of one tier and status, whether it was finished for them or not."""

    tier: Tier | None
    item_status: ItemStatus
    phase: str
    items: int
    """For which the phase made at least one call."""
    cost_usd: Decimal | None
    """The known part; None where no attempt's cost is known."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What counts against the budget of a batch job."""

    cost_usd: Decimal
    """Of the calls whose cost is known."""
    unknown_usd: Decimal
    """Of the others, at their worst."""

    @property
    def total_usd(self) -> Decimal:
        return self.cost_usd + self.unknown_usd


class Spendings(Section):
    """The section about money spent."""

    def charges(self, batch_job_id: str) -> Charges:
        """What counts against the budget of a job; zeros for one that has made no call."""
        with reading(self._engine) as connection:
            return charges_of(connection, batch_job_id)

    def spending(self, batch_job_id: str) -> list[Spending]:
        """All money of a job by tier, status of the item, and phase, in no order; a known cost is in exactly one.

        Raises JobNotFound.
        """
        item, phase = batch_items.c, phase_results.c
        sums = [func.sum(phase[name]).label(name) for name in ("attempts", "unknown_costs", "cost_usd")]
        statement = (
            select(item.tier, item.status, phase.phase, func.count().label("items"), *sums)
            .join(batch_items, item.id == phase.item_row)
            .where(item.batch_job_id == batch_job_id, phase.attempts > 0)
            .group_by(item.tier, item.status, phase.phase)
        )
        with reading(self._engine) as connection:
            read_job(connection, batch_job_id)
            return [_spending(row) for row in connection.execute(statement).mappings()]


def charges_of(connection: Connection, batch_job_id: str) -> Charges:
    """The same, in a transaction that is under way."""
    row = connection.execute(_CHARGES, {"of_job": batch_job_id}).first()
    return Charges(*row) if row else Charges(Decimal(0), Decimal(0))


def _spending(row: RowMapping) -> Spending:
    return Spending(
        tier=Tier(row["tier"]) if row["tier"] else None,
        item_status=ItemStatus(row["status"]),
        phase=row["phase"],
        items=row["items"],
        cost_usd=cost_of(row),
    )
