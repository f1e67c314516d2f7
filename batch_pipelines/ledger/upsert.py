"""INSERT ... ON CONFLICT, which both databases spell alike and SQLAlchemy keeps in two dialects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection

Rows = Sequence[Mapping[str, Any]]
Changes = Callable[[ReadOnlyColumnCollection[str, Any]], dict[str, ColumnElement[Any]]]
"""From the row that could not be inserted to what changes in the one that is there."""


def insert_for(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The INSERT of the connection's database."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_unless_there(connection: Connection, table: Table, rows: Rows) -> None:
    """Insert, leaving rows whose key is taken as they are."""
    connection.execute(insert_for(connection, table).on_conflict_do_nothing(), rows)


def upsert(connection: Connection, table: Table, rows: Rows, changes: Changes) -> None:
    """Insert, or change the row of the same primary key. No key may stand twice in `rows`."""
    statement = insert_for(connection, table)
    key = [column.name for column in table.primary_key]
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes(statement.excluded)), rows)
