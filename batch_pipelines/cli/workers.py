"""The process that carries out a run which the command line started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from batch_pipelines.orchestration.home import prepare_home
from batch_pipelines.settings import Settings

WORKER_MODULE = "batch_pipelines.orchestration.worker"
LOG_TAIL_LINES = 3


class Worker:
    """A run in a session of its own, so that an interrupt in the terminal lets its calls in flight finish."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    def start(cls, settings: Settings, batch_job_id: str) -> Self:
        """Start the run of a batch job; what Dagster prints goes to a file under the home."""
        home = prepare_home(settings)
        log = home / "logs" / f"{batch_job_id}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", WORKER_MODULE, batch_job_id],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"DAGSTER_HOME": str(home)},
            )
        return cls(process, log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        self._process.wait()

    @property
    def is_alive(self) -> bool:
        """Whether the run still goes on."""
        return self._process.poll() is None

    def interrupt(self) -> None:
        """Ask the run to end, as a terminal does."""
        if self.is_alive:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the run at once, with the processes it started; what was finished is in the ledger."""
        if self.is_alive:
            os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """Where its log is, and how that ends."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        tail = " / ".join(line.strip() for line in lines[-LOG_TAIL_LINES:])
        return f"Its log is {self._log}, which ends: {tail}"
