"""Commands for tests: called in this process where that is enough, and as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from batch_pipelines.cli.app import main
from batch_pipelines.providers.simulated.config import SimulatedConfig
from batch_pipelines.providers.simulated.process import SimulatedProcess, stats
from batch_pipelines_tests.conftest import OURS

COMMAND = [sys.executable, "-m", "batch_pipelines.cli"]
LONGEST_SECONDS = 120
TOO_SHORT_FOR_EDGE_CASES = 2750
"""Tokens of a context into which every template and every scenario fits, and no edge case."""
NO_DAGSTER = "http://127.0.0.1:9"
"""Where no Dagster runs: a test must not find one that somebody has open on this machine."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON document; fails where it is anything else."""
        return json.loads(self.out)


Call = Callable[..., Outcome]
Spec = Callable[..., Path]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command runs in a folder without a `.env`, with a home of its own, 100 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("BATCH_PIPELINES_DAGSTER_URL", NO_DAGSTER)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        said = capsys.readouterr()
        return Outcome(code, said.out, said.err)

    return run


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a command to end."""
    out, err = process.communicate(timeout=LONGEST_SECONDS)
    return Outcome(process.returncode, out, err)


def execute(*arguments: object, **environment: str) -> Outcome:
    """Run a command as a process of its own, to its end."""
    return ended(start(*arguments, **environment))


def items(count: int) -> list[dict[str, Any]]:
    """Items that every prompt of the shipped pipeline fits."""
    return [
        {"id": f"talk_{number}", "persona": f"Beekeeper {number}", "emotion": "Calm", "topic": "Honey"}
        for number in range(count)
    ]


def write_spec(path: Path, **fields: Any) -> Path:
    """A spec file of three conversations unless `fields` say otherwise; a field of None is left out."""
    content = {"pipeline": "conversation_generation", "name": "Talks [1]", "items": items(3), **fields}
    path.write_text(yaml.safe_dump({name: value for name, value in content.items() if value is not None}))
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Spec:
    """Writes a spec file."""
    return lambda **fields: write_spec(tmp_path / "spec.yaml", **fields)


@dataclass(frozen=True)
class Finished:
    """A batch job that a command ran to its end: six conversations, of which the two edge cases failed."""

    home: Path
    id: str
    outcome: Outcome
    """Of `run --json`."""
    stats: dict[str, Any]
    """What the server counted."""


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Runs the job that every test of outputs shares."""
    home = tmp_path_factory.mktemp("finished")
    path = write_spec(home / "spec.yaml", items=items(6), budget={"max_cost_usd": 5})
    config = SimulatedConfig(latency_mean_seconds=0.05, context_tokens=TOO_SHORT_FOR_EDGE_CASES)
    with SimulatedProcess(config) as server:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment = clean | {"DAGSTER_HOME": str(home), "ANTHROPIC_BASE_URL": server.url, "COLUMNS": "100"}
        process = subprocess.run(
            [*COMMAND, "run", str(path), "--json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        outcome = Outcome(process.returncode, process.stdout, process.stderr)
        assert outcome.code == 0, outcome
        return Finished(home, outcome.json["id"], outcome, stats(server.url))


@pytest.fixture
def finished(ran: Finished, monkeypatch: pytest.MonkeyPatch) -> Finished:
    """The shared job, in the home that commands see."""
    monkeypatch.setenv("DAGSTER_HOME", str(ran.home))
    return ran
