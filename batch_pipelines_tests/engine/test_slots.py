"""How many calls a session may have in flight: what it was granted, for as long as it was granted (D2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.engine.slots import Slots
from batch_pipelines.engine.throttle import Throttle
from batch_pipelines.ledger.grants import Share, decide_grant

UNTIL = 10.0
"""When grants of these tests end."""


def make_slots() -> Slots:
    """Slots over a provider that bears everything."""
    return Slots(Throttle(lambda: 0.0))


def granted(slots: int, *, wanted: int = 10) -> Slots:
    """Slots of which so many were asked and granted."""
    made = make_slots()
    made.ask(wanted, 0)
    made.grant(slots, UNTIL)
    return made


def test_nothing_starts_before_the_first_grant() -> None:
    """A session that has not asked, or waits for the first answer, has no slots."""
    slots = make_slots()

    assert (slots.has_lapsed(0.0), slots.allowed(0.0)) == (True, 0)
    slots.ask(10, 0)
    assert slots.allowed(0.0) == 0


def test_what_was_granted_may_be_used() -> None:
    """All of it, and not one more (D2)."""
    assert granted(7).allowed(0.0) == granted(7).granted == 7


@pytest.mark.parametrize(("now", "allowed"), [(0.0, 7), (9.999, 7), (10.0, 0), (1000.0, 0)])
def test_a_grant_lapses(now: float, allowed: int) -> None:
    """From the moment on when others may have the slots, nothing starts (D2)."""
    assert granted(7).allowed(now) == allowed


def test_a_grant_that_came_too_late_is_none() -> None:
    """One whose time was over when it arrived gives nothing; the next one does."""
    slots = granted(7)

    assert slots.allowed(10.5) == 0
    slots.grant(5, 20.0)
    assert slots.allowed(10.5) == 5


@pytest.mark.parametrize(
    ("held", "in_flight", "allowed"),
    [(7, 3, 3), (7, 7, 7), (7, 0, 0), (2, 5, 2)],
)
def test_while_a_grant_is_asked_for_calls_are_only_replaced(held: int, in_flight: int, allowed: int) -> None:
    """What the ledger was told to be in flight stays true when others read it; a grant in force still binds (D2)."""
    slots = granted(held)

    slots.ask(10, in_flight)

    assert slots.allowed(0.0) == allowed


def test_a_grant_that_was_asked_for_in_vain_is_asked_for_again() -> None:
    """Until an answer comes nothing is added to what was told last, and then all of the grant may be used."""
    slots = granted(7)
    slots.ask(10, 4)
    slots.ask(10, 2)

    assert slots.allowed(0.0) == 2
    slots.grant(6, UNTIL)
    assert slots.allowed(0.0) == 6


@pytest.mark.parametrize(
    ("wanted", "given_slots", "are_short"), [(10, 7, False), (7, 7, True), (5, 7, True), (0, 0, True)]
)
def test_more_can_be_had_where_all_was_given(wanted: int, given_slots: int, are_short: bool) -> None:
    """Only who got all that was asked may get more by asking for more; others wait for the next renewal."""
    assert granted(given_slots, wanted=wanted).are_short is are_short


@pytest.mark.parametrize(("share", "allowed"), [(1.0, 7), (0.5, 4), (0.1, 1), (0.01, 1)])
def test_a_machine_under_pressure_makes_fewer_calls(share: float, allowed: int) -> None:
    """A part of the slots, rounded up so that one is left (D7)."""
    slots = granted(7)

    slots.share = share

    assert slots.allowed(0.0) == allowed


def test_no_slots_stay_none_under_pressure() -> None:
    """Rounding up makes no slot where none was granted."""
    slots = granted(0)

    slots.share = 0.1

    assert slots.allowed(0.0) == 0


def test_an_overloaded_provider_gets_fewer_calls() -> None:
    """The throttle's level binds below the grant, and the grant below the level (D3)."""
    throttle = Throttle(lambda: 1.0)
    slots = Slots(throttle)
    slots.grant(20, UNTIL)
    assert slots.allowed(0.0) == 20
    for _ in range(20):
        throttle.overloaded(started=0.5)

    assert slots.allowed(0.0) == 14
    slots.ask(20, 9)
    assert slots.allowed(0.0) == 9


@settings(deadline=None, database=None)
@given(held=st.integers(0, 200), in_flight=st.integers(0, 200), share=st.floats(0.01, 1), now=st.floats(0, 20))
def test_no_more_is_ever_allowed_than_granted(held: int, in_flight: int, share: float, now: float) -> None:
    """Whatever else bears on it (D2)."""
    slots = granted(held)
    slots.share = share

    assert slots.allowed(now) <= held
    slots.ask(200, in_flight)
    assert slots.allowed(now) <= min(held, in_flight)


@dataclass
class Busy:
    """An engine with more to do than it ever gets slots for."""

    slots: Slots = field(default_factory=make_slots)
    in_flight: int = 0
    share: Share = field(default_factory=lambda: Share(0, 0, None))

    def renew(self, concurrency: int, *others: Busy) -> None:
        """Ask for more than there is, and start what may start."""
        wanted = self.in_flight + 50
        self.slots.ask(wanted, self.in_flight)
        granted = decide_grant(
            concurrency=concurrency,
            wanted_slots=wanted,
            in_flight=self.in_flight,
            reserved_usd=Decimal(0),
            unspent_usd=None,
            others=[other.share for other in others],
        )
        self.share = Share(granted.held, wanted, None)
        self.slots.grant(granted.slots, UNTIL)
        self.start()

    def start(self) -> None:
        """As many calls as may be in flight."""
        self.in_flight = max(self.in_flight, self.slots.allowed(0.0))

    def finish(self) -> None:
        """One call ends, and its place may be taken at once."""
        self.in_flight -= 1
        self.start()


def test_a_lowered_concurrency_is_reached_as_calls_end() -> None:
    """Though there is always a next call: it is not made (D2, A7)."""
    engine = Busy()
    engine.renew(8)
    assert engine.in_flight == 8

    engine.renew(2)
    in_flight = []
    for _ in range(8):
        in_flight.append(engine.in_flight)
        engine.finish()

    assert in_flight == [8, 7, 6, 5, 4, 3, 2, 2]


def test_who_comes_later_gets_its_part() -> None:
    """From an engine that has all slots and never runs out of calls; together they never exceed them (D2)."""
    first, second = Busy(), Busy()
    first.renew(8)

    for _ in range(8):
        second.renew(8, first)
        first.renew(8, second)
        first.finish()
        assert first.in_flight + second.in_flight <= 8
    second.renew(8, first)

    assert (first.in_flight, second.in_flight) == (4, 4)
