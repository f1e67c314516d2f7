"""The schema: migrations, what they leave alone, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.ledger.database import open_engine, reading, writing
from batch_pipelines.ledger.schema import HEAD, SCRIPTS, VERSION_TABLE, migrate
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.ledger.tables import metadata
from batch_pipelines_tests.clock import ManualClock
from batch_pipelines_tests.ledger.samples import JOB, make_plan

OPEN = """
import sys
from datetime import UTC, datetime
from batch_pipelines.ledger.store import Ledger
Ledger.open(sys.argv[1], lambda: datetime.now(UTC)).close()
print("alembic" in sys.modules)
"""

WAIT = """
import alembic.command, batch_pipelines.ledger.store
print("ready", flush=True)
input()
"""
"""Everything slow is done before all go on at once."""


def is_stated(name: str | None, kind: str, _: object) -> bool:
    """Whether the metadata states it: the index of passages is a virtual table on one database, and is not there."""
    return not (kind == "table" and name is not None and name.startswith("passage_index"))


def test_migrations_make_what_the_tables_say(ledger: Ledger) -> None:
    """A database made by migrations has exactly the tables, columns, indexes and keys of the metadata."""
    with reading(ledger._engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={"version_table": VERSION_TABLE, "compare_server_default": True, "include_name": is_stated},
        )
        assert compare_metadata(context, metadata) == []


def test_the_head_is_the_newest_script() -> None:
    """The number that makes a start fast is the one Alembic would reach."""
    config = Config()
    config.set_main_option("script_location", SCRIPTS)

    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrating_again_changes_nothing(ledger: Ledger) -> None:
    """Every process migrates at its start, whatever is in the database."""
    ledger.create_job(JOB, make_plan())

    migrate(ledger._engine)

    assert ledger.job(JOB).total_items == 3


def test_a_start_without_migration_is_fast(ledger: Ledger) -> None:
    """Where the schema is current, a look at it takes less than 20 ms."""
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        migrate(ledger._engine)
        spent.append(time.perf_counter() - begin)

    assert min(spent) < 0.020


def test_a_start_without_migration_leaves_alembic_alone(ledger: Ledger, ledger_url: str) -> None:
    """Alembic's import is paid once in the life of a database."""
    again = subprocess.run([sys.executable, "-c", OPEN, ledger_url], capture_output=True, text=True, check=True)

    assert again.stdout == "False\n"


def test_processes_may_start_together(ledger_url: str) -> None:
    """Of several that find an empty database at once, one makes the tables and none fails."""
    command = [sys.executable, "-W", "error", "-c", WAIT + OPEN, ledger_url]
    pipe = subprocess.PIPE
    starting = [subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(4)]
    for process in starting:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()

    ended = [process.communicate(timeout=60) for process in starting]

    assert [error for _, error in ended] == [""] * 4


def test_a_newer_schema_is_refused(ledger_url: str, clock: ManualClock) -> None:
    """An old package does not touch a database that a newer one has upgraded, and says what helps."""
    Ledger.open(ledger_url, clock).close()
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()

    with pytest.raises(LedgerUnavailable, match=r"has schema 9999.*upgrade the package"):
        Ledger.open(ledger_url, clock)


def test_dagster_may_live_in_the_same_database(ledger_url: str, clock: ManualClock) -> None:
    """Dagster's own version table is neither read nor written."""
    engine = open_engine(ledger_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('of_dagster')"))

    Ledger.open(ledger_url, clock).close()

    with reading(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["of_dagster"]
        assert connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all() == [HEAD]
        assert "batch_jobs" in inspect(connection).get_table_names()
    engine.dispose()


def test_no_table_has_a_name_of_dagsters() -> None:
    """The ledger and Dagster's storage can share a database."""
    # Dagster takes seconds to import, and only this test wants it.
    from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
    from dagster._core.storage.runs.schema import RunStorageSqlMetadata
    from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

    dagsters = set(SqlEventLogStorageMetadata.tables) | set(RunStorageSqlMetadata.tables)

    assert not (dagsters | set(ScheduleStorageSqlMetadata.tables)) & set(metadata.tables)
