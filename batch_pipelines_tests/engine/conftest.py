"""A ledger under the wall clock, because leases and calls take real time, and engines that are closed in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from batch_pipelines.engine.engine import Engine
from batch_pipelines.engine.limiter import Limiter
from batch_pipelines.estimation.prices import PriceBook
from batch_pipelines.ledger.store import Ledger
from batch_pipelines_tests.engine.samples import PRICES, make_engine, utc_now


@pytest.fixture
def ledger_url(tmp_path: Path) -> str:
    """Where the ledger is."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An empty ledger on SQLite."""
    with Ledger.open(ledger_url, utc_now) as opened:
        yield opened


EngineOn = Callable[..., Engine]


@pytest.fixture
def journals(tmp_path: Path) -> Path:
    """Where engines note their calls."""
    return tmp_path / "journals"


@pytest.fixture
def engine_on(ledger: Ledger, journals: Path) -> Iterator[EngineOn]:
    """Makes engines that talk to the server at a URL; they are closed before the ledger is."""
    with ExitStack() as opened:

        def make(
            url: str, limiter: Limiter | None = None, prices: PriceBook = PRICES, ledger: Ledger = ledger
        ) -> Engine:
            return opened.enter_context(make_engine(ledger, journals, url, limiter, prices))

        yield make
