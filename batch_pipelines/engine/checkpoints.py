"""Writes finished calls into the ledger in groups, on a thread of its own (requirement D5)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from decimal import Decimal
from queue import Empty, SimpleQueue
from threading import Thread

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import LedgerUnavailable

LONGEST_DELAY_SECONDS = 0.1
"""How long news waits at most before its group is written."""
SHORTEST_PAUSE_SECONDS = 0.05
"""Between two groups at least: many small ones would take more of the processor than the calls themselves."""
LARGEST_GROUP = 500
"""Reports in one transaction at most, when a slow ledger has let many pile up."""
GIVE_UP_SECONDS = 60.0
"""How long the ledger may be away before a run gives up; what it then could not take stays in the journal."""
RETRY_SECONDS = 1.0

Write = Callable[[Sequence[Report]], None]


class Checkpoints:
    """Groups reports by count or by time and writes each group in one transaction.

    `group_size` counts finished calls; `on_written` is told how many are in the ledger. After a failure that outlasts
    the retries, or of another kind than LedgerUnavailable, nothing more is written: `on_failure(error)` is called, and
    whoever flushes is told. Both are called on the writing thread.
    """

    def __init__(
        self,
        write: Write,
        group_size: int,
        on_written: Callable[[int], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self.settled_usd = Decimal(0)
        """What the calls in the ledger are charged with; set by the writing thread alone."""
        self._added = 0
        self._done = 0
        self._write = write
        self._group_size = group_size
        self._on_written = on_written
        self._on_failure = on_failure
        self._queue: SimpleQueue[Report | Future[None] | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._rested_at = 0.0
        """From when on the next group may be written, in seconds of the monotonic clock."""
        self._thread = Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def add(self, report: Report) -> None:
        """Hand over one report; returns at once."""
        self._added += 1
        self._queue.put(report)

    @property
    def backlog(self) -> int:
        """Reports that were handed over and are not in the ledger."""
        return self._added - self._done

    def flush(self) -> Future[None]:
        """Done when everything handed over before is in the ledger; fails with what kept it from being written."""
        barrier: Future[None] = Future()
        self._queue.put(barrier)
        return barrier

    def close(self) -> None:
        """Write what is left and end the thread; nothing may be handed over any more."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        is_open = True
        while is_open:
            group, waiting, is_open = self._next_group()
            if group and self._failure is None:
                self._write_group(group)
                self._rested_at = time.monotonic() + SHORTEST_PAUSE_SECONDS
            for barrier in waiting:
                _resolve(barrier, self._failure)

    def _next_group(self) -> tuple[list[Report], list[Future[None]], bool]:
        """Wait for a report, then gather until enough calls finished, time is over, or somebody waits for it.

        Whatever else came in by then is taken along, so that groups grow where much is going on. With the group come
        those who wait for it, and whether more may follow.
        """
        group: list[Report] = []
        waiting: list[Future[None]] = []
        finished = 0
        deadline = math.inf
        while len(group) < LARGEST_GROUP:
            left = deadline - time.monotonic()
            try:
                entry = self._queue.get(timeout=None if math.isinf(left) else max(0.0, left))
            except Empty:
                break
            if entry is None:
                return group, waiting, False
            if isinstance(entry, Report):
                group.append(entry)
                finished += entry.attempt is not None
            else:
                waiting.append(entry)
            delay_until = time.monotonic() + LONGEST_DELAY_SECONDS
            is_due = waiting or finished >= self._group_size
            deadline = min(deadline, self._rested_at if is_due else delay_until)
        return group, waiting, True

    def _write_group(self, group: list[Report]) -> None:
        try:
            self._write_with_retries(group)
        except BaseException as error:  # noqa: BLE001  # whatever it is, calls must not go on unrecorded
            self._failure = error
            self._on_failure(error)
        else:
            self.settled_usd += sum((_charge(report) for report in group), start=Decimal(0))
            self._done += len(group)
            self._on_written(sum(report.attempt is not None for report in group))

    def _write_with_retries(self, group: list[Report]) -> None:
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        while True:
            try:
                return self._write(group)
            except LedgerUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(RETRY_SECONDS)


def _charge(report: Report) -> Decimal:
    """What counts against the budget for this report."""
    attempt = report.attempt
    if attempt is None:
        return Decimal(0)
    return attempt.worst_case_usd if attempt.cost_usd is None else attempt.cost_usd


def _resolve(barrier: Future[None], failure: BaseException | None) -> None:
    """Tell who waits; who has given up waiting must not end this thread."""
    if not barrier.set_running_or_notify_cancel():
        return
    if failure is None:
        barrier.set_result(None)
    else:
        barrier.set_exception(failure)
