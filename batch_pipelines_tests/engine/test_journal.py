"""What stands in a journal when its session ends, and what a later run reads from it (D5, D6)."""

from __future__ import annotations

import errno
import multiprocessing
import os
import resource
import shutil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from batch_pipelines.domain.errors import JournalUnavailable
from batch_pipelines.engine import journal as journals
from batch_pipelines.engine.journal import Journal, recovered
from batch_pipelines.engine.journal_lines import Begun, ended_line
from batch_pipelines_tests.engine.calls import ANSWER_BYTES, JOB, WORST, Disk, begun, die, ended, files_of, read


def test_what_a_dead_session_knew_is_recovered(tmp_path: Path) -> None:
    """Its answers as they were reported, then what was in flight, as attempts of unknown cost (D5, D6)."""
    journal = Journal(tmp_path, JOB, "a")
    for number in (1, 2, 3):
        journal.begin(begun(number), ANSWER_BYTES)
    journal.end(ended(begun(2)), ANSWER_BYTES)
    die(journal)

    answer, *lost = read(tmp_path)

    assert answer == ended(begun(2))
    assert lost == [begun(1).as_lost(), begun(3).as_lost()]
    attempts = [report.attempt for report in lost if report.attempt]
    assert {(each.usage, each.cost_usd, each.worst_case_usd) for each in attempts} == {(None, None, WORST)}


def test_sessions_of_other_jobs_are_not_touched(tmp_path: Path) -> None:
    """A run recovers what belongs to its batch job only."""
    other = Journal(tmp_path, "job-2", "a")
    other.begin(begun(1), ANSWER_BYTES)
    die(other)

    assert read(tmp_path) == []
    with recovered(tmp_path, "job-2") as reports:
        assert reports == [begun(1).as_lost()]


def test_a_line_that_cannot_be_read_is_told_with_its_file(tmp_path: Path) -> None:
    """Nothing of the journal is taken over, and nothing of it is lost: somebody has to look (D5)."""
    journal = Journal(tmp_path, JOB, "a")
    journal.begin(begun(1), ANSWER_BYTES)
    die(journal)
    (file,) = files_of(tmp_path)
    spoiled = b'{"row": "none"}\n' + file.read_bytes()
    file.write_bytes(spoiled)

    with pytest.raises(JournalUnavailable, match=rf"{file.name} has a line that cannot be read.*move the file away"):
        read(tmp_path)

    assert file.read_bytes() == spoiled


def test_nothing_is_recovered_where_there_was_nothing(tmp_path: Path) -> None:
    """The first run of a batch job finds no folder at all."""
    assert read(tmp_path / "never made") == []


def test_what_was_recovered_is_dropped(tmp_path: Path) -> None:
    """When the block ended well nothing is left, not even the batch job's folder."""
    die(Journal(tmp_path, JOB, "a"))
    die(Journal(tmp_path, JOB, "b"))

    assert read(tmp_path) == []

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [ZeroDivisionError("oops"), ConnectionResetError("the database went away")])
def test_what_could_not_be_delivered_stays(tmp_path: Path, error: Exception) -> None:
    """After an error in the block, which arrives as it is, the next run finds all of it again (D5)."""
    journal = Journal(tmp_path, JOB, "a")
    journal.begin(begun(1), ANSWER_BYTES)
    die(journal)

    with pytest.raises(type(error)), recovered(tmp_path, JOB):
        raise error

    assert read(tmp_path) == [begun(1).as_lost()]


def test_a_session_whose_answers_are_in_the_ledger_leaves_nothing(tmp_path: Path) -> None:
    """A run that ends well has no journal."""
    journal = Journal(tmp_path, JOB, "a")
    journal.begin(begun(1), ANSWER_BYTES)
    journal.end(ended(begun(1)), ANSWER_BYTES)
    journal.written(1)

    journal.close()

    assert list(tmp_path.iterdir()) == []


def test_a_session_leaves_what_the_ledger_could_not_take(tmp_path: Path) -> None:
    """An answer that was not written before the end is found by the next run (D5)."""
    journal = Journal(tmp_path, JOB, "a")
    journal.begin(begun(1), ANSWER_BYTES)
    journal.end(ended(begun(1)), ANSWER_BYTES)

    journal.close()

    assert read(tmp_path) == [ended(begun(1))]


def test_a_file_that_gets_no_more_lines_gives_its_room_back(tmp_path: Path) -> None:
    """What stays behind is as large as what stands in it."""
    journal = Journal(tmp_path, JOB, "a")
    journal.begin(begun(1), 100_000)

    journal.close()

    (file,) = files_of(tmp_path)
    assert file.read_bytes().endswith(b"}\n")


def test_a_journal_goes_before_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can get the lock of a session that ends, and read what it is about to remove."""
    folder = tmp_path / JOB / "a"
    was_there: list[bool] = []
    journal = Journal(tmp_path, JOB, "a")
    release = FileLock.release

    def noted(lock: FileLock) -> None:
        was_there.append(folder.exists())
        release(lock)

    monkeypatch.setattr(FileLock, "release", noted)
    journal.close()

    assert was_there == [False]


def test_full_files_go_when_their_answers_are_in_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long run does not fill the disk; at any moment all that the ledger has not got is there, in order (D5)."""
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 2000)
    journal = Journal(tmp_path / "journals", JOB, "a")
    journal.begin(begun(0), ANSWER_BYTES)
    for number in range(1, 31):
        journal.begin(begun(number), ANSWER_BYTES)
        journal.end(ended(begun(number)), ANSWER_BYTES)
    counts = []

    for written in range(1, 31):
        journal.written(1)
        counts.append(len(files_of(tmp_path)))
        shutil.copytree(tmp_path / "journals", tmp_path / "copy")
        numbers = [report.attempt.number for report in read(tmp_path / "copy") if report.attempt]
        assert numbers == [*range(numbers[0], 31), 0]
        assert numbers[0] <= written + 1
        shutil.rmtree(tmp_path / "copy")

    assert counts == sorted(counts, reverse=True)
    assert (counts[0] > 5, counts[-1]) == (True, 1)


def test_room_of_calls_that_ended_is_used_again(tmp_path: Path) -> None:
    """A file is not much larger than what stands in it and what calls in flight may need."""
    journal = Journal(tmp_path, JOB, "a")

    for number in range(100):
        journal.begin(begun(number), 50_000)
        journal.end(ended(begun(number)), 50_000)

    assert sum(path.stat().st_size for path in files_of(tmp_path)) <= 2 * journals.ROOM_STEP_BYTES


@pytest.mark.parametrize("is_last_begun", [True, False])
def test_a_line_that_was_cut_was_not_written(tmp_path: Path, is_last_begun: bool) -> None:
    """Wherever in it its writer died: a call that was being noted was not made, and an answer is lost (D5)."""
    journal = Journal(tmp_path / "journals", JOB, "a")
    journal.begin(begun(1), 0)
    journal.end(ended(begun(1)), 0)
    journal.begin(begun(2), 0)
    journal.begin(begun(3), 0) if is_last_begun else journal.end(ended(begun(2)), 0)
    (file,) = files_of(tmp_path)
    *lines, last = file.read_bytes().rstrip(b"\0").splitlines(keepends=True)

    for cut in range(0, len(last), 5):
        folder = tmp_path / str(cut) / JOB / "a"
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(b"".join(lines) + last[:cut])
        assert read(tmp_path / str(cut)) == [ended(begun(1)), begun(2).as_lost()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "line\nbreak\r\nand\rreturn",
        "nul \0 in the middle",
        "\0",
        "half a pair \ud83d and the other half \ude00",
        "\ud83d\ude00",
        "\U0001f600 emoji, \u2028 line and \u2029 paragraph separators, \x85 next line, \ufeff mark, \x1c\x1e",
        '"quotes", \\ backslashes \\n and {"attempt": null}',
        "\uffff\u0000\U0010ffff",
    ],
)
def test_answers_come_back_as_they_were(tmp_path: Path, text: str) -> None:
    """Whatever characters a model sends, each is kept, and no line is broken by one (D5)."""
    journal = Journal(tmp_path, JOB, "a")
    for number in (1, 2):
        journal.begin(begun(number), ANSWER_BYTES)
        journal.end(ended(begun(number), text), ANSWER_BYTES)
    die(journal)

    assert read(tmp_path) == [ended(begun(1), text), ended(begun(2), text)]


def test_a_power_cut_may_cost_the_end_of_a_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Zeros in the midst of lines, where a page never reached the disk, end the file that they are in and no other."""
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 1000)
    journal = Journal(tmp_path, JOB, "a")
    for number in range(1, 7):
        journal.begin(begun(number), ANSWER_BYTES)
        journal.end(ended(begun(number)), ANSWER_BYTES)
    die(journal)
    first = files_of(tmp_path)[0]
    page = bytearray(first.read_bytes())
    second_line = page.index(b"\n") + 1
    page[second_line + 20 : second_line + 60] = bytes(40)
    first.write_bytes(page)

    reports = read(tmp_path)

    assert [report.attempt and report.attempt.number for report in reports] == [3, 4, 5, 6, 1]
    assert reports[-1] == begun(1).as_lost()


def test_a_line_that_failed_half_way_spoils_none_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that needs room to write over a file may refuse it: what follows is written in its place."""
    journal = Journal(tmp_path, JOB, "a")
    for number in (1, 2):
        journal.begin(begun(number), ANSWER_BYTES)
    disk = Disk(tmp_path)
    disk.bytes_left = 100
    disk.death = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", disk.pwrite)
        with pytest.raises(JournalUnavailable):
            journal.end(ended(begun(1), "A long answer." * 50), ANSWER_BYTES)

    journal.end(ended(begun(2)), ANSWER_BYTES)

    die(journal)
    assert read(tmp_path) == [ended(begun(2)), begun(1).as_lost()]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names it and says what is wrong with it."""
    (tmp_path / "journals").write_text("a file")

    with pytest.raises(JournalUnavailable, match=r"journals/job-1/a .*Not a directory"):
        Journal(tmp_path / "journals", JOB, "a")


def work_until_killed(folder: Path, told: Connection) -> None:
    """In a process of its own: begin three calls, end one, and wait for the end."""
    journal = Journal(folder, JOB, "a")
    for number in (1, 2, 3):
        journal.begin(begun(number), ANSWER_BYTES)
    journal.end(ended(begun(1)), ANSWER_BYTES)
    told.send("ready")
    told.recv()


def fill_the_disk(folder: Path, told: Connection) -> None:
    """In a process of its own whose files may not grow: begin calls until there is no room, end them all, and die."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * journals.ROOM_STEP_BYTES,) * 2)
    journal = Journal(folder, JOB, "a")
    calls: list[Begun] = []
    try:
        while True:
            calls.append(begun(len(calls)))
            journal.begin(calls[-1], 50_000)
    except JournalUnavailable as error:
        calls.pop()
        told.send((len(calls), str(error)))
    for call in calls:
        journal.end(ended(call, "x" * 49_000), 50_000)
    os._exit(0)


def in_a_process(work: Any, folder: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """A process that does this, and what it tells."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(folder, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def test_a_living_session_is_left_alone_until_it_is_killed(tmp_path: Path) -> None:
    """Another process that still works keeps its journal; after kill -9 everything is found (D5)."""
    process, told = in_a_process(work_until_killed, tmp_path)
    assert told.recv() == "ready"

    assert read(tmp_path) == []
    process.kill()
    process.join(10)

    assert read(tmp_path) == [ended(begun(1)), begun(2).as_lost(), begun(3).as_lost()]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_calls_from_starting_and_loses_no_answer(tmp_path: Path) -> None:
    """The operating system's own refusal meets a call that is about to begin, and never one that has begun (D5)."""
    process, told = in_a_process(fill_the_disk, tmp_path)
    count, reason = told.recv()
    process.join(10)

    assert (process.exitcode, count) == (0, 10)
    assert "(File too large); make room, then resume" in reason
    assert [report.output for report in read(tmp_path)] == ["x" * 49_000] * count


@pytest.mark.parametrize("segment_bytes", [800, 100_000])
def test_what_could_begin_can_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, segment_bytes: int) -> None:
    """However large the disk, and wherever it became full: the room of every answer was made to the byte (D5)."""
    monkeypatch.setattr(journals, "SEGMENT_BYTES", segment_bytes)
    monkeypatch.setattr(journals, "ROOM_STEP_BYTES", 16)
    disk = Disk(tmp_path)
    monkeypatch.setattr(os, "pwrite", disk.pwrite)
    for disk.capacity in range(1000, 6000, 97):
        journal = Journal(tmp_path, JOB, "a")
        calls: list[Begun] = []
        with pytest.raises(JournalUnavailable, match="No space left on device"):
            while True:
                call = begun(len(calls))
                journal.begin(call, len(ended_line(ended(call))))
                calls.append(call)
        for call in calls:
            journal.end(ended(call), len(ended_line(ended(call))))
        die(journal)
        assert read(tmp_path) == [ended(call) for call in calls]
