"""The ledger and the engines of the engine's own tests; servers that are killed and come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess
from batch_pipelines_tests.engine.conftest import engine_on, journals, ledger, ledger_url

__all__ = ["engine_on", "journals", "ledger", "ledger_url", "log_file", "serve"]

Serve = Callable[..., SimulatedProcess]


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """Where servers write what they were asked, and what they billed; it outlives them."""
    return tmp_path / "requests.jsonl"


@pytest.fixture
def serve(log_file: Path) -> Iterator[Serve]:
    """Starts simulated providers that keep their log in a file; takes a `port` and fields of SimulatedConfig."""
    with ExitStack() as running:

        def start(port: int = 0, **fields: Any) -> SimulatedProcess:
            config = SimulatedConfig(**{"latency_mean_seconds": 0, **fields})
            return running.enter_context(SimulatedProcess(config, port=port, log_file=log_file))

        yield start
