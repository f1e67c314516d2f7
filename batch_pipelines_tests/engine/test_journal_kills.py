"""A journal's session that is killed at any moment, on a disk that may be full: what the next run reads (D5, D6)."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from batch_pipelines.domain.attempt import Report
from batch_pipelines.domain.errors import JournalUnavailable
from batch_pipelines.engine import journal as journals
from batch_pipelines.engine.journal import Journal, recovered
from batch_pipelines.engine.journal_lines import Begun, ended_line
from batch_pipelines_tests.engine.calls import JOB, Disk, Killed, begun, die, ended, files_of


@dataclass
class Session:
    """What a session did, for as long as it lives and after."""

    row: int
    """All its calls are of this item."""
    journal: Journal
    numbers: int = 0
    in_flight: dict[Begun, Report] = field(default_factory=dict)
    ended: list[Report] = field(default_factory=list)
    confirmed: int = 0
    torn: Begun | None = None
    """The call whose beginning or end it is writing, for as long as it does."""
    torn_report: Report | None = None
    """Set where it was its end."""

    def explains(self, found: Sequence[Report]) -> bool:
        """Whether exactly this may be recovered from it; what it was writing may have been written or not."""
        lost = [call.as_lost() for call in self.in_flight]
        possible = [(self.ended, lost)]
        if self.torn_report is not None and self.torn is not None:
            others = [each for each in lost if each != self.torn.as_lost()]
            possible.append(([*self.ended, self.torn_report], others))
        elif self.torn is not None:
            possible.append((self.ended, [*lost, self.torn.as_lost()]))
        return any(
            list(found) == [*answers[again:], *others]
            for answers, others in possible
            for again in range(self.confirmed + 1)
        )


texts = st.sampled_from(["", "short", "long " * 100, "\ud83d\n\0\u2028"])
few = st.integers(1, 5)


class Stop(StrEnum):
    """How a session ends."""

    CLOSED = "closed"
    KILLED = "killed"
    KILLED_IN_BEGIN = "killed in begin"
    KILLED_IN_END = "killed in end"


class Journals(RuleBasedStateMachine):
    """Sessions that note calls on a disk that may be full, end, or are killed at any byte that they write (D5, D6)."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = ExitStack()
        self.folder = Path(self.undo.enter_context(tempfile.TemporaryDirectory()))
        self.disk = Disk(self.folder)
        for name, value in (("SEGMENT_BYTES", 800), ("ROOM_STEP_BYTES", 64)):
            self.undo.enter_context(patch.object(journals, name, value))
        self.undo.enter_context(patch.object(os, "pwrite", self.disk.pwrite))
        self.sessions = 1
        self.session = Session(1, Journal(self.folder, JOB, "001"))
        self.dead: list[Session] = []

    def teardown(self) -> None:
        """Whatever was done, the next run finds it."""
        self.stop(Stop.KILLED, bytes_left=0)
        self.recover(is_delivered=True)
        die(self.session.journal)
        self.undo.close()

    @rule(calls=few, output=texts)
    def begin(self, calls: int, output: str) -> None:
        """Only a full disk keeps a call from beginning."""
        for _ in range(calls):
            session = self.session
            session.numbers += 1
            call = session.torn = begun(session.numbers, session.row)
            report = ended(call, output)
            self.disk.was_full = False
            try:
                session.journal.begin(call, len(ended_line(report)))
            except JournalUnavailable:
                assert self.disk.was_full
            else:
                session.in_flight[call] = report
            session.torn = None

    @rule(calls=few, place=st.integers(0, 10))
    def end(self, calls: int, place: int) -> None:
        """A full disk never keeps an answer from being noted."""
        session = self.session
        for call in [*session.in_flight][place : place + calls]:
            session.torn, session.torn_report = call, session.in_flight[call]
            session.journal.end(session.torn_report, len(ended_line(session.torn_report)))
            session.ended.append(session.in_flight.pop(call))
            session.torn = session.torn_report = None

    @rule(calls=few, is_all=st.booleans())
    def confirm(self, calls: int, is_all: bool) -> None:
        """What is in the ledger needs no files but the last."""
        session = self.session
        most = len(session.ended) - session.confirmed
        calls = most if is_all else min(calls, most)
        session.confirmed += calls
        session.journal.written(calls)
        if session.confirmed == len(session.ended):
            assert len(files_of(self.folder / JOB / f"{session.row:03}")) == 1

    @rule(how=st.sampled_from(Stop), bytes_left=st.integers(0, 1000))
    def stop(self, how: Stop, bytes_left: int) -> None:
        """Another session comes instead; a folder stays where it has something to tell."""
        session = self.session
        self.disk.bytes_left = bytes_left
        with contextlib.suppress(Killed):
            if how is Stop.KILLED_IN_BEGIN:
                self.begin(5, "short")
            elif how is Stop.KILLED_IN_END:
                self.end(5, 0)
        self.disk.bytes_left = None
        if how is Stop.CLOSED:
            session.journal.close()
        else:
            die(session.journal)
        is_told = how is Stop.CLOSED and not session.in_flight and session.confirmed == len(session.ended)
        assert (self.folder / JOB / f"{session.row:03}").exists() is not is_told
        if not is_told:
            self.dead.append(session)
        self.sessions += 1
        self.session = Session(self.sessions, Journal(self.folder, JOB, f"{self.sessions:03}"))

    @rule(free=st.none() | st.integers(0, 3000))
    def fill_disk(self, free: int | None) -> None:
        """So much is free from now on, or as much as anybody wants."""
        self.disk.capacity = None if free is None else self.disk.used + free

    @rule(is_delivered=st.booleans())
    def recover(self, is_delivered: bool) -> None:
        """Session after session, all that the ledger may not know, once and in order; what lives is left alone."""
        try:
            with recovered(self.folder, JOB) as reports:
                assert [report.row for report in reports] == sorted(report.row for report in reports)
                assert {report.row for report in reports} <= {session.row for session in self.dead}
                for session in self.dead:
                    assert session.explains([report for report in reports if report.row == session.row])
                if not is_delivered:
                    raise ConnectionResetError
        except ConnectionResetError:
            return
        assert [path.name for path in self.folder.glob("*/*")] == [f"{self.session.row:03}"]
        self.dead = []


TestJournals = Journals.TestCase
TestJournals.settings = settings(max_examples=40, stateful_step_count=50, deadline=None, database=None)
