"""What a ledger asks of its database, where the number of questions is what is tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from batch_pipelines.ledger.store import Ledger


@contextmanager
def counted(ledger: Ledger) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(*arguments: Any) -> None:
        sent.append(arguments[2])

    event.listen(ledger._engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(ledger._engine, "before_cursor_execute", note)
