"""Groups of finished calls, made durable on a thread of their own (D5)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from decimal import Decimal

import pytest

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.engine import checkpoints
from batch_pipelines.engine.checkpoints import LONGEST_DELAY_SECONDS, SHORTEST_PAUSE_SECONDS, Checkpoints
from batch_pipelines_tests.reports import failed_attempt, make_attempt, make_report

AWAY = LedgerUnavailable("sqlite:///x", "is locked by another process", "wait")
BROKEN = ZeroDivisionError("oops")
WORST = Decimal(2)


def finished(row: int, cost: str | None = "0.25") -> Report:
    """News of a call that ended."""
    known = make_attempt if cost is not None else failed_attempt
    attempt = known(cost_usd=None if cost is None else Decimal(cost), worst_case_usd=WORST)
    return make_report(row, attempt=attempt)


def started(row: int) -> Report:
    """News of a call that begins."""
    return make_report(row, trigger=ItemTrigger.START)


class Book:
    """Takes groups, after it raised what it was told to raise."""

    def __init__(self, *errors: BaseException) -> None:
        self.groups: list[list[int]] = []
        self.written: list[int] = []
        self.failures: list[BaseException] = []
        self.errors = list(errors)
        self.open = threading.Event()
        self.open.set()

    def write(self, group: Sequence[Report]) -> None:
        self.open.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        self.groups.append([report.row for report in group])


def wait_for(book: Book) -> None:
    """Returns when something was written."""
    deadline = time.monotonic() + 10
    while not book.groups:
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.01)


Keep = Callable[[Book, int], Checkpoints]


@pytest.fixture
def keep() -> Iterator[Keep]:
    """Makes checkpoints that are closed in the end."""
    with ExitStack() as closing:

        def make(book: Book, group_size: int) -> Checkpoints:
            kept = Checkpoints(book.write, group_size, book.written.append, book.failures.append)
            closing.callback(kept.close)
            return kept

        yield make


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    monkeypatch.setattr(checkpoints, "RETRY_SECONDS", 0.0)


def hold(book: Book, kept: Checkpoints) -> None:
    """Returns when the thread is busy with a first group, of row 0, and stays so until the book is open."""
    book.open.clear()
    kept.add(finished(0))
    barrier = kept.flush()
    while kept._queue.qsize():
        time.sleep(0.001)
    assert not barrier.done()


def test_a_full_group_is_written_at_once(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `group_size` calls that ended nothing is waited for; starts travel along and do not count (D5)."""
    monkeypatch.setattr(checkpoints, "LONGEST_DELAY_SECONDS", 60.0)
    book = Book()
    kept = keep(book, 2)

    kept.add(started(1))
    kept.add(finished(1))
    time.sleep(0.02)
    assert book.groups == []
    kept.add(finished(2))
    wait_for(book)

    assert book.groups == [[1, 1, 2]]


@pytest.mark.parametrize("report", [started, finished])
def test_a_group_that_is_not_full_is_written_in_time(
    keep: Keep, monkeypatch: pytest.MonkeyPatch, report: Callable[[int], Report]
) -> None:
    """When the first of its news is old enough, and not sooner (D5)."""
    monkeypatch.setattr(checkpoints, "LONGEST_DELAY_SECONDS", 0.8)
    book = Book()
    kept = keep(book, 100)

    kept.add(report(1))
    time.sleep(0.05)
    kept.add(report(2))
    assert book.groups == []
    wait_for(book)

    assert book.groups == [[1, 2]]


def test_news_that_keeps_coming_does_not_put_its_group_off(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is how long the first of it waits (D5)."""
    monkeypatch.setattr(checkpoints, "LONGEST_DELAY_SECONDS", 0.2)
    book = Book()
    kept = keep(book, 1000)

    for row in range(200):
        kept.add(started(row))
        time.sleep(0.01)
        if book.groups:
            break

    assert book.groups


def test_groups_grow_where_the_ledger_is_slow(keep: Keep) -> None:
    """What came in meanwhile is written together, so that a slow ledger is asked less often."""
    book = Book()
    kept = keep(book, 2)
    hold(book, kept)

    for row in range(1, 8):
        kept.add(started(row))
        kept.add(finished(row))
    book.open.set()
    kept.flush().result(5)

    assert book.groups == [[0], [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]]
    assert sum(book.written) == 8


def test_a_group_has_a_largest_size(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many reports have piled up, one transaction stays short."""
    monkeypatch.setattr(checkpoints, "LARGEST_GROUP", 3)
    book = Book()
    kept = keep(book, 100)
    hold(book, kept)

    for row in range(1, 8):
        kept.add(finished(row))
    book.open.set()
    kept.flush().result(5)

    assert book.groups == [[0], [1, 2, 3], [4, 5, 6], [7]]


def test_groups_keep_their_distance(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full groups that follow on each other are written together after a pause: each costs time of the processor."""
    monkeypatch.setattr(checkpoints, "SHORTEST_PAUSE_SECONDS", 0.5)
    book = Book()
    kept = keep(book, 1)
    kept.add(finished(1))
    wait_for(book)
    first = time.monotonic()

    for row in (2, 3):
        kept.add(finished(row))
        time.sleep(0.02)
    assert book.groups == [[1]]
    kept.flush().result(5)

    assert book.groups == [[1], [2, 3]]
    assert time.monotonic() - first > 0.4


def test_what_was_promised() -> None:
    """Nothing waits for its group longer than 100 ms (D5)."""
    assert max(LONGEST_DELAY_SECONDS, SHORTEST_PAUSE_SECONDS) <= 0.1


def test_a_flush_waits_for_what_came_before_it(keep: Keep) -> None:
    """It is not done before the group is written, and does not wait for time to pass."""
    book = Book()
    kept = keep(book, 100)
    book.open.clear()
    kept.add(finished(1))

    flushed = kept.flush()
    time.sleep(0.02)
    assert not flushed.done()
    book.open.set()
    flushed.result(5)

    assert book.groups == [[1]]


def test_a_flush_of_nothing_is_done(keep: Keep) -> None:
    """Whoever handed nothing over waits for nothing."""
    book = Book()

    keep(book, 10).flush().result(5)

    assert book.groups == []


def test_a_flush_that_nobody_waits_for_does_no_harm(keep: Keep) -> None:
    """Cancelling it leaves the thread at work."""
    book = Book()
    kept = keep(book, 10)
    book.open.clear()
    kept.add(finished(1))
    given_up = kept.flush()
    given_up.cancel()
    book.open.set()

    kept.add(finished(2))
    kept.flush().result(5)

    assert [row for group in book.groups for row in group] == [1, 2]
    with pytest.raises(CancelledError):
        given_up.result(0)


def test_closing_writes_what_is_left() -> None:
    """Nothing that was handed over is forgotten."""
    book = Book()
    kept = Checkpoints(book.write, 100, book.written.append, book.failures.append)
    kept.add(finished(1))

    kept.close()

    assert book.groups == [[1]]


def test_settled_money_is_that_of_durable_calls(keep: Keep) -> None:
    """Unknown costs count at their worst, and what is not written yet does not count (D6)."""
    book = Book()
    kept = keep(book, 1)
    kept.add(finished(1, "0.25"))
    kept.add(started(2))
    kept.add(finished(2, None))
    kept.flush().result(5)
    book.open.clear()
    kept.add(finished(3, "0.5"))
    time.sleep(0.02)

    assert kept.settled_usd == Decimal("2.25")
    book.open.set()
    kept.flush().result(5)
    assert kept.settled_usd == Decimal("2.75")


def test_a_call_that_cost_nothing_settles_nothing(keep: Keep) -> None:
    """Zero is a known cost, and not its worst case."""
    kept = keep(Book(), 1)
    kept.add(finished(1, "0"))
    kept.flush().result(5)

    assert kept.settled_usd == 0


def test_a_ledger_that_comes_back_loses_nothing(keep: Keep, no_waits: None) -> None:
    """A write is tried again while the ledger is away."""
    book = Book(AWAY, AWAY, AWAY)
    kept = keep(book, 1)
    kept.add(finished(1))

    kept.flush().result(5)

    assert (book.groups, book.failures) == ([[1]], [])


def test_a_ledger_that_stays_away_is_told(keep: Keep, no_waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the longest patience everybody who waits is told, and nothing is written any more."""
    monkeypatch.setattr(checkpoints, "GIVE_UP_SECONDS", 0.0)
    book = Book(AWAY)
    kept = keep(book, 1)
    kept.add(finished(1))
    with pytest.raises(LedgerUnavailable):
        kept.flush().result(5)

    kept.add(finished(2))
    with pytest.raises(LedgerUnavailable):
        kept.flush().result(5)

    assert (book.groups, book.failures) == ([], [AWAY])


def test_any_other_error_is_told_at_once(keep: Keep) -> None:
    """A defect does not pass by waiting; what was not written is not counted."""
    book = Book(BROKEN)
    kept = keep(book, 1)
    kept.add(finished(1))

    with pytest.raises(ZeroDivisionError):
        kept.flush().result(5)
    assert book.failures == [BROKEN]
    assert book.written == []
    assert kept.settled_usd == 0


def test_closing_after_a_failure_ends(keep: Keep) -> None:
    """The thread ends although it could not write, and leaves the rest to the journal."""
    book = Book(BROKEN)
    kept = Checkpoints(book.write, 1, book.written.append, book.failures.append)
    kept.add(finished(1))
    kept.add(finished(2))

    kept.close()

    assert book.groups == []
