"""Calls as a journal notes them, a session that dies, and a disk that is full."""

from __future__ import annotations

import errno
import os
from decimal import Decimal
from pathlib import Path

from batch_pipelines.domain.attempt import Report
from batch_pipelines.engine.journal import Journal, recovered
from batch_pipelines.engine.journal_lines import Begun
from batch_pipelines_tests.clock import after
from batch_pipelines_tests.reports import make_attempt, make_report

JOB = "job-1"
WORST = Decimal("0.006012")
ANSWER_BYTES = 4096


def begun(number: int, row: int = 1) -> Begun:
    """A call that is about to be made, so many seconds after the start."""
    return Begun(row, f"item_{row}", "draft", number, after(number), "claude-test", True, WORST)


def ended(call: Begun, output: str = "An answer.") -> Report:
    """The same call with its answer."""
    attempt = make_attempt(call.number, started_at=call.started_at, simulated=True, worst_case_usd=WORST)
    return make_report(call.row, item=call.row, at=call.started_at, attempt=attempt, output=output)


def read(folder: Path) -> list[Report]:
    """What is recovered."""
    with recovered(folder, JOB) as reports:
        return reports


def die(journal: Journal) -> None:
    """What the death of a process does: its lock goes, and the file stays as it is."""
    os.close(journal._segment._file)
    journal._lock.release()


def files_of(folder: Path) -> list[Path]:
    """Segments of all sessions."""
    return sorted(folder.rglob("*.jsonl"))


class Killed(BaseException):
    """The process dies here."""


class Disk:
    """A disk that can be full, and a process that can die while it writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.capacity: int | None = None
        self.was_full = False
        self.bytes_left: int | None = None
        """After which it ends; None where it does not."""
        self.death: BaseException = Killed()
        self._pwrite = os.pwrite

    @property
    def used(self) -> int:
        return sum(path.stat().st_size for path in files_of(self.folder))

    def pwrite(self, file: int, data: bytes, offset: int) -> int:
        """As the operating system does it: what needs no more room can be written to a full disk too."""
        fits = len(data)
        if self.capacity is not None:
            fits = min(fits, os.fstat(file).st_size + max(0, self.capacity - self.used) - offset)
        if fits <= 0:
            self.was_full = True
            raise OSError(errno.ENOSPC, "No space left on device")
        if self.bytes_left == 0:
            raise self.death
        if self.bytes_left is not None:
            fits = min(fits, self.bytes_left)
            self.bytes_left -= fits
        return self._pwrite(file, data[:fits], offset)
