"""Money set aside for calls: never more than was granted (D6)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.engine.purse import Purse

USD = Decimal
NOTHING = Decimal(0)
amounts = st.decimals("0.01", "3", places=2)


def granted(allotment: str | None, *reserved: str) -> Purse:
    """A purse with an allotment, of which this much is set aside for calls in flight."""
    purse = Purse()
    purse.grant(None if allotment is None else USD(allotment), NOTHING)
    for amount in reserved:
        assert purse.reserve(USD(amount))
    return purse


def test_nothing_is_granted_at_first() -> None:
    """An engine that has not asked yet may spend nothing."""
    assert not Purse().reserve(USD("0.01"))


def test_without_a_budget_everything_fits() -> None:
    """No allotment is no limit, while a grant is asked for too."""
    purse = granted(None, "1_000_000")
    purse.claim()

    assert purse.reserve(USD(2_000_000))


def test_the_last_cent_can_be_spent() -> None:
    """What fits exactly fits, and what does not leaves nothing set aside (D6)."""
    purse = granted("5", "3")

    assert not purse.reserve(USD("2.01"))
    assert purse.outstanding_usd == USD(3)
    assert purse.reserve(USD(2))
    assert purse.outstanding_usd == USD(5)


def test_a_call_that_ended_counts_with_what_it_is_charged() -> None:
    """Its worst case is free again but for the charge, which stays until the ledger's sum has it (D6)."""
    purse = granted("5", "3")

    purse.settle(USD(3), USD(1))

    assert purse.outstanding_usd == USD(1)
    assert not purse.reserve(USD("4.01"))
    assert purse.reserve(USD(4))


def test_a_call_of_unknown_cost_counts_at_its_worst() -> None:
    """Ending frees nothing where nobody knows what it cost, until the ledger charges it (D6)."""
    purse = granted("5", "3")

    purse.settle(USD(3), USD(3))

    assert purse.outstanding_usd == USD(3)
    purse.grant(USD(2), USD(3))
    assert purse.outstanding_usd == NOTHING
    assert not purse.reserve(USD("2.01"))


def test_a_call_that_was_not_made_costs_nothing() -> None:
    """What was set aside for it can be used for another."""
    purse = granted("5", "5")

    purse.settle(USD(5), NOTHING)

    assert purse.reserve(USD(5))


def test_a_grant_takes_off_only_what_the_ledger_has() -> None:
    """Of two calls that ended, the one that is not recorded yet still counts."""
    purse = granted("5", "1", "2")
    purse.settle(USD(1), USD(1))
    purse.settle(USD(2), USD(2))

    purse.grant(USD(4), settled_usd=USD(1))

    assert purse.outstanding_usd == USD(2)
    assert not purse.reserve(USD("2.01"))
    assert purse.reserve(USD(2))


@pytest.mark.parametrize(
    ("allotment", "reserved", "claimed", "why"),
    [
        ("10", "3", "6", "twice what is in flight, so that calls can follow on each other"),
        ("10", "6", "10", "but no more than it has"),
        ("10", "0", "0", "nothing, where nothing is in flight"),
        (None, "3", "6", "without a budget too, in case there will be one"),
    ],
)
def test_what_is_claimed(allotment: str | None, reserved: str, claimed: str, why: str) -> None:
    """While it asks, a purse keeps what its calls need and lets go of the rest (D6)."""
    assert granted(allotment, reserved).claim() == USD(claimed), why


def test_until_the_grant_no_more_than_was_claimed_is_reserved() -> None:
    """The ledger may give the rest to others in this moment (D6)."""
    purse = granted("10", "3")
    purse.claim()

    assert not purse.reserve(USD("3.01"))
    assert purse.reserve(USD(3))
    purse.grant(USD(10), NOTHING)
    assert purse.reserve(USD(4))


def test_a_claim_that_got_no_answer_still_binds() -> None:
    """The ledger may have given away what was not claimed, though its answer was lost: asking again takes none back."""
    purse = granted("10", "1")
    purse.claim()
    assert purse.reserve(USD(1))

    assert purse.claim() == USD(2)
    assert not purse.reserve(USD("0.01"))


def test_a_later_claim_can_be_smaller() -> None:
    """What ended between two claims is let go of."""
    purse = granted("10", "1", "1")
    purse.claim()
    purse.settle(USD(1), NOTHING)

    assert purse.claim() == USD(2)
    purse.settle(USD(1), NOTHING)
    assert purse.claim() == NOTHING


@settings(deadline=None, database=None)
@given(
    moves=st.lists(st.tuples(st.sampled_from(["reserve", "end", "claim", "grant"]), amounts, st.integers(0, 100))),
)
def test_what_is_outstanding_is_what_was_reserved_or_charged(moves: list[tuple[str, Decimal, int]]) -> None:
    """In any order of moves: to the cent what is in flight, and what ended and is in no grant."""
    purse = Purse()
    in_flight: list[Decimal] = []
    charged = NOTHING
    for move, amount, percent in moves:
        if move == "reserve" and purse.reserve(amount):
            in_flight.append(amount)
        elif move == "end" and in_flight:
            worst = in_flight.pop(0)
            purse.settle(worst, worst * percent / 100)
            charged += worst * percent / 100
        elif move == "claim":
            purse.claim()
        elif move == "grant":
            settled = charged * percent / 100
            purse.grant(max(amount, purse.outstanding_usd - settled), settled)
            charged -= settled
        assert purse.outstanding_usd == charged + sum(in_flight, NOTHING)
