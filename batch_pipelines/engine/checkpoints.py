"""Makes finished calls durable in groups, on a thread of its own (requirement D5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from decimal import Decimal
from queue import Empty, SimpleQueue
from threading import Thread

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import LedgerUnavailable

LONGEST_DELAY_SECONDS = 0.1
WRITE_TRIES = 5
WRITE_RETRY_SECONDS = 1.0

Write = Callable[[Sequence[Report]], None]


class Checkpoints:
    """Groups reports by count or by 100 ms and writes each group in one transaction.

    `group_size` counts finished calls. `on_settled(usd)` and `on_failure(error)` are called on the writing thread.
    After a failure that outlasts the retries nothing more is written, and whoever waits is told.
    """

    def __init__(
        self,
        write: Write,
        group_size: int,
        on_settled: Callable[[Decimal], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._write = write
        self._group_size = group_size
        self._on_settled = on_settled
        self._on_failure = on_failure
        self._queue: SimpleQueue[Report | Future[None] | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._work, name="checkpoints", daemon=True)
        self._thread.start()

    def add(self, report: Report) -> None:
        """Hand over one report; returns at once."""
        self._queue.put(report)

    def flush(self) -> Future[None]:
        """Done when everything handed over before is durable; fails with what kept it from being written."""
        barrier: Future[None] = Future()
        self._queue.put(barrier)
        return barrier

    def close(self) -> None:
        """Write what is left and end the thread."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            group, barrier, closing = self._next_group()
            if group:
                self._write_group(group)
            if barrier is not None:
                _resolve(barrier, self._failure)
            if closing:
                return

    def _next_group(self) -> tuple[list[Report], Future[None] | None, bool]:
        """Wait for a report, then gather until the group is full, 100 ms are over, or somebody waits for it."""
        group: list[Report] = []
        finished = 0
        deadline: float | None = None
        while True:
            try:
                entry = self._queue.get(timeout=None if deadline is None else max(0.0, deadline - time.monotonic()))
            except Empty:
                return group, None, False
            if entry is None:
                return group, None, True
            if isinstance(entry, Future):
                return group, entry, False
            group.append(entry)
            finished += entry.attempt is not None
            if finished >= self._group_size:
                return group, None, False
            deadline = deadline or time.monotonic() + LONGEST_DELAY_SECONDS

    def _write_group(self, group: list[Report]) -> None:
        if self._failure is not None:
            return
        try:
            self._write_with_retries(group)
        except BaseException as error:  # noqa: BLE001  # whatever it is, calls must not go on unrecorded
            self._failure = error
            self._on_failure(error)
        else:
            self._on_settled(sum((_cost(report) for report in group), start=Decimal(0)))

    def _write_with_retries(self, group: list[Report]) -> None:
        for remaining in reversed(range(WRITE_TRIES)):
            try:
                self._write(group)
            except LedgerUnavailable:
                if not remaining:
                    raise
                time.sleep(WRITE_RETRY_SECONDS)
            else:
                return


def _cost(report: Report) -> Decimal:
    return (report.attempt.cost_usd if report.attempt else None) or Decimal(0)


def _resolve(barrier: Future[None], failure: BaseException | None) -> None:
    if failure is None:
        barrier.set_result(None)
    else:
        barrier.set_exception(failure)
