"""What every test may ask for: a clean environment, a clock that is moved by hand, a ledger, a simulated provider."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.ledger.store import Ledger
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from batch_pipelines_tests.clock import ManualClock

OURS = ("BATCH_PIPELINES_", "ANTHROPIC_", "DAGSTER_")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: many tests wait for a process or a server that they started."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings, or the key, of whoever runs it."""
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> ManualClock:
    """A clock that the test moves."""
    return ManualClock()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty DAGSTER_HOME, which is where the default ledger is."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    return home


@pytest.fixture
def sqlite_ledger(tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    """An empty ledger on SQLite, under the manual clock."""
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", clock) as ledger:
        yield ledger


Simulate = Callable[..., SimulatedProcess]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Starts simulated providers as processes of their own; takes fields of SimulatedConfig, without latency."""
    with ExitStack() as running:

        def start(**fields: Any) -> SimulatedProcess:
            config = SimulatedConfig(**{"latency_mean_seconds": 0, **fields})
            return running.enter_context(SimulatedProcess(config))

        yield start
