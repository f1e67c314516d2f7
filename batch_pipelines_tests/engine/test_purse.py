"""Money set aside for calls: never more than was granted (D6)."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.engine.purse import Purse

USD = Decimal
amounts = st.decimals("0.01", "3", places=2)


def test_nothing_is_granted_at_first() -> None:
    """An engine that has not asked yet may spend nothing."""
    assert not Purse().reserve(USD("0.01"))


def test_without_a_budget_everything_fits() -> None:
    """No allotment is no limit."""
    purse = Purse()
    purse.grant(None, USD(0))

    assert purse.reserve(USD(1_000_000))


def test_a_call_of_unknown_cost_counts_at_its_worst() -> None:
    """It stays outstanding, whatever is granted later, because the ledger's sum never has it."""
    purse = Purse()
    purse.grant(USD(5), USD(0))
    purse.reserve(USD(3))
    purse.settle(USD(3), None)
    purse.grant(USD(5), USD(0))

    assert (purse.unknown_usd, purse.outstanding_usd) == (USD(3), USD(3))
    assert not purse.reserve(USD("2.01"))
    assert purse.reserve(USD(2))


def test_unknown_costs_of_earlier_are_kept() -> None:
    """A purse goes on where the one before it ended."""
    purse = Purse(unknown_usd=USD(4))
    purse.grant(USD(5), USD(0))

    assert not purse.reserve(USD(2))


@settings(max_examples=300, deadline=None, database=None)
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["reserve", "end", "lose", "record", "grant"]), amounts, st.integers(0, 100)),
        max_size=60,
    ),
    budget=st.decimals("0", "10", places=2),
)
def test_never_more_is_outstanding_than_granted(moves: list[tuple[str, Decimal, int]], budget: Decimal) -> None:
    """In any order of calls, ends, checkpoints and grants: what is paid and what may be, is within the budget.

    The ledger sees a call's cost later than the engine, and grants what its sum leaves of the budget.
    """
    purse = Purse()
    in_flight: list[Decimal] = []
    paid, recorded, granted_for, unknown = USD(0), USD(0), USD(0), USD(0)
    for move, amount, percent in moves:
        if move == "reserve" and purse.reserve(amount):
            in_flight.append(amount)
        elif move in ("end", "lose") and in_flight:
            worst = in_flight.pop(0)
            cost = worst * percent / 100
            purse.settle(worst, cost if move == "end" else None)
            paid, unknown = (paid + cost, unknown) if move == "end" else (paid, unknown + worst)
        elif move == "record":
            recorded = paid
        elif move == "grant":
            purse.grant(
                max(budget - recorded, purse.outstanding_usd - (recorded - granted_for)), recorded - granted_for
            )
            granted_for = recorded
        assert paid + unknown + sum(in_flight, USD(0)) <= budget
        assert purse.outstanding_usd == paid - granted_for + unknown + sum(in_flight, USD(0))
