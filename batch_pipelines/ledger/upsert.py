"""INSERT ... ON CONFLICT, which both databases spell alike and SQLAlchemy keeps in two dialects.

Statements are built once, by the name of the dialect: building one takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningInsert

Excluded = ReadOnlyColumnCollection[str, Any]
"""The row that could not be inserted."""
Insert = sqlite.Insert | postgresql.Insert


def inserts(table: Table) -> dict[str, Insert]:
    """A plain INSERT for each dialect, to go on from."""
    return {"sqlite": sqlite.insert(table), "postgresql": postgresql.insert(table)}


def insert_unless_there(table: Table) -> dict[str, Insert]:
    """Insert, leaving rows whose key is taken as they are."""
    return {dialect: insert.on_conflict_do_nothing() for dialect, insert in inserts(table).items()}


def insert_returning_new(table: Table, *columns: ColumnElement[Any]) -> dict[str, ReturningInsert[Any]]:
    """The same, returning these columns of the rows that were not there."""
    return {dialect: insert.returning(*columns) for dialect, insert in insert_unless_there(table).items()}


def upsert(table: Table, changes: Callable[[Excluded], dict[str, ColumnElement[Any]]]) -> dict[str, Insert]:
    """Insert, or change the row of the same primary key; no key may stand twice in one execution."""
    key = [column.name for column in table.primary_key]
    return {
        dialect: insert.on_conflict_do_update(index_elements=key, set_=changes(insert.excluded))
        for dialect, insert in inserts(table).items()
    }
