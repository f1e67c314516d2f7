"""Keeps an engine within the money it was granted: spent plus the worst case of what is in flight (requirement D6)."""

from __future__ import annotations

from decimal import Decimal

ZERO = Decimal(0)


class Purse:
    """One engine's share of a batch job's budget.

    The ledger grants an allotment on top of what it has seen settled. What finished since then is not in the ledger's
    sum yet, so it is held against the allotment here until the next grant. A call whose cost nobody knows is settled
    at its worst.
    """

    def __init__(self) -> None:
        self._allotment: Decimal | None = ZERO
        self._claimed: Decimal | None = None
        self._in_flight = ZERO
        self._unsettled = ZERO

    @property
    def outstanding_usd(self) -> Decimal:
        """What the ledger must not give to others: in flight at its worst, or not settled."""
        return self._in_flight + self._unsettled

    def claim(self) -> Decimal:
        """What stays ours whatever the next grant says; until it comes, no more than this is reserved.

        Twice what is outstanding, so that calls can follow on each other while the grant is asked for. Never more than
        at the claim before, if no grant came since: the rest may be given away, though no answer said so.
        """
        bounds = [2 * self.outstanding_usd, self._allotment, self._claimed]
        self._claimed = min(bound for bound in bounds if bound is not None)
        return self._claimed

    def grant(self, allotment_usd: Decimal | None, settled_usd: Decimal) -> None:
        """Take a new allotment (None: no budget); `settled_usd` of what finished here is now in the ledger's sum."""
        self._allotment = allotment_usd
        self._unsettled -= settled_usd
        self._claimed = None

    def reserve(self, worst_case_usd: Decimal) -> bool:
        """Set the worst case of one call aside; False, and nothing set aside, where the money is too short."""
        if self._allotment is not None:
            limit = self._allotment if self._claimed is None else min(self._allotment, self._claimed)
            if self.outstanding_usd + worst_case_usd > limit:
                return False
        self._in_flight += worst_case_usd
        return True

    def settle(self, worst_case_usd: Decimal, charged_usd: Decimal) -> None:
        """A call ended, and counts with this much until the ledger knows it."""
        self._in_flight -= worst_case_usd
        self._unsettled += charged_usd
