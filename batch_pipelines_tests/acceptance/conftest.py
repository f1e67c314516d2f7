"""Whole jobs: the real command, the real Dagster job in a process of its own, a real server that counts calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from batch_pipelines.ledger.store import Ledger
from batch_pipelines.orchestration.services import utc_now
from batch_pipelines.providers.simulated.process import SimulatedProcess
from batch_pipelines_tests.conftest import Simulate

COMMAND = [str(Path(sys.executable).with_name("batch-pipelines"))]
RUN_SECONDS = 150


class Deployment:
    """A home with a Dagster instance and a ledger, and a simulated provider that counts."""

    def __init__(self, home: Path, server: SimulatedProcess, ledger_url: str, environment: dict[str, str]) -> None:
        self.home = home
        self.server = server
        self.ledger_url = ledger_url
        self.environment = environment

    def spec(self, **fields: Any) -> Path:
        """A spec file; nine conversations, three of each tier, unless `fields` say otherwise."""
        content = {"pipeline": "conversation_generation", "items": items(9), **fields}
        path = self.home / "spec.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command."""
        return subprocess.Popen(
            [*COMMAND, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with self.start(*arguments) as process:
            try:
                output, errors = process.communicate(timeout=RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def run(self, exit_code: int = 0, **fields: Any) -> dict[str, Any]:
        """Run a spec to its end; returns its status as the command prints it."""
        done = self.command("run", str(self.spec(**fields)), "--json")
        assert done.returncode == exit_code, done.stderr + done.stdout
        status: dict[str, Any] = json.loads(done.stdout)
        return status

    def ledger(self) -> Ledger:
        """The ledger, opened."""
        return Ledger.open(self.ledger_url, utc_now)

    def results(self, batch_job_id: str) -> list[dict[str, Any]]:
        """What `results --json` prints, an item each."""
        with self.ledger() as ledger:
            return [result.model_dump(mode="json") for result in ledger.iter_results(batch_job_id)]

    def instance(self) -> dg.DagsterInstance:
        """The Dagster instance, opened."""
        return dg.DagsterInstance.from_config(str(self.home))


def items(count: int) -> list[dict[str, str]]:
    """Items without a tier, which are dealt out in turn."""
    return [
        {"id": f"conv_{number}", "persona": f"Beekeeper {number}", "emotion": "Calm", "topic": "Honey"}
        for number in range(count)
    ]


Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(home: Path, simulate: Simulate) -> Iterator[Deploy]:
    """Makes a deployment; takes settings (without prefix) and fields of SimulatedConfig as `server`."""

    def make(server: dict[str, Any] | None = None, **settings: str) -> Deployment:
        process = simulate(**(server or {}))
        environment = dict(os.environ)
        environment |= {f"BATCH_PIPELINES_{name.upper()}": value for name, value in settings.items()}
        environment |= {"DAGSTER_HOME": str(home), "ANTHROPIC_BASE_URL": process.url, "COLUMNS": "120"}
        ledger_url = settings.get("database_url", f"sqlite:///{home / 'batch_pipelines.db'}")
        return Deployment(home, process, ledger_url, environment)

    return make
