"""Brings a database to the schema that this package knows."""

from __future__ import annotations

import threading

from sqlalchemy import Connection, Engine, String, column, inspect, select, table, text

from batch_pipelines.domain.errors import LedgerUnavailable
from batch_pipelines.ledger.database import reading, shown, writing

HEAD = "0004"
"""The newest revision under migrations/versions; revisions are numbers of four digits, in order."""
VERSION_TABLE = "bp_alembic_version"
"""Not Alembic's default, which Dagster uses; the two may share a database."""
SCRIPTS = "batch_pipelines.ledger:migrations"

_ADVISORY_LOCK = 7_237_120_001
"""Any number that nobody else locks in the same PostgreSQL database."""
# Alembic keeps the migration under way in module globals.
_one_at_a_time = threading.Lock()


def migrate(engine: Engine) -> None:
    """Create or upgrade the tables; a few milliseconds where there is nothing to do, and safe to call from anywhere.

    Raises LedgerUnavailable for a database that a newer package has upgraded.
    """
    with reading(engine) as connection:
        if _is_current(connection):
            return
    with _one_at_a_time, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        # On SQLite the transaction itself is the lock. Another process may have been here first.
        if not _is_current(connection):
            _upgrade(connection)


def _is_current(connection: Connection) -> bool:
    """Whether the schema is this package's; raises LedgerUnavailable where it is newer."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return False
    found = connection.execute(select(column("version_num", String)).select_from(table(VERSION_TABLE))).scalar()
    if found is not None and found > HEAD:
        raise LedgerUnavailable(
            shown(connection.engine.url),
            f"has schema {found}, and this package knows none after {HEAD}",
            "upgrade the package batch-pipelines, or name another database",
        )
    return bool(found == HEAD)


def _upgrade(connection: Connection) -> None:
    # Alembic takes a third of a second to import, and is needed once in the life of a database.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
