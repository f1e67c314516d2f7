"""How engines share a job's slots and money: decisions, by table and by simulation."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.ledger.grants import Share, decide_grant

USD = Decimal
NOTHING = Decimal(0)
HOLDERS = ("a", "b", "c")


def slots(concurrency: int, wanted: int, in_flight: int, *others: tuple[int, int]) -> int:
    """Slots granted where the others hold and want these."""
    return decide_grant(
        concurrency=concurrency,
        wanted_slots=wanted,
        in_flight=in_flight,
        reserved_usd=USD(0),
        unspent_usd=None,
        others=[Share(held, wants, None) for held, wants in others],
    ).slots


def allotment(unspent: str, reserved: str, *others: tuple[str, int]) -> Decimal | None:
    """Money granted where the others hold this much and want so many slots."""
    return decide_grant(
        concurrency=10,
        wanted_slots=1,
        in_flight=0,
        reserved_usd=USD(reserved),
        unspent_usd=USD(unspent),
        others=[Share(0, wants, USD(held)) for held, wants in others],
    ).allotment_usd


@pytest.mark.parametrize(
    ("granted", "expected", "why"),
    [
        (slots(10, 10, 0), 10, "alone, it has all"),
        (slots(10, 3, 0), 3, "it gets no more than it wants"),
        (slots(10, 10, 0, (4, 4)), 6, "what nobody wants is free"),
        (slots(10, 10, 9, (1, 10)), 5, "what is in flight over its part is not replaced"),
        (slots(10, 10, 0, (1, 10)), 5, "half, where the other wants more"),
        (slots(3, 3, 0, (0, 3)), 2, "halves are rounded up"),
        (slots(3, 3, 0, (2, 3)), 1, "and the other half is what is left"),
        (slots(10, 10, 0, (10, 10)), 0, "none is free"),
        (slots(2, 5, 0, (1, 5), (0, 5), (0, 5)), 1, "at least one, if one is free"),
        (slots(2, 5, 4), 2, "the concurrency was lowered under what is in flight"),
        (slots(2, 5, 0, (4, 5)), 0, "another still holds more than there is now"),
        (slots(10, 0, 0), 0, "who wants none gets none"),
    ],
)
def test_slots_are_shared(granted: int, expected: int, why: str) -> None:
    """An engine gets what is free, up to its fair part where another wants more (D2)."""
    assert granted == expected, why


def test_slots_of_calls_in_flight_are_not_given_away() -> None:
    """They cannot be called back, so others must wait for them, whatever part is the engine's now (D2)."""
    share = decide_grant(
        concurrency=10, wanted_slots=10, in_flight=9, reserved_usd=USD(0), unspent_usd=None, others=[Share(1, 10, None)]
    )

    assert (share.slots, share.held) == (5, 9)


@pytest.mark.parametrize(
    ("granted", "expected", "why"),
    [
        (allotment("5", "0"), "5", "alone, it has all"),
        (allotment("5", "0", ("0", 1)), "2.5", "half, where another works too"),
        (allotment("5", "0", ("5", 1)), "0", "the other has not given any back yet"),
        (allotment("5", "0", ("1", 0)), "4", "who wants no slot needs only what it holds"),
        (allotment("5", "3", ("0", 1)), "3", "what is reserved stays"),
        (allotment("1", "0", ("0", 1), ("0", 1)), "0.333333333333", "thirds are rounded down, to what can be kept"),
        (allotment("0", "0"), "0", "all is spent"),
        (allotment("-1", "0"), "0", "the budget was lowered under what is spent"),
    ],
)
def test_money_is_shared(granted: Decimal | None, expected: str, why: str) -> None:
    """An engine may spend its part of what is neither spent nor held by others (D6)."""
    assert granted == USD(expected), why


def test_no_budget_is_no_allotment() -> None:
    """Without a budget nothing limits the money, which is another thing than zero."""
    granted = decide_grant(concurrency=1, wanted_slots=1, in_flight=0, reserved_usd=USD(0), unspent_usd=None, others=[])

    assert granted.allotment_usd is None


@dataclass
class Engine:
    """An engine that keeps to its grants."""

    share: Share = field(default_factory=lambda: Share(0, 0, USD(0)))
    calls: list[Decimal] = field(default_factory=list)
    """What each call in flight costs at worst."""
    slots: int = 0
    """Up to how many calls it may start."""
    spent_since: Decimal = NOTHING

    @property
    def reserved(self) -> Decimal:
        return sum(self.calls, USD(0))


moves = st.lists(
    st.tuples(
        st.sampled_from(["renew", "start", "finish", "leave"]),
        st.sampled_from(HOLDERS),
        st.integers(0, 8),
        st.decimals("0.01", "2", places=2),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None, database=None)
@given(moves=moves, concurrency=st.integers(1, 6), budget=st.decimals("0", "10", places=2))
def test_engines_together_stay_within_both_limits(
    moves: list[tuple[str, str, int, Decimal]], concurrency: int, budget: Decimal
) -> None:
    """In any order of renewals, calls and departures, the calls in flight never exceed the concurrency, and what is
    spent plus the worst case in flight never the budget (D2, D6).
    """
    engines: dict[str, Engine] = {}
    spent = USD(0)
    for move, name, number, cost in moves:
        engine = engines.get(name)
        if move == "renew":
            engine = engines.setdefault(name, Engine())
            granted = decide_grant(
                concurrency=concurrency,
                wanted_slots=number,
                in_flight=len(engine.calls),
                reserved_usd=engine.reserved,
                unspent_usd=budget - spent,
                others=[other.share for key, other in engines.items() if key != name],
            )
            engine.share = Share(granted.held, number, granted.allotment_usd)
            engine.slots = granted.slots
            engine.spent_since = USD(0)
            assert granted.held >= len(engine.calls)
        elif engine is None:
            continue
        elif move == "start":
            room = (engine.share.allotment_usd or USD(0)) - engine.spent_since - engine.reserved
            if len(engine.calls) < engine.slots and cost <= room:
                engine.calls.append(cost)
        elif move == "finish" and engine.calls:
            paid = engine.calls.pop() * number / 8
            engine.spent_since += paid
            spent += paid
        elif move == "leave" and not engine.calls:
            del engines[name]
        assert sum(len(each.calls) for each in engines.values()) <= concurrency
        assert sum(each.share.slots for each in engines.values()) <= concurrency
        assert spent + sum((each.reserved for each in engines.values()), USD(0)) <= budget


@settings(max_examples=100, deadline=None, database=None)
@given(concurrency=st.integers(1, 50), holders=st.integers(1, 8))
def test_engines_that_all_want_everything_reach_fair_parts(concurrency: int, holders: int) -> None:
    """After two rounds of renewals no slot is unused, and nobody has more than a fair part rounded up."""
    shares = [Share(0, concurrency, None)] * holders
    for _ in range(2):
        for index in range(holders):
            others = shares[:index] + shares[index + 1 :]
            held = [(other.slots, other.wanted) for other in others]
            shares[index] = Share(slots(concurrency, concurrency, 0, *held), concurrency, None)

    assert sum(share.slots for share in shares) == concurrency
    assert max(share.slots for share in shares) <= -(-concurrency // holders)
