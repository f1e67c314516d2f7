"""What most commands open: the settings, the home and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.settings import Settings, load_settings


def now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


@contextmanager
def opened_ledger(settings: Settings | None = None) -> Iterator[Ledger]:
    """The ledger that the settings name, in a home that can be used; raises InvalidInput, LedgerUnavailable."""
    settings = settings or load_settings()
    prepare_home(settings)
    with Ledger.open(settings.ledger_url, now) as ledger:
        yield ledger
