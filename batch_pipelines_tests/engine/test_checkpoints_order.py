"""Checkpoints under a ledger that is slow, away or broken: what is written, in what order, and who is told (D5)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from decimal import Decimal
from itertools import count
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.domain.attempt import Report
from batch_pipelines.engine import checkpoints
from batch_pipelines.engine.checkpoints import Checkpoints
from batch_pipelines_tests.engine.test_checkpoints import AWAY, BROKEN, WORST, finished, started


class Ledger:
    """Takes groups slowly, is away now and then, and breaks for good before the group of this number."""

    def __init__(self, slow: set[int], away: set[int], breaks_at: int | None) -> None:
        self.rows: list[int] = []
        self.sizes: list[int] = []
        self.finished = 0
        self.charged = Decimal(0)
        self._slow, self._away, self._breaks_at = slow, set(away), breaks_at
        self._group = 0

    def write(self, group: Sequence[Report]) -> None:
        if self._group in self._slow:
            time.sleep(0.001)
        if self._group in self._away:
            self._away.remove(self._group)
            raise AWAY
        if self._group == self._breaks_at:
            raise BROKEN
        self._group += 1
        self.sizes.append(len(group))
        self.rows += [report.row for report in group]
        attempts = [report.attempt for report in group if report.attempt]
        self.finished += len(attempts)
        self.charged += sum((WORST if each.cost_usd is None else each.cost_usd for each in attempts), Decimal(0))


CONSTANTS = {
    "LONGEST_DELAY_SECONDS": 0.002,
    "SHORTEST_PAUSE_SECONDS": 0.001,
    "RETRY_SECONDS": 0.0,
    "LARGEST_GROUP": 5,
}
"""So that a test takes milliseconds."""
groups = st.sets(st.integers(0, 8))
moves = st.lists(st.sampled_from(["start", "end", "lose", "flush", "wait"]), max_size=40)


@settings(max_examples=100, deadline=None, database=None)
@given(moves=moves, group_size=st.integers(1, 6), slow=groups, away=groups, breaks_at=st.none() | st.integers(0, 6))
def test_every_report_is_written_once_and_in_order(
    moves: list[str], group_size: int, slow: set[int], away: set[int], breaks_at: int | None
) -> None:
    """Whatever the ledger does: in order, once, in groups that are not too large, counted and charged as written (D5).

    A flush is done when all before it is written, and fails where that cannot be. What came in before the ledger broke
    is written, and nothing after it.
    """
    ledger = Ledger(slow, away, breaks_at)
    written: list[int] = []
    failures: list[BaseException] = []
    rows = count()
    handed_over = 0
    flushes: list[tuple[int, list[int], Future[None]]] = []
    with ExitStack() as patched:
        for name, value in CONSTANTS.items():
            patched.enter_context(patch.object(checkpoints, name, value))
        kept = Checkpoints(ledger.write, group_size, written.append, failures.append)
        for move in moves:
            if move == "flush":
                flush = kept.flush()
                at_flush: list[int] = []
                flush.add_done_callback(lambda _, seen=at_flush: seen.append(len(ledger.rows)))  # type: ignore[misc]
                flushes.append((handed_over, at_flush, flush))
            elif move == "wait":
                time.sleep(0.002)
            else:
                row = next(rows)
                kept.add(started(row) if move == "start" else finished(row, None if move == "lose" else "0.25"))
                handed_over += 1
        kept.close()
    assert ledger.rows == list(range(len(ledger.rows)))
    assert not failures or failures == [BROKEN]
    assert bool(failures) is (len(ledger.rows) < handed_over)
    assert all(1 <= size <= 5 for size in ledger.sizes)
    assert (sum(written), kept.settled_usd) == (ledger.finished, ledger.charged)
    assert kept.backlog == handed_over - len(ledger.rows)
    for before, at_flush, flush in flushes:
        assert flush.done()
        assert flush.exception() is None if not failures else flush.exception() in (None, BROKEN)
        assert flush.exception() is BROKEN if before > len(ledger.rows) else at_flush[0] >= before
