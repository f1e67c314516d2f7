"""How concurrency follows what the provider bears: simulated loads, and any history of calls."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from batch_pipelines.engine.throttle import FURTHER_CUT, Throttle, WayBack, seconds_back
from batch_pipelines_tests.engine.load import Load, Mood


def refuses(share: float) -> Mood:
    """A provider that refuses this share of calls, at random."""
    return lambda now, serving, random: random.random() < share


def serves(capacity: int) -> Mood:
    """A provider that serves so many calls at once and refuses the others."""
    return lambda now, serving, random: serving >= capacity


def away(since: float, until: float) -> Mood:
    """A provider that refuses everything between two moments."""
    return lambda now, serving, random: since <= now < until


@pytest.mark.parametrize("call_seconds", [0.2, 2])
@pytest.mark.parametrize("slots", [1, 2, 3, 5, 10, 20, 50, 200])
def test_stray_errors_cost_no_concurrency(slots: int, call_seconds: float) -> None:
    """With one call in ten refused at random, at least 80 % of the slots are used on average (D3)."""
    load = Load(slots, call_seconds, refuses(0.1))

    load.run(max(30, 60 * call_seconds))

    assert load.mean_allowed >= 0.8 * slots


@pytest.mark.parametrize(("refusal_seconds", "rounds", "most"), [(0.01, 4, 1.3), (None, 12, 3.0)])
@pytest.mark.parametrize("share", [0.9, 1.0])
@pytest.mark.parametrize("call_seconds", [0.2, 2, 20])
@pytest.mark.parametrize("slots", [5, 50, 200])
def test_a_provider_that_refuses_most_calls_is_left_almost_alone(
    slots: int, call_seconds: float, share: float, refusal_seconds: float | None, rounds: int, most: float
) -> None:
    """Within a few lengths of a call one is in flight, and hardly more from then on, timeouts included (D3)."""
    load = Load(slots, call_seconds, refuses(share), refusal_seconds)

    load.run(rounds * call_seconds)

    assert 1 in {allowed for _, allowed in load.allowed}
    load.run(20 * call_seconds)
    load.forget()
    load.run(20 * call_seconds)
    assert load.mean_allowed <= most


@pytest.mark.parametrize(("slots", "capacity"), [(5, 2), (10, 3), (50, 10), (50, 25), (50, 40), (200, 60)])
@pytest.mark.parametrize("call_seconds", [0.2, 2, 20])
def test_a_provider_with_a_capacity_is_used_up_to_it(slots: int, capacity: int, call_seconds: float) -> None:
    """Concurrency settles around what the provider serves at once, and a small share of calls is refused (D3).

    A try of more costs about four refusals whatever the capacity, which is a larger share of fewer and longer calls.
    """
    load = Load(slots, call_seconds, serves(capacity))
    load.run(20 * call_seconds + 5)
    load.forget()

    load.run(200 * call_seconds)

    assert 0.9 * capacity <= load.mean_served
    assert load.mean_allowed <= 1.1 * capacity
    assert load.refused_share <= (0.1 if call_seconds < 1 else 0.1 + 0.6 / capacity)


@pytest.mark.parametrize(("call_seconds", "within"), [(0.02, 1), (0.2, 8), (1, 12), (2, 15)])
def test_all_slots_come_back_when_the_overload_is_over(call_seconds: float, within: float) -> None:
    """About ten seconds after a provider that refused everything is back, all slots are too; sooner for short calls."""
    down, up = 5 * call_seconds, 5 * call_seconds + 10
    load = Load(50, call_seconds, away(down, up))

    load.run(up)

    assert load.allowed[-1][1] == 1
    load.run(within)
    assert load.allowed[-1][1] == 50


def test_all_slots_come_back_although_some_calls_are_still_refused() -> None:
    """Stray errors do not keep concurrency down once the overload is over."""
    load = Load(50, 0.2, lambda now, serving, random: random.random() < (1.0 if 1 <= now < 11 else 0.1))
    load.run(23)
    load.forget()

    load.run(20)

    assert load.mean_allowed >= 0.8 * 50


def test_many_calls_that_met_one_overload_cause_one_cut() -> None:
    """Refusals of calls that started before the cut say nothing about the level after it."""
    now = 0.0
    throttle = Throttle(lambda: now)
    throttle.allowed(60)
    now = 1.0
    for _ in range(60):
        throttle.overloaded(started=0.0)

    assert throttle.allowed(60) == 42
    now = 2.0
    for _ in range(60):
        throttle.overloaded(started=1.5)
    assert throttle.allowed(60) == 10


def test_the_way_back_is_gone_while_calls_are_answered() -> None:
    """It begins with an answer to a call that started after the cut, and rests from a refusal until that wore off."""
    now = 0.0
    throttle = Throttle(lambda: now)
    throttle.allowed(10)
    throttle.answered(started=-0.1)
    for _ in range(5):
        throttle.overloaded(started=0.0)
    throttle.answered(started=0.0)
    now = 1000.0
    assert throttle.allowed(10) == 7

    throttle.answered(started=999.9)
    now += 0.5
    throttle.overloaded(started=1000.1)
    reached = throttle.allowed(10)
    now += 1000
    assert throttle.allowed(10) == reached == 9

    for _ in range(4):
        throttle.answered(started=1999.9)
    now += 2.4
    assert throttle.allowed(100) < 100
    now += 0.2
    assert throttle.allowed(100) == 100


def test_the_length_of_calls_is_not_guessed() -> None:
    """Where the first calls of all are refused, the first answer does not bring everything back at once."""
    now = 0.0
    throttle = Throttle(lambda: now)
    throttle.allowed(50)
    for _ in range(50):
        throttle.overloaded(started=0.0)
    now = 1.0
    throttle.answered(started=0.99)

    now += 0.2

    assert throttle.allowed(50) == 39


def test_at_one_call_in_flight_a_single_answer_shows_the_way_back() -> None:
    """Refusals do not add up there: the provider was asked one by one, and the last answer counts."""
    now = 0.0
    throttle = Throttle(lambda: now)
    throttle.allowed(2)
    throttle.answered(started=-0.1)
    for moment in range(100):
        throttle.overloaded(started=now)
        now = float(moment)
    assert throttle.allowed(50) == 1

    throttle.answered(started=now - 0.1)
    now += 3.1

    assert throttle.allowed(50) == 50


@pytest.mark.parametrize(
    ("call_seconds", "seconds"), [(0, 0), (0.1, 3), (0.2, 6), (0.3, 9), (1.8, 9), (2, 10), (20, 100)]
)
def test_the_way_back_is_as_long_as_answers_need(call_seconds: float, seconds: float) -> None:
    """Thirty calls long, at most nine seconds, but not under five calls."""
    assert seconds_back(call_seconds) == pytest.approx(seconds)


@pytest.mark.parametrize(("gone", "level"), [(0, 7.0), (1, 9.625), (2, 10.0), (6, 11.25), (10, 50.0)])
def test_the_way_back_is_flat_where_it_was_too_much(gone: float, level: float) -> None:
    """From the level after the cut it comes near the old one at once, stays there, and ends at all slots."""
    assert WayBack(start=7.0, knee=10.0, seconds=10).level(gone, 50) == pytest.approx(level)


@pytest.mark.parametrize("slots", [0, -1])
def test_no_slots_are_no_slots(slots: int) -> None:
    """A job without a share of the slots makes no call."""
    assert Throttle(lambda: 0.0).allowed(slots) == 0


class Histories(RuleBasedStateMachine):
    """Calls that start, end well or not in any order, while slots come and go and time passes."""

    @initialize(slots=st.integers(1, 200))
    def begin(self, slots: int) -> None:
        self.now = 0.0
        self.slots = slots
        self.throttle = Throttle(lambda: self.now)
        self.started: list[float] = []

    def level(self) -> int:
        return self.throttle.allowed(self.slots)

    def end(self, calls: int, is_oldest: bool) -> list[float]:
        """When these calls started, which are in flight no longer."""
        ended = self.started[:calls] if is_oldest else self.started[-calls:]
        self.started = self.started[calls:] if is_oldest else self.started[:-calls]
        return ended

    @rule(slots=st.integers(1, 200))
    def regrant(self, slots: int) -> None:
        self.slots = slots

    @rule(seconds=st.floats(0.001, 30))
    def wait(self, seconds: float) -> None:
        """Time never lowers the level."""
        before = self.level()
        self.now += seconds
        assert self.level() >= before

    @rule()
    def start(self) -> None:
        self.started += [self.now] * (self.level() - len(self.started))

    @rule(calls=st.integers(1, 200), is_oldest=st.booleans())
    def answer(self, calls: int, is_oldest: bool) -> None:
        """An answer never lowers the level."""
        before = self.level()
        for started in self.end(calls, is_oldest):
            self.throttle.answered(started)
        assert self.level() >= before

    @rule(calls=st.integers(1, 200), is_oldest=st.booleans())
    def overload(self, calls: int, is_oldest: bool) -> None:
        """Overload never raises the level, and calls that end in one moment cut it once at most."""
        before = self.level()
        for started in self.end(calls, is_oldest):
            self.throttle.overloaded(started)
        assert FURTHER_CUT * before - 1 <= self.level() <= before

    @rule()
    def recover(self) -> None:
        """From wherever it is, calls that go well bring all slots back."""
        self.now += 1
        for _ in range(200):
            self.throttle.answered(self.now - 0.5)
        self.now += seconds_back(self.now)
        assert self.level() == self.slots

    @invariant()
    def level_is_possible(self) -> None:
        if hasattr(self, "throttle"):
            assert 1 <= self.level() <= self.slots


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=100, stateful_step_count=30, deadline=None, database=None)
