"""Who starts calls first in one process (A9)."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.pipeline import MOST_CONCURRENCY
from batch_pipelines.domain.spec import Priority
from batch_pipelines.engine.turns import RANK, Turns


@dataclass
class Starter:
    """A session with calls to make; one whose limit is used up keeps others from their turn."""

    name: str = ""
    waiting: int = 1000
    in_flight: int = 0
    is_held_up: bool = False
    log: list[str] = field(default_factory=list)
    """Who came to its turn, of all that share it."""
    rooms: list[int] = field(default_factory=list)
    """What it was offered."""

    def start_calls(self, room: int) -> bool:
        self.log.append(self.name)
        self.rooms.append(room)
        started = min(self.waiting, room)
        self.waiting -= started
        self.in_flight += started
        return not self.is_held_up and not (self.waiting and not room)


def in_turn(*priorities: Priority) -> tuple[Turns, list[str]]:
    """Starters that joined in this order, named by number, without anything to do; and where their turns are noted."""
    turns, log = Turns(), list[str]()
    for number, priority in enumerate(priorities):
        turns.join(Starter(str(number), waiting=0, log=log), priority)
    return turns, log


def test_the_more_urgent_come_first() -> None:
    """Critical, high, normal, low, whoever came first (A9)."""
    turns, log = in_turn(Priority.LOW, Priority.HIGH, Priority.NORMAL, Priority.CRITICAL)

    turns.take()

    assert log == ["3", "1", "2", "0"]


def test_among_equals_the_first_comes_first() -> None:
    """One that joins later is served after all of its priority, and before those of less (A9)."""
    turns, log = in_turn(Priority.NORMAL, Priority.LOW, Priority.NORMAL, Priority.NORMAL)

    turns.take()
    turns.take()

    assert log == ["0", "2", "3", "1"] * 2


def test_who_left_has_no_turn() -> None:
    """And takes no room."""
    first, second = Starter(waiting=5), Starter()
    turns = Turns(most_in_flight=5)
    turns.join(first, Priority.NORMAL)
    turns.join(second, Priority.NORMAL)
    turns.take()
    assert (first.in_flight, second.in_flight) == (5, 0)

    turns.leave(first)
    turns.take()

    assert (len(first.rooms), second.in_flight) == (1, 5)


def test_who_is_held_up_holds_up_those_behind() -> None:
    """What comes in under a limit is for the more urgent; who is before it starts nevertheless (A9)."""
    before, held_up, behind = Starter(waiting=2), Starter(waiting=2, is_held_up=True), Starter(waiting=2)
    turns = Turns()
    for starter in (before, held_up, behind):
        turns.join(starter, Priority.NORMAL)

    turns.take()
    assert [before.in_flight, held_up.in_flight, behind.in_flight] == [2, 2, 0]

    held_up.is_held_up = False
    turns.take()
    assert behind.in_flight == 2


def test_the_more_urgent_get_the_room_first() -> None:
    """All of it if they need it; what is left is for the others (A9)."""
    low, high = Starter(waiting=10), Starter(waiting=7)
    turns = Turns(most_in_flight=10)
    turns.join(low, Priority.LOW)
    turns.join(high, Priority.HIGH)

    turns.take()

    assert (high.rooms, low.rooms) == ([10], [3])
    assert (high.in_flight, low.in_flight) == (7, 3)


def test_room_that_became_free_goes_to_the_more_urgent() -> None:
    """Though it was another's (A9)."""
    low, high = Starter(), Starter(waiting=0)
    turns = Turns(most_in_flight=10)
    turns.join(low, Priority.LOW)
    turns.join(high, Priority.HIGH)
    turns.take()

    high.waiting, low.in_flight = 4, 7
    turns.take()

    assert (high.in_flight, low.in_flight) == (3, 7)


@pytest.mark.parametrize("too_many", [0, 3])
def test_no_room_is_none(too_many: int) -> None:
    """Nobody is offered less than nothing, as when many were in flight already."""
    starter, late = Starter(waiting=0, in_flight=5 + too_many), Starter()
    turns = Turns(most_in_flight=5)
    turns.join(starter, Priority.NORMAL)
    turns.join(late, Priority.NORMAL)

    turns.take()

    assert (starter.rooms, late.rooms, late.in_flight) == ([0], [0], 0)


def test_a_process_makes_as_many_calls_as_it_has_connections_for() -> None:
    """Unless told otherwise."""
    starter = Starter()
    turns = Turns()
    turns.join(starter, Priority.NORMAL)

    turns.take()

    assert starter.in_flight == MOST_CONCURRENCY


@settings(deadline=None, database=None)
@given(
    most=st.integers(1, 20),
    joining=st.lists(st.tuples(st.sampled_from(Priority), st.integers(0, 20)), max_size=6),
    finishing=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), max_size=10),
)
def test_room_is_never_exceeded_and_never_left_unused(
    most: int, joining: list[tuple[Priority, int]], finishing: list[tuple[int, int]]
) -> None:
    """All together make as many calls as there is room for; who still waits does so for no less urgent one (A9)."""
    turns = Turns(most_in_flight=most)
    starters = [Starter(waiting=waiting) for _, waiting in joining]
    for starter, (priority, _) in zip(starters, joining, strict=True):
        turns.join(starter, priority)
    in_order = [
        starter for starter, _ in sorted(zip(starters, joining, strict=True), key=lambda each: RANK[each[1][0]])
    ]
    for number, calls in [(0, 0), *finishing]:
        for starter in starters[number : number + 1]:
            starter.in_flight = max(0, starter.in_flight - calls)
        before = [starter.in_flight for starter in in_order]
        turns.take()
        assert sum(starter.in_flight for starter in starters) <= most
        first = next((place for place, starter in enumerate(in_order) if starter.waiting), len(in_order))
        assert first == len(in_order) or sum(starter.in_flight for starter in starters) == most
        assert [starter.in_flight for starter in in_order[first + 1 :]] == before[first + 1 :]
