"""How engines that work on one batch job share its concurrency and its budget. Pure; `leases` loads and stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from batch_pipelines.ledger.types import PICO_DIGITS


@dataclass(frozen=True, slots=True)
class Share:
    """What another engine holds."""

    slots: int
    wanted: int
    """Slots it asked for when it last renewed."""
    allotment_usd: Decimal | None
    """None where the job had no budget at that time."""

    @property
    def wants_more(self) -> bool:
        return self.wanted > self.slots


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one engine may use until it renews."""

    slots: int
    """Calls that may be in flight; where more are, none may start until so many have ended."""
    held: int
    """Slots that others cannot have now: calls in flight cannot be called back."""
    allotment_usd: Decimal | None
    """None where the job has no budget."""


def decide_grant(
    *,
    concurrency: int,
    wanted_slots: int,
    in_flight: int,
    reserved_usd: Decimal,
    unspent_usd: Decimal | None,
    others: Sequence[Share],
) -> Allowance:
    """What an engine gets, given what the others hold.

    `unspent_usd` is the budget less everything recorded as paid, None without a budget. While every engine keeps to
    what it was granted, the slots of all never exceed `concurrency`, nor does what is paid and reserved the budget.
    """
    slots = _slots(concurrency, wanted_slots, others)
    return Allowance(
        slots,
        max(slots, in_flight),
        None if unspent_usd is None else _allotment(unspent_usd, wanted_slots, reserved_usd, others),
    )


def _slots(concurrency: int, wanted: int, others: Sequence[Share]) -> int:
    free = concurrency - sum(other.slots for other in others)
    slots = min(wanted, free)
    if any(other.wants_more for other in others):
        # Rounded up, so that this never leaves a slot unused.
        slots = min(slots, -(-concurrency // (1 + sum(other.wanted > 0 for other in others))))
    return max(slots, 0)


def _allotment(unspent: Decimal, wanted: int, reserved: Decimal, others: Sequence[Share]) -> Decimal:
    # Who wants no slot starts no call, and needs no money beyond what is in flight.
    if not wanted:
        return max(reserved, Decimal(0))
    free = unspent - sum((other.allotment_usd or Decimal(0) for other in others), Decimal(0))
    sharers = 1 + sum(other.wanted > 0 for other in others)
    fair = (unspent / sharers).quantize(Decimal(1).scaleb(-PICO_DIGITS), rounding=ROUND_DOWN)
    return max(min(free, fair), reserved, Decimal(0))
