"""Keeps an engine within the money it was granted: spent plus the worst case of what is in flight (requirement D6)."""

from __future__ import annotations

from decimal import Decimal

ZERO = Decimal(0)


class Purse:
    """One engine's share of a batch job's budget.

    The ledger grants an allotment on top of what it has seen settled. What finished since then is not in the
    ledger's sum yet, so it is held against the allotment here until the next grant. A call whose cost nobody knows
    is never in that sum: its worst case stays in `unknown_usd`.
    """

    def __init__(self, unknown_usd: Decimal = ZERO) -> None:
        self.unknown_usd = unknown_usd
        self._allotment: Decimal | None = ZERO
        self._in_flight = ZERO
        self._unsettled = ZERO

    def grant(self, allotment_usd: Decimal | None, settled_usd: Decimal) -> None:
        """Take a new allotment (None: no budget); `settled_usd` of what finished here is now in the ledger's sum."""
        self._allotment = allotment_usd
        self._unsettled -= settled_usd

    @property
    def outstanding_usd(self) -> Decimal:
        """What the ledger must not give to others: in flight at its worst, not settled, or unknown."""
        return self._in_flight + self._unsettled + self.unknown_usd

    def reserve(self, worst_case_usd: Decimal) -> bool:
        """Set the worst case of one call aside; False, and nothing set aside, where the allotment is too small."""
        if self._allotment is not None and self.outstanding_usd + worst_case_usd > self._allotment:
            return False
        self._in_flight += worst_case_usd
        return True

    def settle(self, worst_case_usd: Decimal, cost_usd: Decimal | None) -> None:
        """A call ended and cost this much; None where nobody knows, so that it counts at its worst."""
        self._in_flight -= worst_case_usd
        if cost_usd is None:
            self.unknown_usd += worst_case_usd
        else:
            self._unsettled += cost_usd
