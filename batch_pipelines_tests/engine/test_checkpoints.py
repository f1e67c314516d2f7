"""Groups of finished calls, made durable on a thread of their own (D5)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batch_pipelines.domain.attempt import Attempt, Report
from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.domain.usage import Usage
from batch_pipelines.engine import checkpoints
from batch_pipelines.engine.checkpoints import LINGER_SECONDS, LONGEST_DELAY_SECONDS, Checkpoints

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
AWAY = LedgerUnavailable("sqlite:///x", "is locked by another process", "wait")


def finished(row: int, cost: str | None = "0.25") -> Report:
    """News of a call that ended."""
    attempt = Attempt(
        number=1,
        started_at=NOON,
        duration_ms=1.0,
        model="claude-test",
        simulated=True,
        usage=Usage(),
        cost_usd=None if cost is None else Decimal(cost),
        request_id=None,
        stop_reason=None,
        error_category=None,
        error_message=None,
    )
    return Report(row=row, item_id=f"item_{row}", phase="write", at=NOON, attempt=attempt)


def started(row: int) -> Report:
    """News of a call that begins."""
    return Report(row=row, item_id=f"item_{row}", phase="write", at=NOON, trigger=ItemTrigger.START)


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


def test_groups_are_of_so_many_finished_calls(keep: Keep) -> None:
    """A group is full with `group_size` calls that ended; starts travel along and do not count."""
    book = Book()
    kept = keep(book, 2)
    book.open.clear()

    for row in range(1, 6):
        kept.add(started(row))
        kept.add(finished(row))
    book.open.set()
    kept.flush().result(5)

    assert book.groups == [[1, 1, 2, 2], [3, 3, 4, 4], [5, 5]]


def test_news_that_nobody_paid_for_waits(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts are written when the first of them is old enough, and not at once."""
    monkeypatch.setattr(checkpoints, "LONGEST_DELAY_SECONDS", 0.8)
    book = Book()
    kept = keep(book, 100)

    kept.add(started(1))
    time.sleep(0.05)
    kept.add(started(2))
    assert book.groups == []
    wait_for(book)

    assert book.groups == [[1, 2]]


def test_a_finished_call_takes_along_what_waits(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that was paid for does not wait as starts do, which are written with it, and it is told of (D5)."""
    monkeypatch.setattr(checkpoints, "LONGEST_DELAY_SECONDS", 60.0)
    book = Book()
    kept = keep(book, 100)

    kept.add(started(1))
    kept.add(started(2))
    kept.add(finished(1))
    wait_for(book)
    kept.flush().result(5)

    assert book.groups == [[1, 2, 1]]
    assert book.written == [1]


def test_what_was_promised() -> None:
    """Finished calls are durable within 100 ms, or in a group of `group_size` (D5)."""
    assert max(LINGER_SECONDS, LONGEST_DELAY_SECONDS) <= 0.1


def test_a_flush_waits_for_what_came_before_it(keep: Keep) -> None:
    """It is not done before the group is written, and does not wait for time to pass."""
    book = Book()
    kept = keep(book, 100)
    book.open.clear()
    kept.add(finished(1))

    flushed = kept.flush()
    kept.add(finished(2))
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

    assert book.groups == [[1], [2]]
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
    """Unknown costs add nothing, and what is not written yet does not either."""
    book = Book()
    kept = keep(book, 1)
    kept.add(finished(1, "0.25"))
    kept.add(finished(2, None))
    kept.flush().result(5)
    book.open.clear()
    kept.add(finished(3, "0.5"))
    time.sleep(0.02)

    assert kept.settled_usd == Decimal("0.25")
    book.open.set()
    kept.flush().result(5)
    assert kept.settled_usd == Decimal("0.75")


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
    """A defect does not pass by waiting."""
    broken = ZeroDivisionError("oops")
    book = Book(broken)
    kept = keep(book, 1)
    kept.add(finished(1))

    with pytest.raises(ZeroDivisionError):
        kept.flush().result(5)
    assert book.failures == [broken]
