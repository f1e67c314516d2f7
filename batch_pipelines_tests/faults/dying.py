"""Lives of runs that die: a process that imports once what takes seconds, and forks a child for every life.

It reads an order a line, lives it in a child, and writes a line about how that ended; it ends with its standard input.
It has no thread, so a fork of it is whole. A child dies by its own hand at one of its points, the moments before it
writes, sends or deletes anything, or is killed from outside after a time.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import event

# Imported here for all children, as the SDK takes a second.
from batch_pipelines.control.running import close_run, open_run
from batch_pipelines.engine import checkpoints, engine, journal, retries
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers import anthropic
from batch_pipelines.providers.base import Completion, CompletionRequest
from batch_pipelines_tests.engine.samples import drive, make_engine, utc_now

QUICK_RETRY_SECONDS = 0.01
"""So that a retry after a fault does not take longer than the rest of a life."""
SMALL_GROUP = 3
"""Reports in one transaction of a recovery, so that it can be killed between two."""
COUNTER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Order:
    """One life: a run of a batch job, and how it is to end."""

    ledger_url: str
    journals: str
    server_url: str
    batch_job_id: str
    run_id: str
    ahead_seconds: float
    """How far its clock is ahead, so that leases of lives before it have run out."""
    segment_bytes: int
    """After how much a journal begins a new file."""
    pause_seconds: float
    """Between two groups of checkpoints at least."""
    die_at: int | None = None
    """At the how manieth of its points, from 1."""
    is_torn: bool = False
    """Whether what a journal writes at that point still gets there by half."""
    kill_after_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a life ended."""

    exit_code: int
    """Below 0: the signal that killed it."""
    points: int
    """How many it passed."""
    seconds: float


class Points:
    """Counts moments in memory that parent and child share, and kills this process at one of them."""

    def __init__(self, die_at: int | None, is_torn: bool, counter: mmap.mmap) -> None:
        self._die_at = die_at
        self._is_torn = is_torn
        self._counter = counter
        self._passed = 0

    def passed(self, torn: Callable[[], object] = lambda: None) -> None:
        """One more; `torn` does half of what comes next."""
        self._passed += 1
        self._counter[:COUNTER_BYTES] = self._passed.to_bytes(COUNTER_BYTES, "little")
        if self._passed == self._die_at:
            if self._is_torn:
                torn()
            os.kill(os.getpid(), signal.SIGKILL)


def watch(points: Points) -> None:
    """Make everything this process does to files, database and server a point. For a process that will end soon."""
    write = os.pwrite

    def half_or_whole(file: int, data: bytes, offset: int) -> int:
        points.passed(lambda: write(file, data[: len(data) // 2], offset))
        return write(file, data, offset)

    os.pwrite = half_or_whole  # type: ignore[assignment]
    for name in ("mkdir", "unlink", "rmdir"):
        setattr(os, name, after_point(points, getattr(os, name)))
    event.listen(Database, "before_cursor_execute", lambda *_: points.passed())
    event.listen(Database, "commit", lambda _: points.passed())
    complete = anthropic.AnthropicProvider.complete

    async def between_points(self: anthropic.AnthropicProvider, request: CompletionRequest) -> Completion:
        points.passed()
        try:
            return await complete(self, request)
        finally:
            points.passed()

    anthropic.AnthropicProvider.complete = between_points  # type: ignore[method-assign]


def after_point(points: Points, act: Callable[..., Any]) -> Callable[..., Any]:
    """The same act, after a point."""

    def acting(*arguments: Any, **named: Any) -> Any:
        points.passed()
        return act(*arguments, **named)

    return acting


def live(order: Order) -> None:
    """A run, from opening to closing."""

    def clock() -> datetime:
        return utc_now() + timedelta(seconds=order.ahead_seconds)

    retries.BASE_SECONDS = QUICK_RETRY_SECONDS
    engine.LARGEST_GROUP = SMALL_GROUP  # type: ignore[attr-defined]
    journal.SEGMENT_BYTES = order.segment_bytes
    checkpoints.SHORTEST_PAUSE_SECONDS = order.pause_seconds
    job, run = order.batch_job_id, order.run_id
    with Ledger.open(order.ledger_url, clock) as ledger:
        open_run(ledger, job, run)
        with make_engine(ledger, Path(order.journals), order.server_url) as working:
            asyncio.run(drive(ledger, working, job_id=job, run_id=run))
        close_run(ledger, job, run)


def fork(order: Order, counter: mmap.mmap) -> int:
    """A child that lives the order; its process id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        watch(Points(order.die_at, order.is_torn, counter))
        live(order)
    except BaseException:  # noqa: BLE001  # a child that went on would answer in its parent's place
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def carry_out(order: Order) -> Ending:
    """Let a child live, and die if it must."""
    with mmap.mmap(-1, COUNTER_BYTES) as counter:
        began = time.monotonic()
        pid = fork(order, counter)
        if order.kill_after_seconds is not None:
            time.sleep(order.kill_after_seconds)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        points = int.from_bytes(counter[:COUNTER_BYTES], "little")
    return Ending(os.waitstatus_to_exitcode(status), points, time.monotonic() - began)


def main() -> None:
    """Carry out orders until there are no more."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(asdict(carry_out(Order(**json.loads(line))))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
