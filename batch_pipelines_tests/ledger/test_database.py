"""Opening the database, its transactions, and what is said when it cannot be used."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from batch_pipelines.domain.errors import InvalidInput, LedgerUnavailable
from batch_pipelines.domain.transitions import ItemTrigger
from batch_pipelines.ledger.database import open_engine, reading, writing
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.ledger.samples import JOB, make_plan, start_job
from batch_pipelines_tests.postgres import server_url
from batch_pipelines_tests.reports import make_attempt, make_report

WRITER = """
import os, sys
from datetime import UTC, datetime
from batch_pipelines.ledger.requests import RequestKind
from batch_pipelines.ledger.store import Ledger
ledger = Ledger.open(sys.argv[1], lambda: datetime.now(UTC))
for number in range(int(sys.argv[2])):
    ledger.request("job-1", RequestKind.PAUSE, f"{os.getpid()}-{number}")
print("done", flush=True)
"""


def _insert(engine: Engine, *, fails: bool = False) -> None:
    """Write one row to table `t`; raises ZeroDivisionError afterwards if it is to fail."""
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        if fails:
            _ = 1 // 0


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgresql_is_reached_by_psycopg2(scheme: str) -> None:
    """SQLAlchemy 2.1 would take psycopg 3 for these, which dagster-postgres cannot use."""
    engine = open_engine(f"{scheme}://ann@localhost/ledger")

    assert engine.url.drivername == "postgresql+psycopg2"
    assert engine.driver == "psycopg2"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("mysql://ann:hunter2@localhost/x", "unknown driver 'mysql'"),
        ("postgresql+psycopg://ann:hunter2@localhost/x", "unknown driver 'postgresql+psycopg'"),
        ("hunter2", "is not a database URL"),
        ("postgresql://ann:hunter2@localhost:port/x", "is not a database URL"),
        ("sqlite://", "is in memory"),
        ("sqlite:///:memory:", "is in memory"),
    ],
)
def test_a_url_of_no_use_is_refused(url: str, words: str) -> None:
    """The setting, what is wrong with it and an example are named; a password is not."""
    with pytest.raises(InvalidInput) as caught:
        open_engine(url)

    said = str(caught.value)
    assert said.startswith("BATCH_PIPELINES_DATABASE_URL")
    assert words in said
    assert "sqlite:////path" in said
    assert "hunter2" not in said


def test_an_unreachable_server_is_named_without_its_password(clock: ManualClock) -> None:
    """The address and the driver's reason are shown, passwords in either place are not (G3)."""
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open("postgresql://ann:hunter2@127.0.0.1:1/ledger?sslpassword=hunter3", clock)

    said = str(caught.value)
    assert "127.0.0.1:1/ledger" in said
    assert "Connection refused" in said
    assert "hunter2" not in said
    assert "hunter3" not in said


def test_a_database_that_does_not_exist_is_named(clock: ManualClock) -> None:
    """A wrong database name on a good server is no traceback."""
    url = make_url(server_url()).set(database="bp_no_such_database")

    with pytest.raises(LedgerUnavailable, match="does not exist"):
        Ledger.open(url.render_as_string(hide_password=False), clock)


def test_a_sqlite_file_gets_its_folder(sqlite_url: str, tmp_path: Path, clock: ManualClock) -> None:
    """The default location works before anything was ever written there."""
    Ledger.open(sqlite_url, clock).close()

    assert (tmp_path / "ledger" / "ledger.db").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file where a folder is needed is reported with the folder's path."""
    (tmp_path / "taken").write_text("")

    with pytest.raises(LedgerUnavailable, match="taken"):
        open_engine(f"sqlite:///{tmp_path}/taken/ledger.db")


def test_a_file_of_another_kind_is_left_alone(tmp_path: Path, clock: ManualClock) -> None:
    """A text file is refused and stays what it was."""
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but long enough to look at" * 100)

    with pytest.raises(LedgerUnavailable, match="is a file of another kind"):
        Ledger.open(f"sqlite:///{path}", clock)
    assert path.read_text().startswith("not a database")


def test_a_folder_in_place_of_the_file_is_reported(tmp_path: Path, clock: ManualClock) -> None:
    """SQLite cannot open a folder, and the message says what to look at."""
    with pytest.raises(LedgerUnavailable, match="cannot be opened; check that the folder exists"):
        Ledger.open(f"sqlite:///{tmp_path}", clock)


def test_a_locked_database_is_reported(sqlite_url: str) -> None:
    """Who waits longer than the limit learns that another process holds the lock."""
    engine = open_engine(sqlite_url, lock_seconds=0.05)
    with writing(engine), pytest.raises(LedgerUnavailable, match="is locked by another process"), writing(engine):
        pass
    engine.dispose()


def test_a_locked_row_is_reported(postgres_url: str) -> None:
    """PostgreSQL's waits end as SQLite's do."""
    engine = open_engine(postgres_url, lock_seconds=0.05)
    with writing(engine) as first:
        first.execute(text("CREATE TABLE t (a int)"))
    with writing(engine) as first:
        first.execute(text("LOCK TABLE t"))
        with pytest.raises(LedgerUnavailable, match="is locked by another process"):
            _insert(engine)
    engine.dispose()


def test_a_full_disk_is_reported_and_loses_nothing(sqlite_url: str, clock: ManualClock) -> None:
    """A group that does not fit is not written in part, and what was there stays."""
    with Ledger.open(sqlite_url, clock) as ledger:
        rows = start_job(ledger)
        with reading(ledger._engine) as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

        with pytest.raises(LedgerUnavailable, match="no space left"):
            ledger.record(JOB, [make_report(row, attempt=make_attempt(), output="x" * 100_000) for row in rows])
        assert ledger.progress(JOB).cost_usd == 0


def test_sqlite_is_set_up_for_many_processes(sqlite_url: str) -> None:
    """Every connection uses the write-ahead log, foreign keys and a patient lock."""
    engine = open_engine(sqlite_url)
    with reading(engine) as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        ]
    engine.dispose()

    assert found == ["wal", 1, 1, 30_000]


def test_an_error_in_a_transaction_leaves_nothing(ledger_url: str) -> None:
    """What was written before the error is gone after it."""
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (a int)"))
    with pytest.raises(ZeroDivisionError):
        _insert(engine, fails=True)
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM t")).scalar() == 0
    engine.dispose()


def test_a_reader_sees_one_moment(ledger_url: str) -> None:
    """What commits while a reader is under way does not show up in the middle of its answer."""
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (a int)"))
    with reading(engine) as reader:
        before = reader.execute(text("SELECT count(*) FROM t")).scalar()
        _insert(engine)
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == before
    engine.dispose()


def test_errors_do_not_show_what_was_written(ledger: Ledger) -> None:
    """A statement that fails names itself and not its values, which are users' texts (G3)."""
    start_job(ledger)
    plan = make_plan()
    twice = plan.model_copy(update={"items": plan.items[:1] * 2})

    with pytest.raises(Exception, match=r"UNIQUE|unique") as caught:
        ledger.create_job("other", twice)
    assert "t0" not in str(caught.value)


def test_threads_write_at_once(ledger: Ledger) -> None:
    """Writers queue for each other instead of failing, and none is lost."""
    start_job(ledger)

    def ask(number: int) -> None:
        ledger.request(JOB, RequestKind.PAUSE, f"thread {number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(80)))

    assert len(ledger.open_requests(JOB)) == 80


def test_processes_write_at_once(ledger: Ledger, ledger_url: str) -> None:
    """Two processes write to the file of a third, and none of them fails."""
    rows = start_job(ledger)
    command = [sys.executable, "-c", WRITER, ledger_url, "50"]
    others = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    for number in range(1, 51):
        ledger.record(JOB, [make_report(rows[0], attempt=make_attempt(number))])

    assert [process.communicate(timeout=60)[0] for process in others] == ["done\n", "done\n"]
    assert len(ledger.open_requests(JOB)) == 100
    assert ledger.item(JOB, "item_0").attempts == 50


def test_kill_loses_nothing_that_was_committed(ledger: Ledger, ledger_url: str) -> None:
    """Every write that returned before a kill -9 is there after it (D5)."""
    start_job(ledger)
    script = WRITER.replace('print("done", flush=True)', "").replace(
        'f"{os.getpid()}-{number}")', 'f"{number}"); print(number, flush=True)'
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, ledger_url, "100000"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        written = [int(process.stdout.readline()) for _ in range(20)]
        os.kill(process.pid, signal.SIGKILL)
        written += [int(line) for line in process.stdout.read().split()]

    assert {request.by for request in ledger.open_requests(JOB)} >= {str(number) for number in written}


def test_a_reader_does_not_stop_a_writer(sqlite_url: str, clock: ManualClock) -> None:
    """Progress can be read for as long as it takes while calls are made durable."""
    with Ledger.open(sqlite_url, clock) as ledger:
        rows = start_job(ledger)
        written = threading.Event()

        def write() -> None:
            ledger.record(JOB, [make_report(rows[0], trigger=ItemTrigger.START)])
            written.set()

        with reading(ledger._engine) as connection:
            connection.execute(text("SELECT * FROM batch_items")).all()
            writer = threading.Thread(target=write)
            writer.start()
            assert written.wait(5)
        writer.join()


def test_the_file_is_plain_sqlite(sqlite_url: str, clock: ManualClock) -> None:
    """Any SQLite tool can read the ledger."""
    with Ledger.open(sqlite_url, clock) as ledger:
        ledger.create_job(JOB, make_plan())

    connection = sqlite3.connect(make_url(sqlite_url).database or "")
    assert connection.execute("SELECT id, status FROM batch_jobs").fetchall() == [(JOB, "pending")]
    connection.close()
