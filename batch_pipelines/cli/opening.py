"""What most commands open: the settings, the home, the ledger, a spec."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from batch_pipelines.control.reading import needs_ledger, read_spec
from batch_pipelines.control.submission import plan_spec
from batch_pipelines.domain.job import Plan
from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.pipelines.catalogue import all_pipelines
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


def planned(spec_file: Path, settings: Settings) -> Plan:
    """The plan of the spec in a file, in whose folder its relative paths start; raises InvalidInput."""
    spec, folder = read_spec(spec_file), spec_file.absolute().parent
    pipelines = all_pipelines(settings.pipelines_folder, settings.routes_file)
    if not needs_ledger(spec):
        # A plan leaves nothing behind, so the ledger is not even opened without need.
        return plan_spec(spec, pipelines, settings, folder)
    with opened_ledger(settings) as ledger:
        return plan_spec(spec, pipelines, settings, folder, ledger)
