"""One way to open the ledger's database and two kinds of transaction; what differs between databases stays here."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError

from batch_pipelines.domain.errors import InvalidInput, LedgerUnavailable

VARIABLE = "BATCH_PIPELINES_DATABASE_URL"
DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg2",
    # SQLAlchemy 2.1 would take psycopg 3 here, which dagster-postgres does not work with.
    "postgresql": "postgresql+psycopg2",
    "postgresql+psycopg2": "postgresql+psycopg2",
}
EXAMPLES = "use sqlite:////path/to/file.db or postgresql://user:password@host/database"

CONNECT_SECONDS = 10
LOCK_SECONDS = 30.0
"""How long a transaction queues behind others before the database counts as locked."""

WAL_RETRY_SECONDS = 0.01
ROWS_AT_ONCE = 8
"""Rows that one statement inserts into SQLite, where they are told back. Groups of reports have all sizes; a statement
for each size would have to be compiled, and kept: some 200 kB for each connection."""
_WRITES = "ledger_writes"
_SECRET_KEYS = ("password", "sslpassword")

_PROBLEMS = (
    ("database is locked", "is locked by another process", "wait for that process to end, then try again"),
    ("lock timeout", "is locked by another process", "wait for that process to end, then try again"),
    ("unable to open database file", "cannot be opened", "check that the folder exists and may be written to"),
    ("readonly database", "may not be written to", "check who owns the file and its folder"),
    ("disk is full", "has no space left on its disk", "make room, then resume the batch job"),
    ("No space left", "has no space left on its disk", "make room, then resume the batch job"),
    ("file is not a database", "is a file of another kind", "name another file, or move this one away"),
    ("malformed", "is damaged", "restore it from a backup, or move it away to begin anew"),
    ("authentication failed", "refuses the user or the password", "correct them in the URL"),
)


def open_engine(url: str, *, lock_seconds: float = LOCK_SECONDS) -> Engine:
    """An engine for the ledger's URL; connects to nothing yet.

    Raises InvalidInput for a URL of no use, LedgerUnavailable where the folder of a SQLite file cannot be made.
    """
    parsed = _normalised(url)
    return (
        _open_sqlite(parsed, lock_seconds) if parsed.get_backend_name() == "sqlite" else _open_pg(parsed, lock_seconds)
    )


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads; all its statements see the database as it was at the first."""
    # On SQLite that is so anyway.
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _translated(engine), engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write: all of it or, when an error leaves the block, nothing.

    On SQLite it takes the write lock at its beginning. One that read first and wrote later would fail at once, instead
    of queueing, when another process wrote in between.
    """
    with (
        _translated(engine),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


def shown(url: URL) -> str:
    """A URL for people, without its passwords."""
    hidden = {key: "hidden" for key in _SECRET_KEYS if key in url.query}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _normalised(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What cannot be parsed cannot have its password cut out either, so only the scheme is shown.
        scheme = url.partition("://")[0][:20] if "://" in url else "..."
        raise InvalidInput(VARIABLE, f"{scheme}://...", "is not a database URL", EXAMPLES) from None
    driver = DRIVERS.get(parsed.drivername)
    if driver is None:
        raise InvalidInput(VARIABLE, shown(parsed), f"names the unknown driver {parsed.drivername!r}", EXAMPLES)
    if driver.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise InvalidInput(VARIABLE, shown(parsed), "is in memory, where no other process can see it", EXAMPLES)
    return parsed.set(drivername=driver)


def _open_sqlite(url: URL, lock_seconds: float) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"needs the folder {folder}, which cannot be made ({error.strerror})"
        raise LedgerUnavailable(shown(url), problem, "name another folder, or give the right to write there") from error
    engine = create_engine(url, hide_parameters=True, insertmanyvalues_page_size=ROWS_AT_ONCE)

    def set_up(connection: Any, _: Any) -> None:
        # SQLAlchemy, not the driver, says when a transaction begins.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(lock_seconds * 1000)}")
        _use_wal(cursor, lock_seconds)
        # A commit is then in the operating system's hands, where the death of this process (kill -9) cannot reach it.
        # Only a power cut may undo the last commits, without damage; FULL would wait for the disk at every commit.
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


def _use_wal(cursor: sqlite3.Cursor, lock_seconds: float) -> None:
    """Switch a new file to WAL. SQLite's own waiting does not cover the moment in which several processes do so."""
    give_up_at = time.monotonic() + lock_seconds
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= give_up_at:
                raise
            time.sleep(WAL_RETRY_SECONDS)
        else:
            return


def _open_pg(url: URL, lock_seconds: float) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        # Updates of many rows travel together, as inserts do anyway.
        executemany_mode="values_plus_batch",
        connect_args={} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS},
    )

    def set_up(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(lock_seconds * 1000)}")
        cursor.close()
        connection.commit()

    event.listen(engine, "connect", set_up)
    return engine


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise _unavailable(engine, error) from error
    except DatabaseError as error:
        # Its subclasses, as IntegrityError, are about a statement and not about the database.
        if type(error) is not DatabaseError:
            raise
        raise _unavailable(engine, error) from error


def _unavailable(engine: Engine, error: DatabaseError | InterfaceError) -> LedgerUnavailable:
    said = str(error.orig).strip()
    for words, problem, remedy in _PROBLEMS:
        if words in said:
            return LedgerUnavailable(shown(engine.url), problem, remedy)
    first_line = said.partition("\n")[0]
    return LedgerUnavailable(
        shown(engine.url), f"cannot be used ({first_line})", "check that its server runs and that the URL is right"
    )
