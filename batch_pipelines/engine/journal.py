"""What happened to calls, appended to a file at once, so that not even kill -9 forgets what was paid (D5, D6).

    <folder>/<batch job>/<holder>/lock            held for as long as the session lives
                                 /000001.jsonl    lines: a call begins, a call ended

The ledger is written in groups some moments later; what is in it is dropped here. A session that was killed leaves its
folder without a living lock, and `recover` reads from it which answers never reached the ledger, and which calls were
in flight. Nothing waits for the disk: a file survives the death of its process, and only a power cut may lose its end.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import JournalUnavailable
from batch_pipelines.engine.journal_lines import Begun, CallKey, begun_line, ended_line, key_of, read_line

SEGMENT_BYTES = 4 * 1024 * 1024
"""A new file begins after this, so that the old one can go when its answers are in the ledger."""
ROOM_STEP_BYTES = 256 * 1024
LOCK = "lock"
PATTERN = "*.jsonl"


class Journal:
    """The journal of one session. Belongs to one event loop; writing takes microseconds and is done on it.

    Room for the answers of the calls in flight is made before they begin, so that a disk that becomes full keeps new
    calls from starting and loses no answer. Raises JournalUnavailable where nothing can be written.
    """

    def __init__(self, folder: Path, batch_job_id: str, holder: str) -> None:
        self._folder = folder / batch_job_id / holder
        self._lock = FileLock(self._folder / LOCK, thread_local=False)
        self._in_flight: dict[CallKey, bytes] = {}
        self._needed = 0
        """Bytes that the answers of calls in flight may take."""
        self._ended = 0
        self._written = 0
        self._full: deque[tuple[int, _Segment]] = deque()
        """Segments that get no more lines, each with how many calls had ended when it was left."""
        self._number = 0
        with _explained(self._folder):
            self._folder.mkdir(parents=True)
            self._lock.acquire()
            self._segment = self._next_segment()

    def begin(self, call: Begun, answer_bytes: int) -> None:
        """A call is about to be made, whose answer takes at most so many bytes."""
        line = begun_line(call)
        room = self._needed + answer_bytes + len(line)
        with _explained(self._folder):
            if self._segment.size > SEGMENT_BYTES:
                self._turn_over(room)
            self._segment.make_room(room)
            self._segment.append(line)
        self._in_flight[call.key] = line
        self._needed += answer_bytes

    def end(self, report: Report, answer_bytes: int) -> None:
        """The call of this report ended, whose room is free again, whatever comes of it."""
        line = ended_line(report)
        self._in_flight.pop(key_of(report), None)
        self._needed -= answer_bytes
        self._ended += 1
        with _explained(self._folder):
            self._segment.append(line)

    def written(self, calls: int) -> None:
        """So many more calls, oldest first, are in the ledger."""
        self._written += calls
        while self._full and self._full[0][0] <= self._written:
            self._full.popleft()[1].remove()

    def close(self) -> None:
        """Give the lock back; what the ledger does not know yet stays for `recover`."""
        self._segment.close()
        # Removed while the lock is held, so that nobody begins to read what goes away.
        if not self._in_flight and self._written == self._ended:
            _remove(self._folder)
        self._lock.release()

    def _turn_over(self, room: int) -> None:
        """Begin a new file, with the calls that are in flight at its head; the old one stays where there is no room."""
        before, following = self._segment, self._next_segment()
        begun = b"".join(self._in_flight.values())
        try:
            following.make_room(len(begun) + room)
            following.append(begun)
        except OSError:
            following.close()
            following.remove()
            raise
        self._segment = following
        before.close()
        self._full.append((self._ended, before))

    def _next_segment(self) -> _Segment:
        self._number += 1
        return _Segment(self._folder / f"{self._number:06}.jsonl")


class _Segment:
    """One file: lines from its beginning, zeros as far as there is room."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self.size = 0
        self._room = 0

    def make_room(self, more: int) -> None:
        """Have at least so many bytes behind the last line; raises OSError where the disk has not."""
        while self._room < self.size + more:
            self._room += os.pwrite(self._file, bytes(ROOM_STEP_BYTES), self._room)

    def append(self, line: bytes) -> None:
        """Write behind the last line; what was written in part is written over by the next."""
        end = self.size + len(line)
        while line:
            line = line[os.pwrite(self._file, line, end - len(line)) :]
        self.size = end
        self._room = max(self._room, end)

    def close(self) -> None:
        """Write no more, and give back the room that is left."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._file, self.size)
        os.close(self._file)

    def remove(self) -> None:
        """Forget the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()


@contextmanager
def recovered(folder: Path, batch_job_id: str) -> Iterator[list[Report]]:
    """What sessions of the batch job that died knew and the ledger may not; it is dropped when the block ends well.

    Calls that were in flight are reported as attempts of unknown cost. Sessions that live are left alone. To deliver a
    report twice does no harm, as the ledger passes over attempts that it has. Raises JournalUnavailable.
    """
    with contextlib.ExitStack() as locks:
        with _explained(folder):
            dead = [left for left in _left_behind(folder / batch_job_id) if _is_locked(left, locks)]
            reports = [report for left in dead for report in _reports_in(left)]
        yield reports
        for left in dead:
            _remove(left)


def _left_behind(folder: Path) -> list[Path]:
    """Folders of sessions that wrote something; one without has nothing to tell, or is being made just now."""
    return sorted({path.parent for path in folder.glob(f"*/{PATTERN}")})


def _is_locked(folder: Path, locks: contextlib.ExitStack) -> bool:
    """Whether the lock could be had, so that nobody writes there any more."""
    try:
        locks.enter_context(FileLock(folder / LOCK, timeout=0, thread_local=False))
    except Timeout:
        return False
    return True


def _reports_in(folder: Path) -> Iterator[Report]:
    """Ended calls as they were reported, then those of which only the beginning is known."""
    in_flight: dict[CallKey, Begun] = {}
    for entry in _entries(sorted(folder.glob(PATTERN))):
        if isinstance(entry, Begun):
            in_flight[entry.key] = entry
        else:
            in_flight.pop(key_of(entry), None)
            yield entry
    for begun in in_flight.values():
        yield begun.as_lost()


def _entries(paths: Iterable[Path]) -> Iterator[Begun | Report]:
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                # The last line may be cut by the death of its writer. Zeros are room, or what a power cut left.
                if b"\0" in line or not line.endswith(b"\n"):
                    break
                yield _read(line, path)


def _read(line: bytes, path: Path) -> Begun | Report:
    try:
        return read_line(line)
    except (ValueError, KeyError, TypeError) as error:
        problem = f"has a line that cannot be read ({error!r})"
        remedy = "move the file away to go on without what it knows, then resume the batch job"
        raise JournalUnavailable(str(path), problem, remedy) from error


def _remove(folder: Path) -> None:
    """Remove a session's folder, and its batch job's if it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"cannot be written to ({error.strerror or error})"
        raise JournalUnavailable(str(folder), problem, "make room, then resume the batch job") from error
